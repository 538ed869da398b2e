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


def pack(*commands: Command) -> bytes:
    r"""Return commands as the bytes of one packet.

    >>> pack([b"GET", b"a"], [b"TIME"])
    b'*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nTIME\r\n'
    """
    lines = []
    for command in commands:
        lines.append(b"*%d" % len(command))
        for part in command:
            lines.append(b"$%d" % len(part))
            lines.append(part)
    lines.append(b"")
    return b"\r\n".join(lines)


def _read(lines: list[bytes], at: int, count: int) -> tuple[list[Any], int]:
    """Return the replies from a line on, and the line after them. Raise IndexError without it."""
    replies: list[Any] = []
    for _ in range(count):
        line = lines[at]
        kind = line[:1]
        at += 1
        if kind == b"$":
            size = int(line[1:])
            text = None
            if size >= 0:
                text = lines[at]
                at += 1
                if len(text) != size:
                    text, at = _join(lines, at - 1, size)
            replies.append(text)
        elif kind == b":":
            replies.append(int(line[1:]))
        elif kind == b"*":
            values, at = _read(lines, at, int(line[1:]))
            replies.append(values)
        elif kind == b"+":
            replies.append(line[1:])
        elif kind == b"-":
            replies.append(ErrorReply(line[1:].decode("utf-8", "replace")))
        else:
            raise ValueError
    return replies, at


def _join(lines: list[bytes], at: int, size: int) -> tuple[bytes, int]:
    """Return a text that has line breaks in it, and the line after it."""
    first, length = at, -2
    while length < size:
        length += len(lines[at]) + 2
        at += 1
    if length != size:
        raise ValueError
    return b"\r\n".join(lines[first:at]), at


def parse_replies(data: bytes, count: int) -> list[Any] | None:
    r"""Return `count` replies, or None if bytes are missing.

    Raises BadReply if bytes follow the last reply, or if the bytes are not RESP2.

    >>> parse_replies(b"$1\r\na\r\n*1\r\n:5\r\n", 2)
    [b'a', [5]]
    """
    lines = data.split(b"\r\n")
    rest = lines.pop()  # the start of a line, or nothing
    try:
        replies, at = _read(lines, 0, count)
    except IndexError:
        return None
    except ValueError:
        raise BadReply("the server did not answer in RESP2") from None
    if rest or at != len(lines):
        raise BadReply("the server sent more replies than there were commands")
    return replies
