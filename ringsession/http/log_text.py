"""Show what a client sent in one line of the log: escaped, so that it forges no line, and cut.

The log is read in a terminal, so that control characters matter as much as line ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..request import Request

_LONGEST = 200  # characters


def escape(text: object, most: int = _LONGEST) -> str:
    r"""Return a text as printable ASCII of at most `most` characters; "?" for another type.

    >>> escape("/a\nb"), escape(None)
    ('/a\\nb', '?')
    """
    if not isinstance(text, str):
        return "?"
    return text[:most].encode("unicode_escape").decode("ascii")[:most]


def quote(text: object, most: int = _LONGEST) -> str:
    """Return a text as `escape` does, in quotation marks; "none" for anything but text.

    >>> quote("https://example.org"), quote(None)
    ("'https://example.org'", 'none')
    """
    if not isinstance(text, str):
        return "none"
    return "'%s'" % escape(text, most).replace("'", "\\'")


def show_request(request: Mapping[str, Any]) -> str:
    """Return the method and the path of a request. The query stays out, since it may be secret.

    >>> show_request({"request_method": "get", "uri": "/cart", "query_string": "token=1"})
    'method=GET path=/cart'
    """
    method = escape(request.get("request_method")).upper()
    return f"method={method} path={escape(request.get('uri'))}"


def show_sender(request: Request) -> str:
    """Return what tells who sent a request: method, path, address, Origin and Host.

    >>> headers = {"origin": "https://evil.org"}
    >>> show_sender(Request({"request_method": "post", "uri": "/", "headers": headers}))
    "method=POST path=/ address=? origin='https://evil.org' host=none"
    """
    address = escape(request.get("remote_addr"), 50) or "?"
    origin, host = (quote(request.get_header(name)) for name in ("origin", "host"))
    return f"{show_request(request)} address={address} origin={origin} host={host}"
