"""Check and write the attributes of a cookie by the rules of RFC 6265bis.

A browser drops a wrong cookie without a word, so a mistake is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from werkzeug.http import http_date, parse_date

from ..http.grammar import LONGEST_COOKIE_AGE, TOKEN
from ..option_error import OptionError, show, suggest, wrong_value
from ._cookie_scope import DOMAIN, PATH, write_domain, write_path, wrong_domain, wrong_path

# A Max-Age under 1 deletes the cookie. One of more than 1,024 digits would be ignored.
_SHORTEST_AGE = timedelta.min // timedelta(seconds=1)


def _switch(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _same_site(value: Any) -> str | None:
    known = isinstance(value, str) and value.lower() in ("strict", "lax", "none")
    return value.capitalize() if known else None


def _max_age(value: Any) -> str | None:
    if isinstance(value, timedelta):
        value = value // timedelta(seconds=1)
    if type(value) is not int or not _SHORTEST_AGE <= value <= LONGEST_COOKIE_AGE:
        return None
    return str(value)


def _expires(value: Any) -> str | None:
    if isinstance(value, str):
        # RFC 6265bis section 4.1.1: sane-cookie-date = IMF-fixdate. parse_date reads other forms
        # too, so the text must be equal to the date as it is written here.
        return value if _expires(parse_date(value)) == value else None
    # RFC 6265bis section 5.1.1: a year below 1601 makes no date. The conversion to UTC may change
    # the year by one at both ends.
    if not isinstance(value, datetime) or not 1601 < value.year < 9999:
        return None
    return http_date(value if value.tzinfo else value.replace(tzinfo=timezone.utc))


_ATTRIBUTES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "domain": ("Domain", write_domain, DOMAIN),
    "path": ("Path", write_path, PATH),
    "secure": ("Secure", _switch, "True or False"),
    "http_only": ("HttpOnly", _switch, "True or False"),
    "max_age": ("Max-Age", _max_age, "an int of seconds or a timedelta, at most 400 days"),
    "expires": ("Expires", _expires, "a datetime or an IMF-fixdate (RFC 9110)"),
    "same_site": ("SameSite", _same_site, '"strict", "lax" or "none"'),
    "partitioned": ("Partitioned", _switch, "True or False"),
}

_WRONG = {"domain": wrong_domain, "path": wrong_path}


def _is_left_out(value: Any) -> bool:
    return value is None or value is False


def attributes(attrs: Mapping[str, Any]) -> str:
    """Return attributes as they follow a cookie's value. `check_attrs` must have passed them.

    >>> attributes({"path": "/", "http_only": True, "secure": False})
    '; Path=/; HttpOnly'
    """
    written = ""
    for key, value in attrs.items():
        if not _is_left_out(value):
            name, write, _ = _ATTRIBUTES[key]
            written += f"; {name}" if value is True else f"; {name}={write(value)}"
    return written


def _check_attr(key: str, value: Any) -> None:
    if key not in _ATTRIBUTES:
        raise OptionError(key, f"unknown attribute; {suggest(key, _ATTRIBUTES)}")
    _, write, known = _ATTRIBUTES[key]
    if not _is_left_out(value) and write(value) is None:
        wrong = _WRONG.get(key)
        raise wrong(value) if wrong else wrong_value(key, known, value)


def check_attrs(attrs: Mapping[str, Any]) -> None:
    """Raise OptionError with the attribute's name unless a Set-Cookie can have these attributes.

    >>> check_attrs({"same_site": "bogus"})
    Traceback (most recent call last):
    ...
    ringsession.option_error.OptionError: same_site: expected "strict", "lax" or "none", got 'bogus'
    """
    for key, value in attrs.items():
        _check_attr(key, value)
    if attrs.get("secure"):
        return
    # RFC 6265bis section 5.7: browsers ignore a cookie with SameSite=None and without Secure. CHIPS
    # says the same of Partitioned.
    if _same_site(attrs.get("same_site")) == "None":
        raise OptionError("same_site", 'expected "secure": True beside "none"')
    if attrs.get("partitioned"):
        raise OptionError("partitioned", 'expected "secure": True beside it')


# RFC 6265bis section 5.7: the case of a prefix does not matter.
_PREFIX = re.compile("__(?:Host|Secure)-", re.IGNORECASE)


def another_name(name: str) -> str:
    """Return what to write where a "__Host-" name does not go with a domain or path."""
    prefix, rest = name[:7], name[7:]
    return f"write a name without {prefix}, such as {'__Secure-' + rest!r:.60}"


def check_cookie(name: str, attrs: Mapping[str, Any]) -> None:
    """Raise OptionError unless a browser takes a cookie of this name with these attributes."""
    if not isinstance(name, str) or not TOKEN.match(name):
        raise wrong_value("name", "a token (RFC 9110)", name)
    check_attrs(attrs)
    prefix = _PREFIX.match(name)
    if prefix and not attrs.get("secure"):
        another = f"or write a name without {prefix[0]}"
        raise OptionError("name", f'expected "secure": True beside {name!r:.60}; {another}')
    # Section 5.7: a "__Host-" cookie must have the Path "/". Without one, the page's folder counts.
    if prefix and prefix[0].lower() == "__host-":
        wrong = "domain" if attrs.get("domain") else "path"
        if wrong == "domain" or attrs.get("path") != "/":
            found = f"{wrong} {show(attrs.get(wrong))}"
            problem = f'expected path "/" and no domain beside {name!r:.60}, got {found}'
            raise OptionError("name", f"{problem}; {another_name(name)}")
