"""A relay to a server on loopback that counts the bytes of both directions, and the exchanges."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import NamedTuple


class Traffic(NamedTuple):
    """What went through: bytes to the server and back, without the headers of TCP and IP."""

    exchanges: int
    sent: int
    received: int


class Relay:
    """Pass bytes on between clients and a port of loopback."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._counted = Traffic(0, 0, 0)
        self._asking = False
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def taken(self) -> Traffic:
        """Return what has been counted since the last look."""
        with self._lock:
            counted, self._counted = self._counted, Traffic(0, 0, 0)
            return counted

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, 5)
                server.settimeout(None)
                self._ends += [client, server]
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, target, up in ((client, server, True), (server, client, False)):
                    arguments = (source, target, up)
                    threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    exchanges, sent, received = self._counted
                    begins, self._asking = up and not self._asking, up
                    self._counted = Traffic(
                        exchanges + begins,
                        sent + len(data) * up,
                        received + len(data) * (not up),
                    )
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
