"""Let a load balancer's probe through a layer that refuses or redirects.

A probe comes over plain http, with the server's address as its Host. It may ask for some paths
only, and what answers there never sees the Host that the client wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from ..option_error import list_items, wrong_value
from ..request import Request, as_request


def read_paths(option: str, paths: Any) -> frozenset[bytes]:
    """Return the paths of an option as they are compared. Raise OptionError for a wrong one.

    >>> read_paths("except_paths", ["/healthz"])
    frozenset({b'/healthz'})
    """
    if not isinstance(paths, Collection) or isinstance(paths, (str, bytes, Mapping)):
        raise wrong_value(option, 'a list of paths such as ["/healthz"]', paths)
    for place, path in list_items(option, paths):
        is_path = isinstance(path, str) and path.startswith("/") and path.isprintable()
        if not is_path or set(path) & set("?#%"):
            what = 'a decoded path such as "/healthz", without a query'
            raise wrong_value(place, what, path)
    return frozenset(path.encode() for path in paths)


def is_excepted(request: Request, paths: Collection[bytes]) -> bool:
    """Return whether a request is a GET or HEAD for exactly one of the paths.

    >>> request = Request({"request_method": "get", "uri": "/health%7A"})
    >>> is_excepted(request, {b"/healthz"}), is_excepted(request, {b"/health"})
    (True, False)
    """
    if not paths or request["request_method"] not in ("get", "head"):
        return False
    return unquote_to_bytes(request["uri"]) in paths


def replace_host(request: Request, name: str) -> Request:
    """Return the request as if the client had asked for the host `name`.

    No redirect and no link in the response can then lead to a host that the client made up. A
    server on a Unix socket copies its own name from the client's Host, too.

    >>> replace_host(Request({"headers": {"host": "evil.example"}}), "localhost")["headers"]
    {'host': 'localhost'}
    """
    headers = {**request["headers"], "host": name}
    return as_request(request | {"headers": headers, "server_name": name})
