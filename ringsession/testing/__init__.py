"""Write tests for handlers and stores: `request` makes a request, `StoreContract` tests a store.

This package needs no test framework.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from .store_contract import StoreContract, change, key_of

__all__ = ["StoreContract", "change", "key_of", "request"]


def request(
    method: str = "GET",
    uri: str = "/",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    **keys: Any,
) -> dict[str, Any]:
    """Return a request dict such as a server on localhost makes.

    method: "GET". uri: "/"; the path, with "?" and a query string if you want one.
    headers: None; a mapping with names in lower case. Without a "host" it is "localhost".
    body: b"". keys: more keys of the request; they replace the keys that this function sets.

    Source: ring.mock.request/request.

    >>> request("GET", "/cart?page=2", headers={"cookie": "a=1"})["query_string"]
    'page=2'
    """
    path, _, query = uri.partition("?")
    return {
        "request_method": method.lower(),
        "uri": path,
        "query_string": query or None,
        "scheme": "http",
        "server_name": "localhost",
        "server_port": 80,
        "remote_addr": "127.0.0.1",
        "protocol": "HTTP/1.1",
        "headers": {"host": "localhost", **(headers or {})},
        "body": io.BytesIO(body),
        **keys,
    }
