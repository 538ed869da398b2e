"""Decide which header fields a response may hold.

Only a field's characters are checked here; the meaning of a field is left to the layers.
"""

from __future__ import annotations

from .grammar import CONTROL, TOKEN, URL_CONTROL
from .uri import encode_url

_URLS = frozenset(("location", "content-location"))  # the headers whose value is a URL
# The names that most responses have, in the spelling that most programs use. Each of them is a
# token, and none stands here in a second spelling, so that such names need no further check.
USUAL_NAMES = frozenset("""
    Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Headers
    Access-Control-Allow-Methods Access-Control-Allow-Origin Access-Control-Expose-Headers
    Access-Control-Max-Age Age Allow Cache-Control Clear-Site-Data Connection Content-Disposition
    Content-Encoding Content-Language Content-Length Content-Location Content-Range
    Content-Security-Policy Content-Security-Policy-Report-Only Content-Type
    Cross-Origin-Embedder-Policy Cross-Origin-Opener-Policy Cross-Origin-Resource-Policy Date ETag
    Expires Last-Modified Link Location Permissions-Policy Pragma Referrer-Policy Retry-After Server
    Server-Timing Set-Cookie Strict-Transport-Security Vary WWW-Authenticate X-Content-Type-Options
    X-Frame-Options X-Request-ID X-Robots-Tag X-XSS-Protection
    """.split())
_NAME = "no control character, and only letters, digits and !#$%&'*+-.^_`|~ in the name of a header"


def is_url(name: str) -> bool:
    """Return whether the value of this header is a URL."""
    return name.lower() in _URLS


def is_safe_field(name: str, value: str) -> bool:
    """Return whether a header's name is a token and its value has no control character.

    A value that is no URL may hold tabs.

    >>> is_safe_field("X-Note", "a\\tb"), is_safe_field("Location", "/\\t/evil.example")
    (True, False)
    >>> is_safe_field("X Note", "a")
    False
    """
    if not TOKEN.match(name):
        return False
    if value.isprintable():
        return True
    return not (URL_CONTROL if is_url(name) else CONTROL).search(value)


def check_field(name: str, value: str) -> None:
    """Raise ValueError unless `is_safe_field(name, value)`, and TypeError for a name of no text."""
    if not isinstance(name, str):
        raise unnamed_field(name)
    if not is_safe_field(name, value):
        raise unsafe_field(name, value)


def write_field(name: str, value: str) -> str:
    """Return the value of a header as it is sent: a URL percent-encoded, any other as it is.

    Raises as `check_field` does.

    >>> write_field("Location", "/\xfc"), write_field("X-Note", "\xfc")
    ('/%C3%BC', '\xfc')
    """
    if isinstance(name, str) and TOKEN.match(name) and value.isascii() and value.isprintable():
        return value  # most are
    check_field(name, value)
    return encode_url(value) if is_url(name) else value


def unnamed_field(name: object) -> TypeError:
    """Return the error for the name of a header that is no text."""
    kind = type(name).__name__
    return TypeError(f'response["headers"]: expected str as the name of a header, got {kind}')


def unsafe_field(name: str, value: str) -> ValueError:
    """Return the error for a header that cannot be sent. It names the header, not its value."""
    if not TOKEN.match(name):
        problem = _NAME
    elif is_safe_field(name, value):
        problem = "characters of ISO-8859-1 only; encode the others, or leave them out"
    elif is_url(name):
        problem = "no control character; percent-encode it in the URL"
    else:
        problem = "no control character; leave it out"
    return ValueError(f'response["headers"][{name!r:.60}]: expected {problem}')
