"""Form encoding of one string, as java.net.URLEncoder and URLDecoder do it, which is what Ring speaks.

Owns the characters only; pairs and separators are their users' affair.
"""

from __future__ import annotations

import re
from urllib.parse import quote_plus, unquote_to_bytes

_UNCHANGED = re.compile(r"[A-Za-z0-9.*_-]*\Z")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ASCII = re.compile(r"([\x00-\x7f]+)")  # what is written raw beyond it stays as it is
# Java takes an encoded surrogate, whole or cut off, for one bad sequence, Python each of its octets.
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")
_REPLACEMENT = "\ufffd".encode()


def form_encode(text: str) -> str:
    """Text as it stands in a form, a query or a cookie (ring.util.codec/form-encode).

    >>> form_encode("a b~ü*")
    'a+b%7E%C3%BC*'
    """
    if _UNCHANGED.match(text):
        return text
    # URLEncoder: only letters, digits, ".", "*", "_" and "-" stay; quote_plus lets "~" stay too.
    return quote_plus(text, safe="*", errors="replace").replace("~", "%7E")


def form_decode(text: str, charset: str = "utf-8") -> str | None:
    """The text that was encoded; None if a "%" has no two hexadecimal digits (ring.util.codec/form-decode-str).

    charset: that of the octets; what is bad in it becomes U+FFFD.

    >>> form_decode("a+b%C3%BC"), form_decode("100%")
    ('a bü', None)
    """
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    if _BAD_PERCENT.search(text):
        return None
    return "".join(_decode_ascii(part, charset) for part in _ASCII.split(text))


def _decode_ascii(part: str, charset: str) -> str:
    if "%" not in part:
        return part
    octets = unquote_to_bytes(part)
    if charset == "utf-8":
        octets = _SURROGATE.sub(_REPLACEMENT, octets)
    return octets.decode(charset, "replace")
