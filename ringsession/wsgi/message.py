"""Convert a response's status and headers to the lines of WSGI, and back.

Headers that cannot be sent are refused here. The body is left to `body.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from ..http.fields import USUAL_NAMES, check_field, is_url, unnamed_field, unsafe_field
from ..http.grammar import CONTROL, TOKEN, UNSAFE_FIELD
from ..http.uri import encode_octets, encode_url

_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_CODES = {line: code for code, line in _LINES.items()}


class Status(int):
    """Keep a status code together with the app's own reason phrase."""

    line: str


def status_line(status: int) -> str:
    """Return the status as a line: "404 Not Found"."""
    if isinstance(status, Status):
        return status.line
    return _LINES.get(status) or f"{status:d} Unknown"


def parse_status(line: str) -> int:
    """Return the status code of a line.

    Raises TypeError if it is no str, and ValueError for a line without a number, and for one with a
    control character.

    >>> parse_status("404 Not Found")
    404
    """
    code = _CODES.get(line)
    if code is not None:
        return code
    if not isinstance(line, str):  # PEP 3333: "native strings"
        kind = type(line).__name__
        raise TypeError(
            f"start_response: expected the status as a str, such as '200 OK', got {kind}"
        )
    if CONTROL.search(line):
        raise ValueError(
            "start_response: the status holds a control character; write a plain phrase"
        )
    status = Status(line[:3])
    status.line = line
    return status


def field_lines(headers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lines of a headers dict, whose values are str or lists of str.

    Raises TypeError or ValueError for a header that cannot be sent as it is.

    >>> field_lines({"Vary": ["Cookie", "Origin"]})
    [('Vary', 'Cookie'), ('Vary', 'Origin')]
    """
    lines: list[tuple[str, str]] = []
    text = ""
    for name, value in headers.items():
        if type(value) is str:
            lines.append((name, value))
            text += value
        else:
            for item in _items(name, value):
                lines.append((name, item))
                text += item
    # These checks are quick, and most headers pass them.
    are_tokens = USUAL_NAMES.issuperset(headers) or _are_tokens(headers)
    fits = are_tokens and text.isascii() and text.isprintable()
    return lines if fits else _checked(lines, encode_url)


def _are_tokens(names: Collection[Any]) -> bool:
    try:
        joined = "".join(names)
    except TypeError:
        raise unnamed_field(next(name for name in names if not isinstance(name, str))) from None
    return TOKEN.match(joined) is not None and "" not in names


def _checked(lines: list[tuple[str, str]], encode: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the lines as they are sent. Raises for a line that cannot be sent."""
    checked = []
    for name, value in lines:
        check_field(name, value)
        if not value.isascii() and is_url(name):
            value = encode(value)
        elif UNSAFE_FIELD.search(value):
            raise unsafe_field(name, value)
        checked.append((name, value))
    return checked


def _items(name: str, value: Any) -> list[str]:
    items = value if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if not isinstance(item, str):
            problem = f"expected str or a list of str, got {value!r:.60}"
            raise TypeError(f'response["headers"][{name!r:.60}]: {problem}')
    return list(items)


def group_fields(
    lines: list[tuple[str, str]], encode: Callable[[str], str] = encode_octets
) -> dict[str, Any]:
    """Return an app's header lines as a dict. A name that is repeated, in any case, has a list.

    encode: encode_octets; how a URL that is not ASCII becomes ASCII.

    Raises TypeError or ValueError for a header that cannot be sent, before a layer can change it.

    >>> group_fields([("Vary", "Cookie"), ("vary", "Origin")])
    {'Vary': ['Cookie', 'Origin']}
    """
    headers: dict[str, Any] = {}
    text = ""
    try:
        for name, value in lines:
            headers[name] = value
            text += value
    except TypeError:  # `field_lines` names the header whose value is not a str
        headers = dict(lines)
        _are_tokens(headers)
        return headers
    is_usual = USUAL_NAMES.issuperset(headers)
    if not ((is_usual or _are_tokens(headers)) and text.isascii() and text.isprintable()):
        lines = _checked(lines, encode)
        headers = dict(lines)
    if len(headers) == len(lines) and (is_usual or len({*map(str.lower, headers)}) == len(lines)):
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
