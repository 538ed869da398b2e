"""The host and the origin of a request."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession.http.origin import get_host, get_origin, split_host
from ringsession.request import Request


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.org", ("example.org", None)),
        ("EXAMPLE.org:8080", ("example.org", 8080)),
        ("example.org:", ("example.org", None)),
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:443", ("[::1]", 443)),
        ("a_b.example", ("a_b.example", None)),
        ("", None),
        (":80", None),
        ("example.org:abc", None),
        ("example.org:-5", None),
        ("example.org:0", None),
        ("example.org:65536", None),
        ("example.org:８０", None),
        ("a@evil.org", None),
        ("evil.org/x", None),
        ("evil.org?x", None),
        ("evil.org#x", None),
        ("evil.org\\x", None),
        ("a b", None),
        ("a,b", None),
        ("a.org\r\nX: y", None),
        ("a.org\n", None),
        ("a\x00b", None),
        ("bücher.example", None),
        ("::1", None),
        ("[::1", None),
        ("x" * 254, None),
    ],
)
def test_a_host_is_a_name_or_an_address_and_a_port(text: str, expected: Any) -> None:
    assert split_host(text) == expected


@pytest.mark.parametrize(
    ("request_", "host", "origin"),
    [
        ({"scheme": "http", "headers": {"host": "a.org:80"}}, "a.org", "http://a.org"),
        ({"scheme": "https", "headers": {"host": "a.org:80"}}, "a.org:80", "https://a.org:80"),
        ({"scheme": "https", "headers": {"host": "A.org"}}, "a.org", "https://a.org"),
        ({"scheme": "http", "headers": {"host": "a@evil.org"}}, None, None),
        ({"scheme": "http", "headers": {"host": ""}}, None, None),
        (
            {"scheme": "http", "headers": {}, "server_name": "localhost", "server_port": 8000},
            "localhost:8000",
            "http://localhost:8000",
        ),
    ],
)
def test_the_host_is_the_headers_and_else_the_servers(
    request_: dict[str, Any], host: str | None, origin: str | None
) -> None:
    assert (get_host(Request(request_)), get_origin(Request(request_))) == (host, origin)
