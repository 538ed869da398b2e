"""Make a client for a URL, and show where a client connects to.

A URL that no client could connect with is refused here, before anything is sent.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...option_error import suggest
from ..shown_url import HIDDEN, is_host

_LIBRARY = "redis_store: redis-py is not installed; pip install 'ringsession[redis]'"


def make_client(url: str, timeout: float) -> Any:
    """Return a client for a URL. Raises ValueError for a URL that cannot work."""
    parts = urlsplit(url)
    is_socket = parts.scheme == "unix"
    if not parts.hostname and not (is_socket and parts.path):
        raise ValueError(
            "redis_store: expected a URL with a host, such as redis://sessions.internal:6379/0"
        )
    number = parts.path.strip("/")
    if not is_socket and number and not number.isdecimal():
        raise ValueError(
            "redis_store: expected a number of a database, such as redis://sessions.internal:6379/0"
        )
    client = _find_library().from_url(
        url, **{"socket_timeout": timeout, "socket_connect_timeout": timeout}
    )
    if client.get_encoder().decode_responses:
        raise ValueError("redis_store: expected a URL without decode_responses")
    _check_options(client.connection_pool, parts.query)
    return client


def _check_options(pool: Any, query: str) -> None:
    """Raise ValueError for an option that no connection has. It would fail at every request."""
    known: set[str] = set()
    for each in pool.connection_class.__mro__:
        known.update(inspect.signature(each.__init__).parameters)
    known -= {"self", "args", "kwargs"}
    for name in pool.connection_kwargs:
        if name not in known:
            # The name is not shown: it may be the rest of a password with a "?".
            given = [key for key, _ in parse_qsl(query, keep_blank_values=True)]
            place = given.index(name) + 1 if name in given else len(given)
            hint = suggest(name, sorted(known))
            raise ValueError(f"redis_store: unknown option (number {place} in the URL); {hint}")


def _find_library() -> Any:
    """Return redis-py, or valkey-py if only that is installed."""
    for name in ("redis", "valkey"):
        if find_spec(name) is not None:
            return import_module(name)
    raise ValueError(_LIBRARY)


def show_client(client: Any) -> str:
    """Return where a client connects to: a URL without user and password."""
    if hasattr(client, "nodes_manager"):
        nodes = [node.name for node in client.nodes_manager.startup_nodes.values()]
        return f"cluster {_host(','.join(sorted(nodes)))}"
    pool = client.connection_pool
    options = pool.connection_kwargs
    if hasattr(pool, "service_name"):
        return f"sentinel {_host(pool.service_name)}"
    if "path" in options:
        return f"unix://{ascii(options['path'])[1:-1]}?db={options.get('db') or 0}"
    scheme = "rediss" if "SSL" in pool.connection_class.__name__ else "redis"
    host = _host(str(options.get("host", "localhost")))
    return f"{scheme}://{host}:{options.get('port', 6379)}/{options.get('db') or 0}"


def _host(text: str) -> str:
    return text if is_host(text) or is_host(f"[{text}]") else HIDDEN
