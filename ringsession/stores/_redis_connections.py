"""One exchange with the right Redis or Valkey server, whatever client the application has.

Owns the borrowing of a connection from the client's own pool, and the redirections of a cluster. Knows no session. The
clients' own `execute_command` is not used: it sends a command again by itself, also one that may have been executed.
"""

from __future__ import annotations

import inspect
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

_REDIRECTIONS = 8
_SECONDS_PER_TOPOLOGY = 1.0
Command = tuple[Any, ...]


class Connections(Protocol):
    """What the store asks through."""

    def ask(self, key: bytes, command: Command) -> Any:
        """Send a command once to the server that has the key; its reply. Raises what the client raises."""


def is_a(error: BaseException, name: str) -> bool:
    """Whether an exception is of a class of this name; redis-py and valkey-py have the same names."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def is_broken_connection(error: BaseException) -> bool:
    """Whether it is worth asking again at once. Not after a timeout: the user has waited long enough."""
    return is_a(error, "ConnectionError") and not is_a(error, "TimeoutError")


def _exchange(pool: Any, *commands: Command) -> Any:
    """Send commands over one connection; the last one's reply."""
    # valkey-py wants to know what for, redis-py would rather not.
    wants_name = not hasattr(type(pool), "get_connection_count")
    connection = pool.get_connection("EVALSHA") if wants_name else pool.get_connection()
    try:
        reply = None
        for command in commands:
            connection.send_command(*command)
            reply = connection.read_response()
        return reply
    finally:
        pool.release(connection)


class ServerConnections:
    """See `Connections`; one server, also the primary that a Sentinel names."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ask(self, key: bytes, command: Command) -> Any:
        return _exchange(self._client.connection_pool, command)


class ClusterConnections:
    """See `Connections`; the primaries of a cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._looked = 0.0

    def ask(self, key: bytes, command: Command) -> Any:
        node = self._client.get_node_from_key(key)
        before: tuple[Command, ...] = ()
        for _ in range(_REDIRECTIONS):
            try:
                return _exchange(self._pool_of(node), *before, command)
            except Exception as error:
                if is_a(error, "MovedError"):
                    before = ()
                elif is_a(
                    error, "AskError"
                ):  # the slot is on its way, and this key is there already
                    before = (("ASKING",),)
                else:
                    if is_broken_connection(error):
                        self._look_again()
                    raise
                node = self._find(key, error, moved=not before)
        raise ConnectionError(f"cluster: expected at most {_REDIRECTIONS} redirections, got more")

    def _pool_of(self, node: Any) -> Any:
        find = getattr(self._client, "get_redis_connection", None)
        client = (find or self._client.get_valkey_connection)(node)
        return client.connection_pool

    def _find(self, key: bytes, error: Any, moved: bool) -> Any:
        node = self._client.get_node(host=error.host, port=error.port)
        if moved or node is None:
            self._look_again()
            node = node or self._client.get_node(host=error.host, port=error.port)
        return node or self._client.get_node_from_key(key)

    def _look_again(self) -> None:
        """Learn who has which slots now; many requests find out together that it has changed."""
        now = time.monotonic()
        if now - self._looked >= _SECONDS_PER_TOPOLOGY:
            self._looked = now
            self._client.nodes_manager.initialize()


def connect(client_or_url: Any, timeout: float | None) -> Connections:
    """The connections of a client, or of a new one for a URL. Raises ValueError or TypeError for what will not do."""
    if isinstance(client_or_url, str):
        return ServerConnections(_client_for(client_or_url, 2 if timeout is None else timeout))
    client = client_or_url
    if inspect.iscoroutinefunction(getattr(client, "execute_command", None)):
        raise TypeError(
            "redis_store: expected a client of the synchronous kind, got an asyncio one"
        )
    if not hasattr(client, "get_encoder"):
        raise TypeError(f"redis_store: expected a client or a URL, got {type(client).__name__}")
    if client.get_encoder().decode_responses:
        raise ValueError("redis_store: expected a client with decode_responses=False")
    if timeout is not None:
        raise ValueError("timeout: expected it with a URL only; a client has its socket_timeout")
    clustered = hasattr(client, "get_node_from_key")
    settings = client.nodes_manager if clustered else client.connection_pool
    if settings.connection_kwargs.get("socket_timeout") is None:
        raise ValueError(
            "redis_store: expected a client with a socket_timeout, such as 2 seconds, got one that waits for ever"
        )
    return ClusterConnections(client) if clustered else ServerConnections(client)


def _client_for(url: str, timeout: float) -> Any:
    parts = urlsplit(url)
    if not parts.hostname and not (parts.scheme == "unix" and parts.path):
        raise ValueError(
            "redis_store: expected a URL with a host, such as redis://sessions.internal:6379/0"
        )
    library = _find_library()
    retry = import_module(f"{library.__name__}.retry").Retry
    none = import_module(f"{library.__name__}.backoff").NoBackoff()
    options = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": retry(none, 0),
    }
    client = library.from_url(url, **options)
    if client.get_encoder().decode_responses:
        raise ValueError("redis_store: expected a URL without decode_responses")
    return client


def _find_library() -> Any:
    """redis-py, or valkey-py where only that is installed."""
    for name in ("redis", "valkey"):
        if find_spec(name) is not None:
            return import_module(name)
    raise ValueError("redis_store: redis-py is not installed; pip install 'ringsession[redis]'")
