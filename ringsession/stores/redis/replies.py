"""Write commands and read replies in RESP2, the text protocol of Redis and Valkey.

Pure functions on bytes. The packers of hiredis and libvalkey are not used: they crash the
interpreter when a signal handler raises an exception while they convert an int.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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


def _read(lines: Iterator[bytes], count: int) -> list[Any]:
    """Return the next replies. Raise StopIteration if lines are missing."""
    replies: list[Any] = []
    for _ in range(count):
        line = next(lines)
        kind = line[:1]
        if kind == b"$":
            size = int(line[1:])
            replies.append(None if size < 0 else _read_text(lines, size))
        elif kind == b":":
            replies.append(int(line[1:]))
        elif kind == b"*":
            replies.append(_read(lines, int(line[1:])))
        elif kind == b"+":
            replies.append(line[1:])
        elif kind == b"-":
            replies.append(ErrorReply(line[1:].decode("utf-8", "replace")))
        else:
            raise ValueError
    return replies


def _read_text(lines: Iterator[bytes], size: int) -> bytes:
    """Return the next bytes, in which there may be line breaks."""
    text = next(lines)
    while len(text) < size:
        text += b"\r\n" + next(lines)
    if len(text) != size:
        raise ValueError
    return text


def parse_replies(data: bytes, count: int) -> list[Any] | None:
    r"""Return `count` replies, or None if bytes are missing.

    Raises BadReply if bytes follow the last reply, or if the bytes are not RESP2.

    >>> parse_replies(b"$1\r\na\r\n*1\r\n:5\r\n", 2)
    [b'a', [5]]
    """
    *whole, rest = data.split(b"\r\n")
    lines = iter(whole)
    try:
        replies = _read(lines, count)
    except StopIteration:
        return None
    except ValueError:
        raise BadReply("the server did not answer in RESP2") from None
    if rest or next(lines, None) is not None:
        raise BadReply("the server sent more replies than there were commands")
    return replies
