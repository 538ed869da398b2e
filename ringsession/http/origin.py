"""Return the host that a request was sent to, and its origin as browsers write it.

A client may write anything into its Host header. Redirects and comparisons use only hosts that
pass these checks.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote

from .grammar import HOST_NAME, IP_LITERAL, PORT, SCHEME
from ..request import Request

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_PAGES = {"ws": "http", "wss": "https"}  # some servers call the scheme of a handshake so
# Fetch: the origin of a file or of data is "null", and that of a page with a websocket the page's.
_WITHOUT_ORIGIN = frozenset(("file", "data", "blob", "about", "javascript", "ws", "wss", "ftp"))
_LONGEST = 253  # characters; the limit of DNS for a name


def split_host(text: str) -> tuple[str, int | None] | None:
    """Return the host and the port of a Host header; None if it is not valid.

    Source: RFC 9110 section 7.2.

    >>> split_host("Example.org:8080"), split_host("[::1]"), split_host("a@evil.org")
    (('example.org', 8080), ('[::1]', None), None)
    """
    host, colon, port = text.rpartition(":")
    if not colon or text[-1] == "]":
        host, port = text, ""
    fits = HOST_NAME.match(host) or IP_LITERAL.match(host)
    if not fits or len(host) > _LONGEST or len(port) > 5 or not PORT.match(port):
        return None
    number = int(port or 1)
    return (host.lower(), number if port else None) if 0 < number < 65_536 else None


def is_host(host: str) -> bool:
    """Return whether a URL can have this host, as browsers write it.

    Source: RFC 1035 section 2.3.4, URL Standard (host parser).

    >>> [is_host(host) for host in ("example.org", "[::1]", "a..b", "127.0.0.1", "127.1")]
    [True, True, False, True, False]
    """
    if IP_LITERAL.match(host):
        return _read_address(host[1:-1]) is not None
    labels = host.split(".")
    if not HOST_NAME.match(host) or len(host) > _LONGEST or "" in labels:
        return False
    # Only an IPv4 address ends in a number.
    ends_in_number = labels[-1].isdigit()
    return max(map(len, labels)) < 64 and not (ends_in_number and _read_address(host) is None)


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def read_origin(text: str) -> str | None:
    """Return an origin as browsers write it; None if no browser writes such an origin.

    Apps and extensions have schemes of their own.
    Source: RFC 6454 section 6.2.

    >>> read_origin("HTTPS://Example.org:443"), read_origin("capacitor://localhost")
    ('https://example.org', 'capacitor://localhost')
    >>> read_origin("https://example.org/"), read_origin("null")
    (None, None)
    """
    scheme, _, rest = text.partition("://")
    scheme, found = scheme.lower(), split_host(rest)
    if not SCHEME.match(scheme) or scheme in _WITHOUT_ORIGIN or found is None:
        return None
    host, port = found
    if not is_host(host.removesuffix(".")):
        return None
    if host[0] == "[":
        host = f"[{_read_address(host[1:-1])}]"
    return f"{scheme}://{host}{'' if port in (None, _DEFAULT_PORTS.get(scheme)) else f':{port}'}"


def _host(request: Request) -> tuple[str, int | None] | None:
    header = request.get_header("host")
    if header is not None:
        return split_host(header)
    found = split_host(request["server_name"])
    return found and (found[0], request["server_port"])


def get_host(request: Request) -> str | None:
    """Return the host that a request was sent to; None if its Host header is not valid.

    The port follows unless it is the scheme's default port. Without a Host header (HTTP/1.0) this
    is the server's own name.

    >>> get_host(Request({"scheme": "https", "headers": {"host": "example.org:443"}}))
    'example.org'
    """
    found = _host(request)
    if found is None:
        return None
    host, port = found
    return host if port in (None, _DEFAULT_PORTS.get(request["scheme"])) else f"{host}:{port}"


def get_origin(request: Request) -> str | None:
    """Return the origin that a request was sent to, as browsers write it; None without a host.

    Source: RFC 6454 section 6.2.

    >>> get_origin(Request({"scheme": "http", "headers": {"host": "localhost:8000"}}))
    'http://localhost:8000'
    """
    host = get_host(request)
    return host and f"{_PAGES.get(request['scheme'], request['scheme'])}://{host}"


def is_cross_site_write(request: Request) -> bool:
    """Return whether another site made the browser send a request that may change something.

    The browser then holds back a cookie that is SameSite=Lax, so a request without a session says
    nothing about whether its user has one.

    Source: W3C Fetch Metadata, RFC 6265bis section 5.2.

    >>> headers = {"sec-fetch-site": "cross-site"}
    >>> is_cross_site_write(Request({"request_method": "post", "headers": headers}))
    True
    """
    if request.get("request_method", "get") in ("get", "head", "options", "trace"):
        return False
    site, origin = request.get_header("sec-fetch-site"), request.get_header("origin")
    if site is not None:
        return site == "cross-site"
    return origin not in (None, "null") and origin != get_origin(request)


# RFC 3986 sections 3.3 and 3.4: pchar, "/", "?" and "%" need no encoding. Browsers keep "[]" too.
_URI_SAFE = "/!$&'()*+,;=:@~?%[]"


def get_path(request: Request) -> str:
    """Return the path and the query of a request, encoded for a Location header.

    >>> get_path(Request({"uri": "/a%20b", "query_string": "c=d e"}))
    '/a%20b?c=d%20e'
    """
    uri, query = request["uri"], request.get("query_string")
    # A server passes "*" and "http://..." on unchanged. After a host, a path must start with "/".
    path = uri if uri.startswith("/") else f"/{uri}"
    text = path if query is None else f"{path}?{query}"
    return quote(text.encode("latin-1", "replace"), safe=_URI_SAFE)
