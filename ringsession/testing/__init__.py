"""For tests: a literal request, and the contract of a store as a test class for whoever writes one.

Owns how a request dict is written down in a test. Needs no test framework.
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
    """A request dict by SPEC, as a server on localhost gives it (ring.mock.request/request).

    headers: lower-case names. keys: any further keys, over these.

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
