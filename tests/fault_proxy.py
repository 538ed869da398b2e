"""A TCP proxy between a client and a real server that does harm to one chosen exchange, and counts
exchanges and bytes.

Owns the sockets and the harm. Knows no protocol: an exchange is what a client sends, in one piece
or several, and the answer to it.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import NamedTuple

FAULTS = ("drop before send", "drop after apply", "reset", "half a reply", "delay")


class Traffic(NamedTuple):
    """What went through: bytes to the server and back, without the headers of TCP and IP."""

    exchanges: int
    sent: int
    received: int


class Armed(NamedTuple):
    """What is to happen, after how many more exchanges, and how often."""

    fault: str
    skip: int
    seconds: float
    times: int = 1


class _Line:
    """One client's connection, and the server's that belongs to it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.asking = False  # the last bytes went to the server
        self.harm: Armed | None = None

    def close(self, *, reset: bool = False) -> None:
        """Let both ends go.

        A shutdown wakes the thread that waits at an end; it sends a FIN, unless only reading ends.
        """
        with suppress(OSError):
            if reset:
                linger = struct.pack("ii", 1, 0)  # a RST when it is closed
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.client.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.client.close()
        self.server.close()


class FaultProxy:
    """Harm the next exchange on any connection after `arm(fault)`; then be honest again."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._armed: Armed | None = None
        self._lines: list[_Line] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = self.sent = self.received = 0
        self.fired = 0

    def __enter__(self) -> FaultProxy:
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            line.close()
        for thread in self._threads:
            thread.join(10)

    def arm(self, fault: str, *, skip: int = 0, seconds: float = 3, times: int = 1) -> None:
        assert fault in FAULTS
        with self._lock:
            self._armed = Armed(fault, skip, seconds, times)

    def disarm(self) -> None:
        with self._lock:
            self._armed = None

    def taken(self) -> int:
        """The exchanges since the last look."""
        return self.traffic().exchanges

    def traffic(self) -> Traffic:
        """What went through since the last look."""
        with self._lock:
            found = Traffic(self.round_trips, self.sent, self.received)
            self.round_trips = self.sent = self.received = 0
            return found

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                server = socket.create_connection(self._server, 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = _Line(client, server)
            self._lines.append(line)
            self._start(self._upwards, line)
            self._start(self._downwards, line)

    def _upwards(self, line: _Line) -> None:
        with suppress(OSError):
            while data := line.client.recv(65536):
                self._count(line, len(data))
                if line.harm is not None and line.harm.fault == "drop before send":
                    break
                line.server.sendall(data)
        line.close()

    def _count(self, line: _Line, size: int) -> None:
        with self._lock:
            self.sent += size
            if line.asking:
                return
            line.asking = True
            self.round_trips += 1
            if self._armed is None:
                return
            if self._armed.skip:
                self._armed = self._armed._replace(skip=self._armed.skip - 1)
                return
            line.harm, left = self._armed, self._armed.times - 1
            self._armed = self._armed._replace(times=left) if left else None
            self.fired += 1

    def _downwards(self, line: _Line) -> None:
        harm = None
        with suppress(OSError):
            while data := line.server.recv(65536):
                with self._lock:
                    line.asking = False
                    self.received += len(data)
                    harm, line.harm = line.harm, None
                if harm is not None and harm.fault != "delay":
                    if harm.fault == "half a reply" and len(data) > 1:
                        line.client.sendall(data[: len(data) // 2])
                    break
                if harm is not None:
                    time.sleep(harm.seconds)
                line.client.sendall(data)
        line.close(reset=harm is not None and harm.fault == "reset")
