"""Read the Cookie header into `request["cookies"]`, and write `response["cookies"]`.

No library's parser is used, because none is safe: a parser that strips more than blanks, groups by
quotes or splits at commas lets a sibling domain forge a cookie. `_cookie_attrs.py` checks the
attributes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..http.grammar import MAX_COOKIE_OCTETS, COOKIE_VALUE, PLAIN_COOKIE_VALUE, TOKEN
from ..http.form_encoding import form_decode, form_encode
from ..request import Handler, Request, Response
from ..response_shape import wrong_cookies
from ..responses import change_header
from ._cookie_attrs import attributes, check_cookie
from ._one_pass import Keys, join

MAX_HEADER = 16_384
MAX_PAIRS = 200


def _within_limits(header: str) -> str:
    """Return the start of a Cookie header, up to the last whole pair within the limits."""
    if len(header) > MAX_HEADER:
        header = header[:MAX_HEADER].rpartition(";")[0]
    if header.count(";") < MAX_PAIRS:
        return header
    return ";".join(header.split(";", MAX_PAIRS)[:MAX_PAIRS])


def _value(octets: str) -> str | None:
    """Return the decoded value of a pair, or None if its octets are no cookie value."""
    if PLAIN_COOKIE_VALUE.match(octets):
        return octets
    octets = octets.strip(" \t")
    if len(octets) > 1 and octets[0] == octets[-1] == '"':
        octets = octets[1:-1]
    return form_decode(octets) if COOKIE_VALUE.match(octets) else None


def _pairs(header: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the decoded value of each cookie, in their order."""
    for part in _within_limits(header).split(";"):
        # RFC 6265bis section 5.6: "Remove any leading or trailing WSP", which is SP and HTAB only.
        name, equals, octets = part.partition("=")
        name = name.strip(" \t")
        if equals and TOKEN.match(name):
            value = _value(octets)
            if value is not None:
                yield name, value


@lru_cache(maxsize=64)
def _finder(name: str) -> Callable[[str], list[str]]:
    """Return a function that finds the values of one name in a header with a ";" in front."""
    if not TOKEN.match(name):
        return lambda header: []
    return re.compile(rf";[ \t]*{re.escape(name)}[ \t]*=([^;]*)").findall


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies in a Cookie header as name -> decoded value. Of equal names the last wins.

    Only ";" separates, only blanks are stripped, one pair of quotes around a value is removed, and
    nothing is unescaped. A part that is no cookie, or cannot be decoded, is left out; none raises.
    At most 200 pairs and 16 KiB are read.
    Source: ring.middleware.cookies/parse-cookies, RFC 6265bis section 5.6; safer where they differ.

    >>> parse_cookies('a=1; b="x+y"; c=%C3%BC; d')
    {'a': '1', 'b': 'x y', 'c': 'ü'}
    """
    return dict(_pairs(header))


def find_cookie(header: str, name: str) -> list[str]:
    """Return the different values of one name, in their order, by the rules of `parse_cookies`.

    The other cookies are not decoded: the session layer looks for its cookie in every request.

    >>> find_cookie("id=a; theme=dark; id=b; id=a", "id")
    ['a', 'b']
    """
    if name not in header:
        return []
    # A header shorter than MAX_PAIRS cannot have that many pairs.
    start = header if len(header) < MAX_PAIRS else _within_limits(header)
    found = _finder(name)(";" + start)
    if len(found) == 1 and PLAIN_COOKIE_VALUE.match(found[0]):
        return found
    values = map(_value, found)
    return list(dict.fromkeys(value for value in values if value is not None))


def _text(name: str, value: object) -> str:
    """Return a cookie's value as Ring writes it: "" for None, form fields for a list."""
    if isinstance(value, (list, tuple)):
        return f"&{name}=".join(_text(name, item) for item in value)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, (str, int, float)):
        return form_encode(str(value))
    kind = type(value).__name__  # the value may be a secret
    raise TypeError(
        f"cookie {name!r}: expected str, int, float, bool, None or a list of these, got {kind}"
    )


