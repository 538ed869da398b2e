"""Read the origins that an option trusts, as browsers write them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..http.origin import read_origin
from ..http.uri import encode_host
from ..option_error import OptionError, list_items, wrong_value

_PAGES = {"wss": "https", "ws": "http", "": "https"}


def _hint(origin: Any) -> str:
    """Return what to write instead of an origin that `read_origin` refuses; "" if unknown."""
    if not isinstance(origin, str):
        return ""
    if origin == "null" or origin.startswith(("file:", "data:")):
        return '; with "Origin: null" the token decides'
    if "*" in origin:
        return "; name each origin"
    scheme, found, rest = origin.rpartition("://")
    host, colon, port = rest.partition("/")[0].partition(":")
    name = encode_host(host) or ""
    better = read_origin(f"{_PAGES.get(scheme, scheme)}://{name}{colon}{port}")
    return f"; write {better!r}" if better else ""


def read_origins(option: str, origins: Any) -> frozenset[str]:
    """Return the origins of an option as browsers write them.

    Raises OptionError for one that no browser writes.

    >>> read_origins("trusted_origins", ["https://Example.org:443"])
    frozenset({'https://example.org'})
    """
    if isinstance(origins, (str, bytes, Mapping)) or not isinstance(origins, Collection):
        raise wrong_value(option, "a list of origins", origins)
    known = set()
    for place, origin in list_items(option, origins):
        read = read_origin(origin) if isinstance(origin, str) else None
        if read is None:
            what = 'an origin as browsers write it, such as "https://app.example.org"'
            raise OptionError(place, f"{wrong_value(place, what, origin).problem}{_hint(origin)}")
        known.add(read)
    return frozenset(known)
