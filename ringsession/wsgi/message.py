"""The status line and the header lines of a response, both ways.

Owns their form only; refuses what would split a header. A part of `wsgi.py`, and knows nothing of calls and bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ..http.fields import is_safe_field, unsafe_field
from ..http.grammar import CONTROL, UNSAFE_FIELD

_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_CODES = {line: code for code, line in _LINES.items()}


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
    if CONTROL.search(line):
        raise ValueError(
            "start_response: the status holds a control character; write a plain phrase"
        )
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
    if not (text.isascii() and text.isprintable()):
        _check_lines(lines)
    return lines


def _check_lines(lines: list[tuple[str, str]]) -> None:
    for name, value in lines:
        if UNSAFE_FIELD.search(name + value) or not is_safe_field(name, value):
            raise unsafe_field(name)


def _items(name: str, value: Any) -> list[str]:
    items = value if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if not isinstance(item, str):
            problem = f"expected str or a list, got {value!r}"
            raise TypeError(f'response["headers"][{name!r}]: {problem}')
    return list(items)


def group_fields(lines: list[tuple[str, str]]) -> dict[str, Any]:
    """Return an app's header lines as a dict: a repeated name, in whatever case, has a list, in order.

    Raises ValueError for a header that cannot be sent as it is, before a layer can change it.
    """
    try:
        text = "".join([name + value for name, value in lines])
    except TypeError:  # `field_lines` names what is no text
        text = ""
    if not (text.isascii() and text.isprintable()):
        _check_lines(lines)
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
