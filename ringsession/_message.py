"""The status line and the header lines of a response, both ways.

Owns their form only; refuses what would split a header. A part of `wsgi.py`, and knows nothing of calls and bodies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_CODES = {line: code for code, line in _LINES.items()}
# RFC 9110 section 5.5: a field value holds no CR, LF, NUL; we refuse the other controls but HTAB as well.
_UNSAFE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class Status(int):
    """A status code that remembers the app's own reason phrase."""

    line: str


def status_line(status: int) -> str:
    if isinstance(status, Status):
        return status.line
    return _LINES.get(status) or f"{status:d} Unknown"


def parse_status(line: str) -> int:
    code = _CODES.get(line)
    if code is not None:
        return code
    status = Status(line[:3])
    status.line = line
    return status


def field_lines(headers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines of a headers dict, whose values are str or lists of str.

    Raises TypeError or ValueError for a header that cannot be sent as it is.
    """
    lines: list[tuple[str, str]] = []
    text = ""
    for name, value in headers.items():
        if type(value) is str:
            lines.append((name, value))
            text += name + value
        else:
            for item in _items(name, value):
                lines.append((name, item))
                text += name + item
    # The first two questions are quick, and most headers are plain.
    if not (text.isascii() and text.isprintable()) and _UNSAFE.search(text):
        unsafe = next(name for name, value in lines if _UNSAFE.search(name + value))
        raise ValueError(f'response["headers"][{unsafe!r}]: expected no control character')
    return lines


def _items(name: str, value: Any) -> list[str]:
    items = value if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if not isinstance(item, str):
            problem = f"expected str or a list, got {value!r}"
            raise TypeError(f'response["headers"][{name!r}]: {problem}')
    return list(items)


def group_fields(lines: list[tuple[str, str]]) -> dict[str, Any]:
    """Header lines as a dict: a repeated name has a list, in order; names are equal without regard to case."""
    headers: dict[str, Any] = dict(lines)
    if len(headers) == len(lines):
        return headers
    headers = {}
    spelled: dict[str, str] = {}
    for name, value in lines:
        name = spelled.setdefault(name.lower(), name)
        if name not in headers:
            headers[name] = value
        elif isinstance(headers[name], list):
            headers[name].append(value)
        else:
            headers[name] = [headers[name], value]
    return headers