def set_cookie_header(name: str, value: object, attrs: Mapping[str, Any]) -> str:
    """Return the value of one Set-Cookie header.

    name: a token (RFC 9110).
    value: str, int, float, bool, None or a list of these; it is form-encoded.
    attrs: a dict of attributes, of which False and None leave one out:
        domain: a name such as "example.org"; None for the host alone.
        path: a path from "/" on, percent-encoded.
        secure, http_only, partitioned: a bool.
        max_age: an int of seconds or a timedelta, at most 400 days.
        expires: a datetime, in UTC if it is naive, or an IMF-fixdate.
        same_site: "strict", "lax" or "none".

    Raises ValueError or TypeError for anything else, and for a cookie that a browser would drop.
    Source: ring.middleware.cookies/write-cookies, RFC 6265bis sections 4.1.1 and 4.1.3.

    >>> set_cookie_header("id", "a b", {"path": "/", "http_only": True, "max_age": 60})
    'id=a+b; Path=/; HttpOnly; Max-Age=60'
    """
    check_cookie(name, attrs)
    text = _text(name, value)
    if len(name) + len(text) > MAX_COOKIE_OCTETS:
        size = len(name) + len(text)
        raise ValueError(
            f"cookie {name!r:.60}: expected at most {MAX_COOKIE_OCTETS} octets, got {size}"
        )
    return f"{name}={text}{attributes(attrs)}"


def _read_cookies(request: Request) -> dict[str, dict[str, str]]:
    header = request.get_header("cookie") or ""
    return {name: {"value": value} for name, value in _pairs(header)}


_KEYS = Keys({"cookies": _read_cookies}, kept=("cookies",))


def cookies_request(request: Request) -> Request:
    """See wrap_cookies."""
    return _KEYS.add_to(request)


def _set_cookie(name: str, cookie: object) -> str:
    if not isinstance(cookie, Mapping):
        return set_cookie_header(name, cookie, {})
    attrs = {key: value for key, value in cookie.items() if key != "value"}
    return set_cookie_header(name, cookie.get("value"), attrs)


def cookies_response(response: Response) -> Response:
    """See wrap_cookies."""
    if "cookies" not in response:
        return response
    response = dict(response)
    cookies = response.pop("cookies")
    if cookies is not None and not isinstance(cookies, Mapping):
        raise wrong_cookies(cookies)
    written = [_set_cookie(*item) for item in (cookies or {}).items()]
    if not written:
        return response
    headers = dict(response.get("headers") or {})
    change_header(headers, "Set-Cookie", lambda own: after_own(own, written))
    return response | {"headers": headers}


def after_own(own: Any, lines: list[str]) -> list[str]:
    """Return the value of a Set-Cookie header with more lines, after its own lines.

    >>> after_own("a=1", ["b=2"]), after_own(None, ["b=2"])
    (['a=1', 'b=2'], ['b=2'])
    """
    return [own, *lines] if isinstance(own, str) else [*(own or []), *lines]


def wrap_cookies(handler: Handler) -> Handler:
    """Read the cookies of requests, and write the cookies of responses.

    Reads the Cookie header and adds `request["cookies"]`, a dict of name -> {"value": ...}.
    Reads `response["cookies"]`, a dict of name -> value, or name -> {"value": ...} with attributes
    as in `set_cookie_header`. They follow the response's own Set-Cookie headers. Raises ValueError
    or TypeError for a cookie that cannot be written.
    Source: ring.middleware.cookies/wrap-cookies.

    >>> def handler(request):
    ...     return {"cookies": {"seen": request["cookies"]["a"]["value"]}}
    >>> wrap_cookies(handler)({"headers": {"cookie": "a=1"}})
    {'headers': {'Set-Cookie': ['seen=1']}}
    """

    def cookies(response: Response, request: Request) -> Response:
        return cookies_response(response)

    return join(handler, cookies, keys=_KEYS)
