"""Connect to a Redis or Valkey server with the settings of the application's own client.

The client library makes the connection, with its address, TLS, credentials, Sentinel and database.
The socket is then taken from it. The library's pool is never used: it takes back a connection whose
handshake was interrupted.
"""

from __future__ import annotations

import socket
from functools import cached_property
from typing import Any

from .lookup import Lookup, seconds_left
from .replies import pack

# Each of these options makes a connection speak RESP3, send commands by itself, retry by itself, or
# receive bytes that no command asked for.
_LEFT_OUT = frozenset(
    (
        *("cache_enabled", "client_cache", "event_dispatcher", "himport_registry", "parser_class"),
        *("maint_notifications_config", "maint_notifications_pool_handler", "orig_host_address"),
        *("orig_socket_timeout", "orig_socket_connect_timeout", "maintenance_state"),
        *("maintenance_notification_hash", "oss_cluster_maint_notifications_handler"),
        *("decode_responses", "legacy_responses", "retry", "retry_on_error", "retry_on_timeout"),
    )
)


def is_a(error: BaseException, name: str) -> bool:
    """Return whether an exception is of a class of this name.

    redis-py and valkey-py use the same names.
    """
    return any(kind.__name__ == name for kind in type(error).__mro__)


class _Packer:
    """Pack the commands of a handshake. The client library passes str and int as well as bytes."""

    def pack(self, *command: Any) -> list[bytes]:
        parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
        return [pack([*parts[0].split(), *parts[1:]])]  # a command's name may be two words


class _Bounded:
    """Make a library's connection keep one deadline, however many exchanges its handshake has."""

    _sock: Any

    def __init__(self, *, deadline: float, **options: Any) -> None:
        self._deadline = deadline
        self._connect_limit: float | None = options.get("socket_connect_timeout")
        super().__init__(**options)

    @property
    def socket_timeout(self) -> float:
        return seconds_left(self._deadline)

    @socket_timeout.setter
    def socket_timeout(self, seconds: float | None) -> None:
        pass

    @property
    def socket_connect_timeout(self) -> float:
        left = seconds_left(self._deadline)
        return left if self._connect_limit is None else min(left, self._connect_limit)

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, seconds: float | None) -> None:
        pass

    def send_packed_command(self, *arguments: Any, **options: Any) -> Any:
        if self._sock is not None:
            self._sock.settimeout(self.socket_timeout)
        return super().send_packed_command(*arguments, **options)  # type: ignore[misc]

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        if self._sock is not None:
            self._sock.settimeout(self.socket_timeout)
        return super().read_response(*arguments, **options)  # type: ignore[misc]


class Recipe:
    """Make connections as a client's pool would, without the options in `_LEFT_OUT`."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._primary: Lookup | None = None
        if getattr(pool, "is_master", False):  # a Sentinel names the server
            self._primary = Lookup(pool.get_master_address)

    def connect(self, deadline: float) -> tuple[socket.socket, object]:
        """Return a socket after the handshake, and the address of its server.

        Raises what the client library raises. An interrupted handshake closes its socket.
        """
        address = None if self._primary is None else self._primary.wait(deadline)
        connection = self._kind(deadline=deadline, **self._options())
        try:
            if address is None:
                connection.connect()
            else:
                connection.connect_to(address)
            sock: socket.socket = connection._sock
        except BaseException:
            connection.disconnect()
            raise
        connection._sock = None  # so that the library's connection does not close the socket
        return sock, (getattr(connection, "host", None), getattr(connection, "port", None))

    @cached_property
    def _kind(self) -> Any:
        return type("BoundedConnection", (_Bounded, self._pool.connection_class), {})

    def _options(self) -> dict[str, Any]:
        options = (
            self._pool.connection_kwargs
        )  # read each time: applications change passwords there
        return {
            **{name: options[name] for name in options if name not in _LEFT_OUT},
            "command_packer": _Packer(),
            "health_check_interval": 0,
            "protocol": 2,
        }
