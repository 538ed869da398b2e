"""Write commands and read replies in RESP2, the text protocol of Redis and Valkey.

Pure functions on bytes. The packers of hiredis and libvalkey are not used: they crash the
interpreter when a signal handler raises an exception while they convert an int.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

Command = Sequence[bytes]

# The text after one of these may be an argument, such as a key, a record or a password.
_UNSAFE = re.compile(r"""['"`]|, with args""")
_LONGEST_TEXT = 100


class ErrorReply(NamedTuple):
    """A reply that begins with `-`."""

    text: str

    @property
    def code(self) -> str:
        """Return the first word, such as NOSCRIPT."""
        return self.text.partition(" ")[0]


class BadReply(Exception):
    """The received bytes are not the replies to the commands."""


def shorten(text: str) -> str:
    """Return the part of a server's error text that cannot quote an argument.

    >>> shorten("ERR unknown command 'AUTH', with args beginning with: 's3cret'")
    'ERR unknown command'
    """
    text = _UNSAFE.split(text, maxsplit=1)[0][:_LONGEST_TEXT]
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text).strip()


def pack(command: Command) -> bytes:
    r"""Return one command as bytes.

    >>> pack([b"GET", b"a"])
    b'*2\r\n$3\r\nGET\r\n$1\r\na\r\n'
    """
    parts = [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
    return b"*%d\r\n" % len(command) + b"".join(parts)


def _parse(data: bytes, at: int) -> tuple[Any, int]:
    """Return one reply and the position after it. Raise IndexError if bytes are missing."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise IndexError
    kind, line, after = data[at], data[at + 1 : end], end + 2
    if kind == 36:  # $
        size = int(line)
        if size < 0:
            return None, after
        if len(data) < after + size + 2:
            raise IndexError
        return data[after : after + size], after + size + 2
    if kind == 58:  # :
        return int(line), after
    if kind == 43:  # +
        return line, after
    if kind == 45:  # -
        return ErrorReply(line.decode("utf-8", "replace")), after
    if kind != 42:  # *
        raise ValueError
    values = []
    for _ in range(int(line)):
        value, after = _parse(data, after)
        values.append(value)
    return values, after


def parse_replies(data: bytes, count: int) -> list[Any] | None:
    r"""Return `count` replies, or None if bytes are missing.

    Raises BadReply if bytes follow the last reply, or if the bytes are not RESP2.

    >>> parse_replies(b"$1\r\na\r\n*1\r\n:5\r\n", 2)
    [b'a', [5]]
    """
    replies, at = [], 0
    try:
        for _ in range(count):
            reply, at = _parse(data, at)
            replies.append(reply)
    except IndexError:
        return None
    except ValueError:
        raise BadReply("the server did not answer in RESP2") from None
    if at != len(data):
        raise BadReply("the server sent more replies than there were commands")
    return replies
