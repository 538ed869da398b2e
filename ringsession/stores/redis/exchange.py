"""Exchange one packet with a Redis or Valkey server, over connections that no other code uses.

A connection is used again only after all replies were read and the last reply was this exchange's
random token. In every other case it is closed, so that no reply reaches another request.
"""

from __future__ import annotations

import os
import select
import socket
import weakref
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any

from .. import StoreUnavailable
from .handshake import Recipe, is_a
from .lookup import seconds_left
from .replies import BadReply, Command, ErrorReply, pack, parse_replies, shorten

_RECEIVED_AT_ONCE = 65_536
_MOST_IDLE = 64  # idle connections to one server
_LONGEST_IDLE = 60.0  # seconds; routers drop a connection without traffic after some minutes
_LONGEST_LIFE = 600.0  # seconds; credentials and addresses change
_TOKEN_DIGITS = 16
_SERVER_CHANGED = ("READONLY", "LOADING", "MASTERDOWN", "NOAUTH")


class Broken(StoreUnavailable):
    """The connection failed. The call may try again on a new connection.

    was_sent: whether the server may have executed the commands.
    """

    def __init__(self, text: str, was_sent: bool) -> None:
        super().__init__(text)
        self.was_sent = was_sent


class Refused(StoreUnavailable):
    """The server answered with an error."""

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(f"redis_store: the server answered: {shorten(reply.text)}")
        self.reply = reply


class NotAccepted(StoreUnavailable):
    """The server refused the handshake: the credentials, or the number of the database."""


class Connection:
    """One connection to a server, after the handshake."""

    __slots__ = ("_socket", "_poll", "opened", "used", "close", "__weakref__")

    def __init__(self, sock: socket.socket) -> None:
        # Not __del__: the garbage collector may finalize the socket first, with a ResourceWarning.
        self.close = weakref.finalize(self, _close, sock, os.getpid())
        self.close.atexit = False
        self._socket = sock
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

    def ask(self, packet: bytes, count: int, deadline: float) -> list[Any]:
        """Send a packet of commands with a token after them, and return the reply to each."""
        token = os.urandom(_TOKEN_DIGITS // 2).hex().encode()
        answer = b"$%d\r\n%b\r\n" % (_TOKEN_DIGITS, token)
        sock = self._socket
        sock.settimeout(seconds_left(deadline))
        sock.sendall(b"%b*2\r\n$4\r\nECHO\r\n%b" % (packet, answer))
        sock.settimeout(seconds_left(deadline))
        data = sock.recv(_RECEIVED_AT_ONCE)
        replies = parse_replies(data, count + 1) if data else None
        if replies is None:
            replies = self._receive_rest(data, count + 1, deadline)
        last = replies.pop()
        if last != token:
            raise (
                Refused(last)
                if type(last) is ErrorReply
                else BadReply("the reply is not the token of this exchange")
            )
        self.used = monotonic()
        return replies

    def _receive_rest(self, first: bytes, count: int, deadline: float) -> list[Any]:
        data = bytearray(first)
        while True:
            self._socket.settimeout(seconds_left(deadline))
            more = self._socket.recv(_RECEIVED_AT_ONCE)
            if not more:
                raise ConnectionResetError("the server closed the connection")
            data += more
            replies = parse_replies(bytes(data), count)
            if replies is not None:
                return replies


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
        packet = b"".join(map(pack, commands))
        connection = self._take() or self._open(deadline)
        try:
            replies = connection.ask(packet, len(commands), deadline)
        except BaseException as error:
            connection.close()
            if not isinstance(error, Exception) or isinstance(error, StoreUnavailable):
                raise
            self.close()  # the idle connections are often broken too
            raise _failure(error, was_sent=True) from None
        refused = next((reply for reply in replies if type(reply) is ErrorReply), None)
        if refused is not None and refused.code in _SERVER_CHANGED:
            connection.close()
            self.close()
        else:
            self._put(connection)
        if refused is not None:
            raise _refusal(refused)
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
        with suppress(IndexError):
            while not _is_fresh(self._idle[0], connection.used):
                self._idle.popleft().close()

    def _open(self, deadline: float) -> Connection:
        try:
            sock, address = self._recipe.connect(deadline)
        except Exception as error:
            self.close()
            raise _failure(error, was_sent=False) from None
        connection = Connection(sock)
        self.opened += 1
        if address != self._address:  # a Sentinel has named another primary
            self.close()
            self._address = address
        return connection


def _close(sock: socket.socket, pid: int) -> None:
    """Close a connection. In a forked child, close only the child's file descriptor."""
    with suppress(Exception):
        if pid == os.getpid():
            sock.shutdown(socket.SHUT_RDWR)
    with suppress(Exception):
        sock.close()


def _is_fresh(connection: Connection, now: float) -> bool:
    return now - connection.used < _LONGEST_IDLE and now - connection.opened < _LONGEST_LIFE


def _refusal(reply: ErrorReply) -> StoreUnavailable:
    if reply.code == "READONLY":  # the primary has become a replica and executed nothing
        return Broken("redis_store: the server is a read-only replica", was_sent=False)
    return Refused(reply)


def _failure(error: Exception, *, was_sent: bool) -> StoreUnavailable:
    """Return the exception to raise for one of a socket or of the client library."""
    if is_a(error, "TimeoutError"):
        return StoreUnavailable("redis_store: the server did not answer in time")
    text = shorten(str(error)) or type(error).__name__
    if is_a(error, "AuthenticationError") or is_a(error, "ResponseError"):
        return NotAccepted(f"redis_store: the server refused the connection: {text}")
    if isinstance(error, (OSError, BadReply)) or is_a(error, "ConnectionError"):
        return Broken(f"redis_store: the connection failed: {text}", was_sent)
    return StoreUnavailable(f"redis_store: no connection: {type(error).__name__}")
