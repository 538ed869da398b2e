"""Find the Redis or Valkey server for a key: one server, a Sentinel's primary, or a cluster.

This module also checks the client or URL. It does not use the client's `execute_command`, which
repeats commands that the server may have executed already.
"""

from __future__ import annotations

import inspect
import time
from typing import Any, Protocol

from .. import StoreUnavailable
from .exchange import Server
from .failures import Broken, Refused
from .handshake import Recipe
from .lookup import Lookup
from .replies import Command
from .url import make_client, show_client

_REDIRECTIONS = 8
_SECONDS_PER_TOPOLOGY = 1.0
_ASKING = (b"ASKING",)


class Connections(Protocol):
    """Send commands to the server that has a key."""

    timeout: float
    shown: str  # where they lead to, without user and password
    own_commands: tuple[Command, ...]  # commands that `ask` may send besides the caller's

    def ask(self, key: bytes, commands: tuple[Command, ...], deadline: float) -> list[Any]:
        """Send commands once to the server that has the key, and return the reply to each.

        Raises as `Server.ask`.
        """

    def nodes(self, deadline: float) -> list[Server]:
        """Return the servers that have keys, as the cluster names them now."""

    def layout(self, node: Server, deadline: float) -> list[bytes]:
        """Return the epoch of a cluster's node, and its slots: "9", "0-5460", "[7->-a moving one]".

        The epoch changes whenever the node gets a slot. Return nothing outside a cluster.
        """

    def close(self) -> None:
        """Close the idle connections."""


class ServerConnections:
    """Connect to one server, which may be the primary that a Sentinel names."""

    own_commands: tuple[Command, ...] = ()

    def __init__(self, client: Any, timeout: float) -> None:
        self.timeout = timeout
        self.shown = show_client(client)
        self._client = client
        self._server = Server(Recipe(client.connection_pool))

    def ask(self, key: bytes, commands: tuple[Command, ...], deadline: float) -> list[Any]:
        return self._server.ask(commands, deadline)

    def nodes(self, deadline: float) -> list[Server]:
        return [self._server]

    def layout(self, node: Server, deadline: float) -> list[bytes]:
        return []

    def close(self) -> None:
        self._server.close()


class ClusterConnections:
    """Connect to the primaries of a cluster."""

    own_commands: tuple[Command, ...] = (_ASKING,)

    def __init__(self, client: Any, timeout: float) -> None:
        self.timeout = timeout
        self.shown = show_client(client)
        self._client = client
        self._servers: dict[str, Server] = {}
        self._topology = Lookup(client.nodes_manager.initialize)
        self._last_look = 0.0

    def ask(self, key: bytes, commands: tuple[Command, ...], deadline: float) -> list[Any]:
        try:
            node, asking = self._client.get_node_from_key(key), False
        except Exception:
            self._look_again(deadline)
            raise StoreUnavailable("redis_store: no node of the cluster has the slot") from None
        for _ in range(_REDIRECTIONS):
            try:
                server = self._server_of(node)
                if not asking:
                    return server.ask(commands, deadline)
                return server.ask((_ASKING, *commands), deadline)[1:]  # without the reply to ASKING
            except Refused as refused:
                if refused.reply.code not in ("MOVED", "ASK"):
                    if refused.reply.code == "CLUSTERDOWN":
                        self._look_again(deadline)
                    raise
                # ASK: the slot is being moved, and this key is at the other node already.
                asking = refused.reply.code == "ASK"
                node = self._find(key, node, refused, deadline)
            except Broken:
                self._look_again(deadline)
                raise
        raise StoreUnavailable(f"redis_store: the cluster redirected {_REDIRECTIONS} times")

    def nodes(self, deadline: float) -> list[Server]:
        self._last_look = 0.0
        self._look_again(deadline)
        return [self._server_of(node) for node in self._client.get_primaries()]

    def layout(self, node: Server, deadline: float) -> list[bytes]:
        (text,) = node.ask(((b"CLUSTER", b"NODES"),), deadline)
        own = next(line.split() for line in text.splitlines() if b"myself" in line)
        return [own[6], *own[8:]]

    def close(self) -> None:
        for server in list(self._servers.values()):
            server.close()

    def _server_of(self, node: Any) -> Server:
        server = self._servers.get(node.name)
        if server is None:
            find = getattr(self._client, "get_redis_connection", None)
            client = (find or self._client.get_valkey_connection)(node)
            server = self._servers.setdefault(node.name, Server(Recipe(client.connection_pool)))
        return server

    def _find(self, key: bytes, sender: Any, refused: Refused, deadline: float) -> Any:
        """Return the node that a redirection names: "MOVED 3999 10.0.0.1:6381"."""
        host, _, port = refused.reply.text.split(" ")[2].rpartition(":")
        host = host or sender.host  # empty: the same host as before
        node = self._client.get_node(host=host, port=int(port))
        if node is None or refused.reply.code == "MOVED":
            self._look_again(deadline)
            node = node or self._client.get_node(host=host, port=int(port))
        return node or self._client.get_node_from_key(key)

    def _look_again(self, deadline: float) -> None:
        """Ask the cluster which node has which slots, at most once a second.

        Many requests notice a change at the same time. If no node answers, keep the known slots.
        """
        now = time.monotonic()
        if now - self._last_look < _SECONDS_PER_TOPOLOGY:
            return
        self._last_look = now
        try:
            self._topology.wait(deadline)
        except Exception:
            return
        names = {node.name for node in self._client.get_nodes()}
        for name in self._servers.keys() - names:
            server = self._servers.pop(name, None)
            if server is not None:
                server.close()


def connect(client_or_url: Any, timeout: float | None) -> Connections:
    """Return the connections of a client, or of a new client for a URL.

    Raises TypeError if the object is not a client, and ValueError if an option cannot work.
    """
    if isinstance(client_or_url, str):
        client = make_client(client_or_url, 2 if timeout is None else timeout)
        # An option of the URL wins, as in the client library.
        return ServerConnections(client, client.connection_pool.connection_kwargs["socket_timeout"])
    client = client_or_url
    if inspect.iscoroutinefunction(getattr(client, "execute_command", None)):
        raise TypeError("redis_store: expected a synchronous client, got an asyncio client")
    if not hasattr(client, "get_encoder"):
        raise TypeError(f"redis_store: expected a client or a URL, got {type(client).__name__}")
    if client.get_encoder().decode_responses:
        raise ValueError("redis_store: expected a client with decode_responses=False")
    if timeout is not None:
        raise ValueError("timeout: expected None, since a client has its own socket_timeout")
    clustered = hasattr(client, "get_node_from_key")
    settings = client.nodes_manager if clustered else client.connection_pool
    timeout = settings.connection_kwargs.get("socket_timeout")
    if timeout is None:
        raise ValueError(
            "redis_store: expected a client with a socket_timeout, such as 2 seconds, got a client"
            " that would wait without limit"
        )
    return (ClusterConnections if clustered else ServerConnections)(client, timeout)
