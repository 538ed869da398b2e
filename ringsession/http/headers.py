"""Find and change the headers of a response dict, whatever case their names are in.

The functions that return a new response dict are in `responses.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

# RFC 9110 section 5.6.6: parameters = *( OWS ";" OWS [ parameter ] ), where the value of a
# parameter is a token or a quoted-string.
CHARSET = re.compile(r';[ \t]*charset=("[^"]*"|[^ \t;"]+)', re.ASCII | re.IGNORECASE)


def find_header(response: Mapping[str, Any], name: str) -> tuple[str, Any] | None:
    """Return a header's name as the response spells it, and its value; None without that header.

    The case of the name does not matter.
    Source: ring.util.response/find-header.

    >>> find_header({"headers": {"content-TYPE": "text/css"}}, "Content-Type")
    ('content-TYPE', 'text/css')
    """
    headers: Mapping[str, Any] = response.get("headers") or {}
    if name in headers:
        return name, headers[name]
    lower, length = name.lower(), len(name)
    for spelled in headers:
        if len(spelled) == length and spelled.lower() == lower:
            return spelled, headers[spelled]
    return None


def get_header(response: Mapping[str, Any], name: str) -> Any:
    """Return the value of a header, or None. The case of the name does not matter.

    Source: ring.util.response/get-header.

    >>> get_header({"headers": {"ETag": "x"}}, "etag")
    'x'
    """
    found = find_header(response, name)
    return found[1] if found else None


def change_header(headers: dict[str, Any], name: str, change: Callable[[Any], Any]) -> None:
    """Set a header to `change(old value or None)`, in place. The case of the name does not matter.

    >>> headers = {"vary": "Cookie"}
    >>> change_header(headers, "Vary", lambda old: f"{old}, Origin")
    >>> headers
    {'vary': 'Cookie, Origin'}
    """
    if name not in headers:
        lower, length = name.lower(), len(name)
        for spelled in headers:
            if len(spelled) == length and spelled.lower() == lower:
                name = spelled
    headers[name] = change(headers.get(name))


def get_charset(response: Mapping[str, Any]) -> str | None:
    """Return the charset in the Content-Type, or None.

    Source: ring.util.response/get-charset.

    >>> get_charset({"headers": {"Content-Type": "text/html; charset=latin-1"}})
    'latin-1'
    """
    found = CHARSET.findall(str(get_header(response, "Content-Type") or ""))
    return found[-1].strip('"') or None if found else None
