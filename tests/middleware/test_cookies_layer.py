"""The layer reads `request["cookies"]` when a handler uses it, and writes `response["cookies"]`."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession.middleware.cookies import cookies_request, cookies_response, wrap_cookies
from ringsession.request import Request, Response


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        ({}, {}),
        ({"cookie": ""}, {}),
        ({"cookie": "a=1; b=x+y; a=2; c"}, {"a": {"value": "2"}, "b": {"value": "x y"}}),
        ({"Cookie": "a=1"}, {}),  # header names are lower-case in a request
    ],
)
def test_the_cookies_of_a_request_are_read(headers: dict[str, str], cookies: Any) -> None:
    request = {"uri": "/", "headers": headers}
    assert cookies_request(request) == {**request, "cookies": cookies}
    assert request == {"uri": "/", "headers": headers}


def test_a_request_without_headers_has_no_cookies() -> None:
    assert cookies_request({"uri": "/"})["cookies"] == {}


def test_cookies_are_read_only_when_a_handler_uses_them() -> None:
    asked: list[str] = []

    def find_header(request: Request, name: str) -> str:
        asked.append(name)
        return "a=1"

    request = cookies_request(Request({"uri": "/"}, find_header=find_header))
    assert "cookies" in request and asked == []
    assert request["cookies"] is request["cookies"]
    assert request["cookies"] == {"a": {"value": "1"}} and asked == ["cookie"]


def test_a_request_whose_cookies_are_read_already_is_left_alone() -> None:
    request = Request({"headers": {"cookie": "a=1"}, "cookies": {"b": {"value": "2"}}})
    assert cookies_request(request) is request
    assert request["cookies"] == {"b": {"value": "2"}}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"cookies": {"a": "b"}}, {"headers": {"Set-Cookie": ["a=b"]}}),
        ({"headers": None, "cookies": {"a": None}}, {"headers": {"Set-Cookie": ["a="]}}),
        (
            {"headers": {"Age": "1"}, "cookies": {"b": {"value": 1, "path": "/"}, "a": [1, 2]}},
            {"headers": {"Age": "1", "Set-Cookie": ["b=1; Path=/", "a=1&a=2"]}},
        ),
        ({"cookies": {"a": {"path": "/"}}}, {"headers": {"Set-Cookie": ["a=; Path=/"]}}),
        (
            {"headers": {"Set-Cookie": ["x=1", "y=2"]}, "cookies": {"a": "b"}},
            {"headers": {"Set-Cookie": ["x=1", "y=2", "a=b"]}},
        ),
        (
            {"headers": {"Set-Cookie": "x=1"}, "cookies": {"a": "b"}},
            {"headers": {"Set-Cookie": ["x=1", "a=b"]}},
        ),
        (
            {"headers": {"set-cookie": ("x=1",)}, "cookies": {"a": "b"}},
            {"headers": {"set-cookie": ["x=1", "a=b"]}},
        ),
        ({"headers": {"Set-Cookie": "x=1"}, "cookies": {}}, {"headers": {"Set-Cookie": "x=1"}}),
        ({"status": 200, "cookies": None}, {"status": 200}),
    ],
)
def test_the_cookies_of_a_response_are_written_after_its_own(
    response: Response, expected: Response
) -> None:
    assert cookies_response(response) == expected


def test_the_layer_changes_a_copy_of_the_response() -> None:
    own = ["x=1"]
    response: Response = {"headers": {"Set-Cookie": own}, "cookies": {"a": "b"}}
    cookies_response(response)
    assert response == {"headers": {"Set-Cookie": ["x=1"]}, "cookies": {"a": "b"}}
    assert own == ["x=1"]


def test_a_response_without_cookies_stays_the_same_object() -> None:
    response: Response = {"status": 200, "headers": {}, "body": ""}
    assert cookies_response(response) is response


@pytest.mark.parametrize(
    ("cookies", "error", "message"),
    [
        ({"a": {"value": "b", "foo": 1}}, ValueError, "foo: unknown attribute"),
        ({"a": "b", "c d": "e"}, ValueError, "name: expected a token"),
        ({"a": {"value": object()}}, TypeError, "cookie 'a': expected str"),
    ],
)
def test_one_cookie_that_cannot_be_written_fails_the_response(
    cookies: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        cookies_response({"status": 200, "cookies": cookies})


def test_the_layer_reads_and_writes() -> None:
    def handler(request: Request) -> Response:
        return {"status": 200, "cookies": {"seen": request["cookies"]["a"]["value"]}}

    layer = wrap_cookies(handler)
    assert layer(Request({"headers": {"cookie": "a=x+y"}})) == {
        "status": 200,
        "headers": {"Set-Cookie": ["seen=x+y"]},
    }


@pytest.mark.parametrize(
    "attrs", [{"domain": "a.example:80"}, {"domain": "http://a.example"}, {"path": "app"}], ids=str
)
def test_a_cookie_that_a_browser_would_drop_is_not_written(attrs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="^(domain|path): expected "):
        cookies_response({"cookies": {"a": {"value": "b", **attrs}}})
