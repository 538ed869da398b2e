"""Describe a driver's error without session data and without passwords.

Drivers quote rows, keys and statements in their errors, and SQLAlchemy adds the parameters. So this
package shows only an error's class, its code and the plain words at the start of its message.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy.exc import DBAPIError

from .lasting import LASTING_CODES, find_in_text

# Codes for a deadlock or a serialization failure: the server has rolled the transaction back.
_CONFLICTS = {"40001", "40P01", 1213, 1020}
_DUPLICATES = {"23505", 1062}
# The application wrote the message of such an error, and it may quote a row.
_RAISED_BY_A_TRIGGER = {"P0001", "45000", 1644}

# A word, the characters between words, or a quoted name. An apostrophe inside a word such as
# "doesn't" does not start a quoted name.
_PIECE = re.compile(
    r"""\w+(?:'[^\W\d_]+)?|[ ,.;:()\[\]/-]+|(?P<quote>["'`])(?P<name>[^"'`]*)(?P=quote)"""
)
_LONG_DIGITS = re.compile(r"[0-9a-fA-F]{16}")
_LONGEST_MESSAGE = 200


class SqlFailed(Exception):
    """A statement failed. It is raised without cause and context, which would show values."""

    def __init__(self, error: Exception, names: Collection[str], *, broken: bool = False) -> None:
        super().__init__(describe_error(error, names))
        codes = _codes(error)
        self.broken = broken  # the connection broke, so the outcome of the statement is unknown
        self.is_conflict = not _CONFLICTS.isdisjoint(codes)
        self.lasting = find_lasting(error)  # what no waiting cures, in words
        self.is_duplicate = not _DUPLICATES.isdisjoint(codes)


def describe_error(error: BaseException, names: Collection[str]) -> str:
    """Return the class, code and plain words of an error.

    names: the names that the message may quote: table, columns, host and database.

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


def find_lasting(error: BaseException) -> str | None:
    """Return what is wrong if no waiting cures it: the options, credentials or database of a URL.

    >>> find_lasting(Exception('FATAL:  database "web" does not exist'))
    'the database does not exist'
    """
    found = next(filter(None, map(LASTING_CODES.get, _codes(error))), None)
    return found or find_in_text(str(error.orig if isinstance(error, DBAPIError) else error))


def _codes(error: BaseException) -> list[str | int]:
    """Return the driver's own error number and the SQLSTATE, if the error has them."""
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
    """Return the first line up to anything but plain words and the given quoted names."""
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
