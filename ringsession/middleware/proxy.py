"""The client's address and the scheme, as the proxies in front of the server tell them.

Owns X-Forwarded-For and X-Forwarded-Proto, and whom to believe. Knows no other forwarding header: a Host or a port that
a client could forge is used for nothing.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from ..option_error import wrong_value
from ..request import Handler, Request, Response, as_request


def _address(text: str) -> str | None:
    """An address in X-Forwarded-For, without the port that some proxies add; None for what is none."""
    host = text.strip(" \t")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ip_address(host))
    except ValueError:  # "unknown", "_hidden" (RFC 7239 section 6), or what a client made up
        return None


def _entry(header: str, hops: int) -> str | None:
    """What the outermost trusted proxy wrote: each adds its own at the right."""
    entries = header.rsplit(",", hops)
    return entries[-hops] if len(entries) >= hops else None


def _remote_addr(request: Request, hops: int) -> str | None:
    entry = _entry(request.get_header("x-forwarded-for") or "", hops)
    return _address(entry) if entry else None


def _scheme(request: Request, hops: int) -> str | None:
    header = request.get_header("x-forwarded-proto") or ""
    # Most proxies put their own in the place of what was there, rather than behind it.
    entry = _entry(header, hops if "," in header else 1) or ""
    scheme = entry.strip(" \t").lower()
    return scheme if scheme in ("http", "https") else None


def forwarded_request(request: Request, hops: int = 1) -> Request:
    """See wrap_forwarded."""
    request = as_request(request)
    told = {"remote_addr": _remote_addr(request, hops), "scheme": _scheme(request, hops)}
    changed: dict[str, Any] = {key: value for key, value in told.items() if value is not None}
    return as_request(request | changed) if changed else request


def wrap_forwarded(handler: Handler, *, hops: int = 1) -> Handler:
    """Take the client's address and the scheme from the proxies in front of the server.

    hops: 1; how many proxies there are, each of which adds to X-Forwarded-For, and which no client can go around.

    Reads X-Forwarded-For (the entry that the outermost of them wrote) and X-Forwarded-Proto ("http" or "https"); changes
    `remote_addr` and `scheme`. Where there are fewer entries, or what stands there is no address, the peer's own
    stays. Raises OptionError for hops that are no number over 0.
    Source: ring.middleware.proxy-headers/wrap-forwarded-remote-addr, ring.middleware.ssl/wrap-forwarded-scheme.

    >>> handler = wrap_forwarded(lambda request: {"status": 200, "body": request["remote_addr"]})
    >>> handler({"remote_addr": "10.0.0.1", "headers": {"x-forwarded-for": "6.6.6.6, 192.0.2.7"}})["body"]
    '192.0.2.7'
    """
    if type(hops) is not int or hops < 1:
        raise wrong_value("hops", "a number of proxies over 0", hops)

    def forwarded(request: Request) -> Response:
        return handler(forwarded_request(request, hops))

    return forwarded
