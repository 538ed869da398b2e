"""The status line and the header lines of a response, both ways.

Owns their form only; refuses what would split a header. A part of `wsgi.py`, and knows nothing of calls and bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
# RFC 9110 section 5.5: a field value holds no CR, LF, NUL; we refuse the other controls but HTAB as well.
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")


class Status(int):
    """A status code that remembers the app's own reason phrase."""

    line: str


def status_line(status: int) -> str:
    if isinstance(status, Status):
        return status.line
    return _LINES.get(status) or f"{status:d} Unknown"


def parse_status(line: str) -> int:
    code = int(line[:3])
    if _LINES.get(code) == line:
        return code
    status = Status(code)
    status.line = line
    return status


def field_lines(headers: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in headers.items():
        for item in [value] if isinstance(value, str) else value:
            if not isinstance(item, str):
                raise TypeError(f'response["headers"]["{name}"]: expected str, got {item!r}')
            if _UNSAFE.search(item) or _UNSAFE.search(name):
                raise ValueError(f'response["headers"][{name!r}]: expected no control character')
            lines.append((name, item))
    return lines


def group_fields(lines: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Header lines as a dict: a repeated name has a list, in order; names are equal without regard to case."""
    headers: dict[str, Any] = {}
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
