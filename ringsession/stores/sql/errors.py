"""Say what a driver's error is, without a value of a session and without a password.

Drivers quote rows, keys and statements in their errors, and SQLAlchemy adds the parameters. So an
error never leaves this package as it came: what is kept of it is its class, its code and the plain
words at the start of its message.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy.exc import DBAPIError

# What a server calls it when it undid one of two transactions that were in each other's way.
_CONFLICTS = {"40001", "40P01", 1213, 1020}
_DUPLICATES = {"23505", 1062}
_RAISED_BY_A_TRIGGER = {
    "P0001",
    "45000",
    1644,
}  # its text is the application's, and may quote a row

# A word, what stands between words, or a quoted name; an apostrophe inside a word is no quote
# ("doesn't").
_PIECE = re.compile(
    r"""\w+(?:'[^\W\d_]+)?|[ ,.;:()\[\]/-]+|(?P<quote>["'`])(?P<name>[^"'`]*)(?P=quote)"""
)
_LONG_DIGITS = re.compile(r"[0-9a-fA-F]{16}")
_LONGEST_MESSAGE = 200


class SqlFailed(Exception):
    """A statement failed. This has no cause and no context, which would show a value."""

    def __init__(self, error: Exception, names: Collection[str], *, broken: bool = False) -> None:
        super().__init__(describe_error(error, names))
        codes = _codes(error)
        self.broken = broken  # the connection broke: nobody knows what became of the statement
        self.is_conflict = not _CONFLICTS.isdisjoint(codes)
        # What a pooler says to "options", which waiting does not cure.
        self.is_option_refused = "unsupported startup parameter" in str(error)
        self.is_duplicate = not _DUPLICATES.isdisjoint(codes)


def describe_error(error: BaseException, names: Collection[str]) -> str:
    """Return the class, code and plain words of an error.

    names: what its message may quote: the table, its columns, the host and the database.

    >>> describe_error(ValueError('invalid value "s3cret"'), ())
    'ValueError: invalid value ...'
    """
    origin: Any = error.orig if isinstance(error, DBAPIError) else error
    codes, kind = _codes(error), type(origin).__name__
    title = f"{kind} ({', '.join(map(str, codes))})" if codes else kind
    if not _RAISED_BY_A_TRIGGER.isdisjoint(codes) or _source(origin) == "exec_stmt_raise":
        return title
    words = _plain_words(_message(origin), names)
    return f"{title}: {words}" if words else title


def _codes(error: BaseException) -> list[str | int]:
    """The driver's own number and the SQLSTATE, as far as it has them."""
    origin: Any = error.orig if isinstance(error, DBAPIError) else error
    first = next(iter(origin.args), None)
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    if isinstance(first, dict):  # of pg8000
        state = first.get("C")
    found = [first, state]
    return [code for code in found if type(code) is int or (code is state and type(code) is str)]


def _source(origin: Any) -> Any:
    return getattr(getattr(origin, "diag", None), "source_function", None)


def _message(origin: Any) -> str:
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)
    if isinstance(primary, str):
        return primary
    last = origin.args[-1] if origin.args else ""
    return str(last.get("M", "")) if isinstance(last, dict) else str(last)


def _plain_words(message: str, names: Collection[str]) -> str:
    """The first line, as far as it is plain words and quotes nothing but the given names."""
    first = message.partition("\n")[0][:_LONGEST_MESSAGE]
    shown, end = "", 0
    while found := _PIECE.match(first, end):
        name = found["name"]
        if name is not None and name not in names and not set(name.split(".")) <= set(names):
            break
        if _LONG_DIGITS.match(found[0]):
            break
        shown, end = shown + found[0], found.end()
    return shown if end == len(first) else f"{shown.rstrip()} ..."
