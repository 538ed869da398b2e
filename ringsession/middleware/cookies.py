"""The key `cookies` of request and response: the Cookie and Set-Cookie headers.

Owns reading them, written apart from every library because none is safe (a parser that strips more than blanks, groups by
quotes or splits at commas lets a neighbour forge a cookie). What an attribute may be is `_cookie_attrs.py`'s affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..http.grammar import MAX_COOKIE_OCTETS, COOKIE_VALUE, PLAIN_COOKIE_VALUE, TOKEN
from ..http.form_encoding import form_decode, form_encode
from ..request import Handler, Request, Response, as_request
from ..responses import change_header, check_response
from ._cookie_attrs import attributes, check_cookie

MAX_HEADER = 16_384
MAX_PAIRS = 200


def _looked_at(header: str) -> str:
    """The start of a Cookie header that is looked at; a pair that is cut off is not."""
    if len(header) > MAX_HEADER:
        header = header[:MAX_HEADER].rpartition(";")[0]
    if header.count(";") < MAX_PAIRS:
        return header
    return ";".join(header.split(";", MAX_PAIRS)[:MAX_PAIRS])


def _value(octets: str) -> str | None:
    """The decoded value of a pair, None if it is none."""
    if PLAIN_COOKIE_VALUE.match(octets):
        return octets
    octets = octets.strip(" \t")
    if len(octets) > 1 and octets[0] == octets[-1] == '"':
        octets = octets[1:-1]
    return form_decode(octets) if COOKIE_VALUE.match(octets) else None


def _pairs(header: str) -> Iterator[tuple[str, str]]:
    """The names and decoded values of what are cookies, in their order."""
    for part in _looked_at(header).split(";"):
        # RFC 6265bis section 5.6: "Remove any leading or trailing WSP", which is SP and HTAB and nothing else.
        name, equals, octets = part.partition("=")
        name = name.strip(" \t")
        if equals and TOKEN.match(name):
            value = _value(octets)
            if value is not None:
                yield name, value


@lru_cache(maxsize=64)
def _finder(name: str) -> Callable[[str], list[str]]:
    """The function that finds what stands under one name, in a header after a ";"."""
    if not TOKEN.match(name):
        return lambda header: []
    return re.compile(rf";[ \t]*{re.escape(name)}[ \t]*=([^;]*)").findall


def parse_cookies(header: str) -> dict[str, str]:
    """The cookies in a Cookie header: name -> decoded value, the last of equal names.

    Only ";" separates, only blanks are stripped, one pair of quotes around a value goes, nothing is unescaped. What is no
    cookie, or cannot be decoded, is left out; nothing raises. At most 200 pairs and 16 KiB are looked at.
    Source: ring.middleware.cookies/parse-cookies, RFC 6265bis section 5.6; safer where they differ.

    >>> parse_cookies('a=1; b="x+y"; c=%C3%BC; d')
    {'a': '1', 'b': 'x y', 'c': 'ü'}
    """
    return dict(_pairs(header))


def find_cookie(header: str, name: str) -> list[str]:
    """The different values under one name, in their order, by the rules of `parse_cookies`.

    The other cookies are not decoded for it, since a session layer asks for its one at each request.

    >>> find_cookie("id=a; theme=dark; id=b; id=a", "id")
    ['a', 'b']
    """
    if name not in header:
        return []
    # Each pair has a ";" but one, so that a short header needs no counting.
    start = header if len(header) < MAX_PAIRS else _looked_at(header)
    found = _finder(name)(";" + start)
    if len(found) == 1 and PLAIN_COOKIE_VALUE.match(found[0]):
        return found
    values = map(_value, found)
    return list(dict.fromkeys(value for value in values if value is not None))


def _text(name: str, value: object) -> str:
    """A cookie's value as Ring writes it: nothing for None, a list as the fields of a form."""
    if isinstance(value, (list, tuple)):
        return f"&{name}=".join(_text(name, item) for item in value)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, (str, int, float)):
        return form_encode(str(value))
    given = type(value).__name__  # and not the value, which may be a secret
    raise TypeError(
        f"cookie {name!r}: expected str, int, float, bool, None or a list of these, got {given}"
    )


def set_cookie_header(name: str, value: object, attrs: Mapping[str, Any]) -> str:
    """One Set-Cookie value.

    name: a token. value: str, int, float, bool, None or a list; form-encoded.
    attrs: domain and path (str), secure, http_only and partitioned (bool), max_age (int of seconds or timedelta, at most 400
    days), expires (datetime, UTC if naive, or an IMF-fixdate), same_site ("strict", "lax" or "none"); False and
    None leave one out.
    Raises ValueError or TypeError for anything else, and for what a browser would drop.
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


def cookies_request(request: Request) -> Request:
    """See wrap_cookies."""
    request = as_request(request)
    if not dict.__contains__(request, "cookies"):
        request.provide("cookies", _read_cookies)
    return request


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
    written = [_set_cookie(*item) for item in (response.pop("cookies") or {}).items()]
    if not written:
        return response
    headers = dict(response.get("headers") or {})
    change_header(headers, "Set-Cookie", lambda own: after_own(own, written))
    return response | {"headers": headers}


def after_own(own: Any, lines: list[str]) -> list[str]:
    """The value of a Set-Cookie header with more lines, after those that it has.

    >>> after_own("a=1", ["b=2"]), after_own(None, ["b=2"])
    (['a=1', 'b=2'], ['b=2'])
    """
    return [own, *lines] if isinstance(own, str) else [*(own or []), *lines]


def wrap_cookies(handler: Handler) -> Handler:
    """Read the cookies of requests, write those of responses.

    Reads the Cookie header; adds `request["cookies"]`, name -> {"value": ...}. Reads `response["cookies"]`, name -> value or
    {"value": ..., and attributes as `set_cookie_header` takes them}; the response's own Set-Cookie headers come first.
    Raises ValueError or TypeError for a cookie that cannot be written.
    Source: ring.middleware.cookies/wrap-cookies.

    >>> handler = wrap_cookies(lambda request: {"cookies": {"seen": request["cookies"]["a"]["value"]}})
    >>> handler({"headers": {"cookie": "a=1"}})
    {'headers': {'Set-Cookie': ['seen=1']}}
    """

    def cookies(request: Request) -> Response:
        return cookies_response(check_response(handler(cookies_request(request))))

    return cookies
