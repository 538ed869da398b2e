"""Write a URL with any characters (an IRI, RFC 3987) as the ASCII of a header."""

from __future__ import annotations

import re

from .grammar import HOST_NAME

# The characters that IDNA 2003, Python's codec, maps to others and that browsers keep (IDNA 2008):
# it would name another host.
_DEVIATIONS = re.compile("[\xdf\u03c2\u1e9e\u200c\u200d]")


def encode_host(host: str) -> str | None:
    """Return the name of a host in ASCII (punycode); None if nothing is certain to name it.

    Source: RFC 3490 section 4.

    >>> encode_host("b\u00fccher.example"), encode_host("a\u2100b.example")
    ('xn--bcher-kva.example', None)
    """
    if host.isascii():
        return host
    try:
        # IDNA maps some characters to "/" and "@", after which another host would follow.
        name = "" if _DEVIATIONS.search(host) else host.encode("idna").decode()
    except UnicodeError:
        return None
    return name if HOST_NAME.match(name) else None
