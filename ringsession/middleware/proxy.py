"""Read the client's address and the scheme from the headers of the proxies in front of the server.

Only X-Forwarded-For and X-Forwarded-Proto are read. A forwarded Host or port is never used, since
a client could forge it.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from ..option_error import wrong_value
from ..request import Handler, Request, Response, as_request


def _address(text: str) -> str | None:
    """Return an address of X-Forwarded-For; None if the text is no IP address.

    A port goes, and so does a zone ("%eth0"), which only the host that wrote it understands (RFC
    4007 section 6). An IPv4 address inside an IPv6 one (RFC 4291 section 2.5.5.2) is the IPv4
    address, since a socket for both families writes it so.
    """
    host = text.strip(" \t")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:  # "unknown", "_hidden" (RFC 7239 section 6), or a client's invention
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)


def _entry(header: str, hops: int) -> str | None:
    """Return the entry of the outermost trusted proxy. Each proxy adds one at the right."""
    entries = header.rsplit(",", hops)
    return entries[-hops] if len(entries) >= hops else None


def _remote_addr(request: Request, hops: int) -> str | None:
    entry = _entry(request.get_header("x-forwarded-for") or "", hops)
    return _address(entry) if entry else None


def _scheme(request: Request, hops: int) -> str | None:
    header = request.get_header("x-forwarded-proto") or ""
    # Most proxies replace this header, rather than add an entry to it.
    entry = _entry(header, hops if "," in header else 1) or ""
    scheme = entry.strip(" \t").lower()
    return scheme if scheme in ("http", "https") else None


def forwarded_request(request: Request, hops: int = 1) -> Request:
    """See wrap_forwarded."""
    request = as_request(request)
    forwarded = {"remote_addr": _remote_addr(request, hops), "scheme": _scheme(request, hops)}
    changed: dict[str, Any] = {key: value for key, value in forwarded.items() if value is not None}
    return as_request(request | changed) if changed else request


def wrap_forwarded(handler: Handler, *, hops: int = 1) -> Handler:
    """Set the client's address and the scheme from the headers of the proxies.

    hops: 1; the number of proxies in front of the server. Each of them must add to X-Forwarded-For,
        and no client may be able to go around them.

    Reads the outermost proxy's entry of X-Forwarded-For, and X-Forwarded-Proto ("http" or "https").
    Changes `remote_addr` and `scheme`; an IPv4 address is written as one ("::ffff:192.0.2.7" is
    "192.0.2.7"), without a port and a zone. `remote_addr` stays if there are fewer entries than
    proxies, or if the entry is no address. Raises OptionError for hops that are no number over 0.
    Source: ring.middleware.proxy-headers/wrap-forwarded-remote-addr,
    ring.middleware.ssl/wrap-forwarded-scheme.

    >>> handler = wrap_forwarded(lambda request: {"status": 200, "body": request["remote_addr"]})
    >>> headers = {"x-forwarded-for": "6.6.6.6, 192.0.2.7"}
    >>> handler({"remote_addr": "10.0.0.1", "headers": headers})["body"]
    '192.0.2.7'
    """
    if type(hops) is not int or hops < 1:
        raise wrong_value("hops", "a number of proxies over 0", hops)

    def forwarded(request: Request) -> Response:
        return handler(forwarded_request(request, hops))

    return forwarded
