"""The lazy request, and what a server's environ looks like as one."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ringsession.request import Request, as_request
from ringsession.wsgi.environ import environ_request


def lazy() -> tuple[Request, list[str]]:
    """A request with one costly key, and the log of its computing."""
    log: list[str] = []

    def costly(request: Request) -> str:
        log.append("computed")
        return request["uri"] * 2

    request = Request({"uri": "/"})
    request.provide("costly", costly)
    return request, log


@pytest.mark.parametrize(
    "look",
    [
        lambda request: "costly" in request,
        lambda request: list(request) == ["uri", "costly"],
        lambda request: len(request) == 2,
        lambda request: set(request.keys()) == {"uri", "costly"},
        lambda request: "costly" in request.copy(),
        lambda request: "costly" in request | {"more": 1},
        lambda request: "costly" in repr(request),
        lambda request: as_request(request) is request,
    ],
)
def test_a_look_at_the_keys_computes_nothing(look: Any) -> None:
    request, log = lazy()
    assert look(request)
    assert log == []


@pytest.mark.parametrize(
    "read",
    [
        lambda request: request["costly"],
        lambda request: request.get("costly"),
        lambda request: {**request}["costly"],
        lambda request: dict(request)["costly"],
        lambda request: dict(request.items())["costly"],
        lambda request: list(request.values())[1],
        lambda request: ({"more": 1} | request)["costly"],
        lambda request: (request | {"more": 1})["costly"],
        lambda request: request.copy()["costly"],
        lambda request: request.pop("costly"),
        lambda request: request.setdefault("costly", 1),
    ],
)
def test_every_way_of_reading_computes_a_key_once(read: Any) -> None:
    request, log = lazy()
    assert read(request) == "//"
    assert log == ["computed"]


def test_a_value_is_computed_once_however_often_it_is_read() -> None:
    request, log = lazy()
    assert (request["costly"], request["costly"], log) == ("//", "//", ["computed"])


def test_a_derived_request_computes_from_its_own_values() -> None:
    request, _ = lazy()
    assert (request | {"uri": "ab"})["costly"] == "abab"


def test_a_key_that_was_set_is_not_computed() -> None:
    request, log = lazy()
    request["costly"] = "mine"
    assert (request["costly"], request | {}, log) == ("mine", {"uri": "/", "costly": "mine"}, [])


def test_a_deleted_key_is_gone_computed_or_not() -> None:
    request, log = lazy()
    del request["costly"]
    assert ("costly" in request, log) == (False, [])
    request, _ = lazy()
    request["costly"]
    del request["costly"]
    assert request == {"uri": "/"}
    with pytest.raises(KeyError):
        del request["costly"]
    with pytest.raises(KeyError):
        request["costly"]


def test_update_clear_and_or_in_place_see_every_key() -> None:
    request, _ = lazy()
    request |= {"more": 1}
    assert (len(request), request == {"uri": "/", "costly": "//", "more": 1}) == (3, True)
    request.clear()
    assert (len(request), list(request)) == (0, [])


def test_or_with_something_else_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        Request() | 5
    with pytest.raises(TypeError):
        5 | Request()


def test_a_secret_is_not_in_the_repr() -> None:
    assert repr(Request({"session_key": "secret"})) == "<Request session_key>"


ENVIRON = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/a b/\xc3\xbc",
    "QUERY_STRING": "q=1",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "3",
    "HTTP_X_FOO_BAR": "1",
    "wsgi.url_scheme": "http",
}


def environ(**changes: Any) -> dict[str, Any]:
    return ENVIRON | {"wsgi.input": io.BytesIO(b"abc")} | changes


def test_an_environ_is_a_request_by_spec() -> None:
    given = environ()
    request = dict(environ_request(given))
    body = request.pop("body")
    assert request == {
        "environ": given,
        "request_method": "post",
        "uri": "/a%20b/%C3%BC",
        "query_string": "q=1",
        "scheme": "http",
        "server_name": "localhost",
        "server_port": 8000,
        "remote_addr": "127.0.0.1",
        "protocol": "HTTP/1.1",
        "headers": {"x-foo-bar": "1", "content-type": "text/plain", "content-length": "3"},
    }
    assert body.read() == b"abc"


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"SCRIPT_NAME": "/app"}, "path_info", "/a%20b/%C3%BC"),
        ({"SCRIPT_NAME": "/app"}, "uri", "/app/a%20b/%C3%BC"),
        ({"QUERY_STRING": ""}, "query_string", None),
        ({"SERVER_PORT": "evil"}, "server_port", 80),
        ({"SERVER_PORT": "\u0663"}, "server_port", 80),
        ({"SERVER_PORT": ""}, "server_port", 80),
        ({"PATH_INFO": "/\u20ac"}, "uri", "/%3F"),
        ({"CONTENT_LENGTH": "", "CONTENT_TYPE": ""}, "headers", {"x-foo-bar": "1"}),
    ],
)
def test_what_a_server_or_a_client_may_do_to_an_environ(changes: Any, key: str, value: Any) -> None:
    assert environ_request(environ(**changes))[key] == value


def test_path_info_is_there_only_under_a_script_name() -> None:
    assert "path_info" not in environ_request(environ())
    assert "path_info" in environ_request(environ(SCRIPT_NAME="/app"))


@pytest.mark.parametrize("length", ["", "-1", "abc", "9" * 40])
def test_a_content_length_that_is_none_never_raises(length: str) -> None:
    body = environ_request(environ(CONTENT_LENGTH=length))["body"]
    if length != "9" * 40:
        assert body.read() == b""
