"""What an exchange with a Redis or Valkey server raises."""

from __future__ import annotations

from .. import StoreUnavailable
from .handshake import is_a
from .replies import BadReply, ErrorReply, shorten


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


def make_refusal(reply: ErrorReply) -> StoreUnavailable:
    """Return the exception to raise for a server's error reply."""
    if reply.code == "READONLY":  # the primary has become a replica and executed nothing
        return Broken("redis_store: the server is a read-only replica", was_sent=False)
    return Refused(reply)


def make_failure(error: Exception, *, was_sent: bool) -> StoreUnavailable:
    """Return the exception to raise for one of a socket or of the client library."""
    if is_a(error, "TimeoutError"):
        return StoreUnavailable("redis_store: the server did not answer in time")
    text = shorten(str(error)) or type(error).__name__
    if is_a(error, "AuthenticationError") or is_a(error, "ResponseError"):
        return NotAccepted(f"redis_store: the server refused the connection: {text}")
    if isinstance(error, (OSError, BadReply)) or is_a(error, "ConnectionError"):
        return Broken(f"redis_store: the connection failed: {text}", was_sent)
    return StoreUnavailable(f"redis_store: no connection: {type(error).__name__}")
