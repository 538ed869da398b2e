"""Exchange one packet with a Redis or Valkey server, over connections that no other code uses.

A connection is used again only after all replies were read and the last reply was this exchange's
own token. In every other case it is closed, so that no reply reaches another request.
"""

from __future__ import annotations

import os
import select
import socket
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Any

from .. import StoreUnavailable
from .failures import Refused, make_failure, make_refusal
from .handshake import Recipe
from .lookup import seconds_left
from .replies import BadReply, Command, ErrorReply, pack, parse_replies

_RECEIVED_AT_ONCE = 65_536
_MOST_IDLE = 64  # idle connections to one server
_LONGEST_IDLE = 60.0  # seconds; routers drop a connection without traffic after some minutes
_LONGEST_LIFE = 600.0  # seconds; credentials and addresses change
_TOKEN_DIGITS = 24
_SAME_TIMEOUT = 0.01  # seconds; a smaller difference is not worth a system call
_SERVER_CHANGED = ("READONLY", "LOADING", "MASTERDOWN", "NOAUTH")


class Connection:
    """One connection to a server, after the handshake."""

    __slots__ = (
        *("_socket", "_poll", "_timeout", "_tokens", "opened", "used", "close"),
        "__weakref__",
    )

    def __init__(self, sock: socket.socket) -> None:
        # Not __del__: the garbage collector may finalize the socket first, with a ResourceWarning.
        self.close = weakref.finalize(self, _close, sock, os.getpid())
        self.close.atexit = False
        self._socket = sock
        self._timeout = -1.0  # of the socket; not set yet
        self._tokens = _make_tokens()
        self.opened = self.used = monotonic()
        self._poll: Any = None
        if hasattr(select, "poll"):  # not under eventlet, and not on Windows
            self._poll = select.poll()
            self._poll.register(sock, select.POLLIN)

    def is_clean(self) -> bool:
        """Return whether the connection is open and has no unread bytes."""
        if self._poll is not None:
            return not self._poll.poll(0)
        return not select.select([self._socket], [], [], 0)[0]

    def ask(self, packet: bytes, asked: int, deadline: float) -> list[Any]:
        """Send a packet of commands with a token after them, and return the reply to each."""
        token = next(self._tokens)
        self._limit(deadline)
        self._socket.sendall(
            b"%b*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (packet, _TOKEN_DIGITS, token)
        )
        data = self._receive(deadline)
        replies = parse_replies(data, asked + 1)
        while replies is None:
            data += self._receive(deadline)
            replies = parse_replies(data, asked + 1)
        last = replies.pop()
        if last != token:
            if type(last) is ErrorReply:
                raise Refused(last)
            raise BadReply("the reply is not the token of this exchange")
        self.used = monotonic()
        return replies

    def _receive(self, deadline: float) -> bytes:
        self._limit(deadline)
        data = self._socket.recv(_RECEIVED_AT_ONCE)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return data

    def _limit(self, deadline: float) -> None:
        """Let the socket wait until the deadline."""
        left = seconds_left(deadline)
        if abs(left - self._timeout) > _SAME_TIMEOUT:
            self._socket.settimeout(left)
            self._timeout = left


class Server:
    """Exchange packets with one server, which may be the primary that a Sentinel names."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._idle: deque[Connection] = deque()
        self._pid = os.getpid()
        self._address: object = None
        self.opened = 0  # connections so far

    def apart(self) -> Server:
        """Return the same server with connections of its own."""
        return Server(self._recipe)

    def ask(self, commands: tuple[Command, ...], deadline: float) -> list[Any]:
        """Send commands once and return the reply to each.

        Raises Refused for an error reply, Broken if the connection failed, and StoreUnavailable
        if the answer was late.
        """
        packet = pack(*commands)
        connection = self._take() or self._open(deadline)
        try:
            replies = connection.ask(packet, len(commands), deadline)
        except BaseException as error:
            connection.close()
            if not isinstance(error, Exception) or isinstance(error, StoreUnavailable):
                raise
            self.close()  # the idle connections are often broken too
            raise make_failure(error, was_sent=True) from None
        for reply in replies:
            if type(reply) is ErrorReply:
                if reply.code in _SERVER_CHANGED:
                    connection.close()
                    self.close()
                else:
                    self._put(connection)
                raise make_refusal(reply)
        self._put(connection)
        return replies

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _take(self) -> Connection | None:
        """Return the idle connection that was used last, or None."""
        if self._pid != os.getpid():
            self._idle = deque()  # leave the parent's connections open
            self._pid = os.getpid()
        now = monotonic()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if _is_fresh(connection, now) and connection.is_clean():
                return connection
            connection.close()

    def _put(self, connection: Connection) -> None:
        if len(self._idle) >= _MOST_IDLE:
            connection.close()
            return
        self._idle.append(connection)
        try:
            while not _is_fresh(self._idle[0], connection.used):
                self._idle.popleft().close()
        except IndexError:
            pass  # other threads have taken them

    def _open(self, deadline: float) -> Connection:
        try:
            sock, address = self._recipe.connect(deadline)
        except Exception as error:
            self.close()
            raise make_failure(error, was_sent=False) from None
        connection = Connection(sock)
        self.opened += 1
        if address != self._address:  # a Sentinel has named another primary
            self.close()
            self._address = address
        return connection


def _make_tokens() -> Iterator[bytes]:
    """Yield tokens of 24 digits: a random name of the connection, and the exchange's number."""
    name = os.urandom(8).hex().encode()
    for number in count():
        yield b"%b%08x" % (name, number)


def _close(sock: socket.socket, pid: int) -> None:
    """Close a connection. In a forked child, close only the child's file descriptor."""
    with suppress(Exception):
        if pid == os.getpid():
            sock.shutdown(socket.SHUT_RDWR)
    with suppress(Exception):
        sock.close()


def _is_fresh(connection: Connection, now: float) -> bool:
    return now - connection.used < _LONGEST_IDLE and now - connection.opened < _LONGEST_LIFE
