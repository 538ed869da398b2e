"""Encode and decode one string as Ring does, with the rules of Java's URLEncoder and URLDecoder.

Splitting a query or a form into pairs is left to the params layer.
"""

from __future__ import annotations

import re
from urllib.parse import quote_plus, unquote_to_bytes

_UNCHANGED = re.compile(r"[A-Za-z0-9.*_-]*\Z")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ASCII = re.compile(r"([\x00-\x7f]+)")  # a character beyond it that is not encoded stays as it is
# Java replaces a whole or truncated encoded surrogate by one U+FFFD, Python each of its octets.
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")
_REPLACEMENT = "\ufffd".encode()


def form_encode(text: str) -> str:
    """Return text encoded for a form, a query or a cookie.

    Source: ring.util.codec/form-encode.

    >>> form_encode("a b~ü*")
    'a+b%7E%C3%BC*'
    """
    if _UNCHANGED.match(text):
        return text
    # URLEncoder keeps only letters, digits, ".", "*", "_" and "-"; quote_plus keeps "~" too.
    return quote_plus(text, safe="*", errors="replace").replace("~", "%7E")


def form_decode(text: str, charset: str = "utf-8") -> str | None:
    """Return the decoded text; None if a "%" lacks its two hexadecimal digits.

    charset: "utf-8"; decodes the octets. Each invalid sequence becomes U+FFFD.
    Source: ring.util.codec/form-decode-str.

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
