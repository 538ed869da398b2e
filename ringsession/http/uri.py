"""Write a URL with any characters (an IRI, RFC 3987) as the ASCII of a header."""

from __future__ import annotations

import re
from urllib.parse import quote

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


# RFC 3986 section 3: [ scheme ":" ] "//" [ userinfo "@" ] host [ ":" port ].
_AUTHORITY = re.compile(
    r"(?P<before>(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?)(?P<host>[^/?#@:\[\]]+)"
)
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")


def _encode(found: re.Match[str]) -> str:
    return quote(found[0].encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def encode_url(url: str) -> str:
    """Return a URL in ASCII. What is ASCII stays as it is.

    Other characters are percent-encoded as UTF-8, and a host is written in punycode. A host that
    IDNA cannot name for certain is percent-encoded too: browsers read that as the host itself.
    Source: RFC 3987 section 3.1.

    >>> encode_url("https://b\xfccher.example/\xfc?q=\xfc&r=%2F")
    'https://xn--bcher-kva.example/%C3%BC?q=%C3%BC&r=%2F'
    """
    if url.isascii():
        return url
    found = _AUTHORITY.match(url)
    name = encode_host(found["host"]) if found else None
    if found and name:
        url = f"{found['before']}{name}{url[found.end():]}"
    return _NON_ASCII.sub(_encode, url)


def encode_octets(url: str) -> str:
    """Return a URL whose characters stand for octets (PEP 3333) in ASCII.

    >>> encode_octets("/\xc3\xbc")
    '/%C3%BC'
    """
    return _NON_ASCII.sub(lambda found: quote(found[0].encode("latin-1")), url)
