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
        if isinstance(value, str):
            lines.append((name, value))
        else:
            lines.extend((name, item) for item in value)
    for line in lines:
        if not isinstance(line[1], str):
            raise TypeError(f'response["headers"]["{line[0]}"]: expected str, got {line[1]!r}')
        if _UNSAFE.search("".join(line)):
            raise ValueError(f'response["headers"][{line[0]!r}]: expected no control character')
    return lines


def group_fields(lines: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Header lines as a dict: a repeated name has a list, in order; names are equal without regard to case."""
    lines = list(lines)
    headers: dict[str, Any] = dict(lines)
    if len(set(map(str.lower, headers))) == len(lines):
        return headers
    headers, spelled = {}, {}
    for name, value in lines:
        name = spelled.setdefault(name.lower(), name)
        if name not in headers:
            headers[name] = value
        elif isinstance(headers[name], list):
            headers[name].append(value)
        else:
            headers[name] = [headers[name], value]
    return headers
