"""Check the domain and the path of a cookie, which say where a browser sends it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..http.grammar import COOKIE_PATH, HOST_NAME, MAX_ATTRIBUTE_OCTETS
from ..http.origin import is_host
from ..http.uri import encode_host
from ..option_error import OptionError, wrong_value

DOMAIN = 'a name such as "example.org", without scheme, port, path and closing dot'
PATH = f'a path such as "/app", percent-encoded, with at most {MAX_ATTRIBUTE_OCTETS} octets'
_PATH_SAFE = "/%!$&'()*+,:=@[]^|"


def write_domain(value: Any) -> str | None:
    """Return the value of a Domain attribute; None if no host's cookie can have it.

    >>> write_domain(".example.org"), write_domain("example.org:8000")
    ('.example.org', None)
    """
    if not isinstance(value, str):
        return None
    # RFC 6265bis section 5.6.3: a browser strips one dot in front.
    host = value.removeprefix(".")
    return value if HOST_NAME.match(host) and is_host(host) else None


def write_path(value: Any) -> str | None:
    """Return the value of a Path attribute; None if a browser would not keep or never send it.

    >>> write_path("/app"), write_path("app"), write_path("/a b")
    ('/app', None, None)
    """
    if not isinstance(value, str) or not COOKIE_PATH.match(value):
        return None
    # RFC 3986 section 5.2.4: what a browser requests has no dot segments.
    has_dots = "/." in value and not {".", ".."}.isdisjoint(value.split("/"))
    return None if has_dots or len(value) > MAX_ATTRIBUTE_OCTETS else value


def wrong_domain(value: Any) -> OptionError:
    """Return the error for a domain that `write_domain` refuses."""
    name = encode_host(value) if isinstance(value, str) and not value.isascii() else None
    if name is not None and write_domain(name):
        return wrong_value("domain", f"the name in punycode, {name!r}", value)
    hint = "" if value != "" else "; leave it out for this host alone"
    error = wrong_value("domain", DOMAIN, value)
    return OptionError("domain", f"{error.problem}{hint}")


def wrong_path(value: Any) -> OptionError:
    """Return the error for a path that `write_path` refuses."""
    error = wrong_value("path", PATH, value)
    if not isinstance(value, str) or not value.isprintable() or ";" in value or "://" in value:
        return error
    better = quote(value if value.startswith("/") else f"/{value}", safe=_PATH_SAFE)
    hint = f"; write {better!r}" if len(better) <= 60 and write_path(better) else ""
    return OptionError("path", f"{error.problem}{hint}")
