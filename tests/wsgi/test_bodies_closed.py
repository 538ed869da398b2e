"""A body is closed where the response cannot be sent, wherever that shows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, create_environ

from ringsession import (
    assoc_in,
    site_defaults,
    to_wsgi,
    wrap_absolute_redirects,
    wrap_cookies,
    wrap_default_charset,
    wrap_defaults,
    wrap_flash,
    wrap_not_modified,
    wrap_session,
)


def refuse_start(status: str, headers: Any, exc_info: Any = None) -> Any:
    raise RuntimeError("the client is gone")


def start(status: str, headers: Any, exc_info: Any = None) -> Any:
    return print


def send(handler: Any, start_response: Any = start) -> None:
    to_wsgi(handler)(create_environ(), start_response)


def make(body: Any, **response: Any) -> Any:
    return lambda request: {"status": 200, "headers": {}, "body": body, **response}


def test_where_the_server_raises() -> None:
    body = io.BytesIO(b"x")
    with pytest.raises(RuntimeError, match="the client is gone"):
        send(make(body), refuse_start)
    assert body.closed


def test_where_the_server_raises_a_path_is_closed_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    opened: list[Any] = []

    def wrapper(file: Any, size: int = 8192) -> Any:
        opened.append(file)
        return file

    environ = {**create_environ(), "wsgi.file_wrapper": wrapper}
    with pytest.raises(RuntimeError, match="the client is gone"):
        to_wsgi(make(tmp_path / "a.txt"))(environ, refuse_start)
    assert [file.closed for file in opened] == [True]


BAD = {"X": "a\r\nb"}
LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "no layer": (lambda handler: handler, {"headers": BAD}),
    "status": (lambda handler: handler, {"status": "gone"}),
    "cookies": (wrap_cookies, {"cookies": {"a b": "c"}}),
    "default_charset": (wrap_default_charset, {"headers": {"Content-Type": "text/html\n"}}),
    "absolute_redirects": (
        wrap_absolute_redirects,
        {"status": 302, "headers": {"Location": "/\n"}},
    ),
    "session": (wrap_session, {"session": 5}),
    "flash": (
        lambda handler: wrap_session(wrap_flash(handler)),
        {"session": 5, "flash": "x"},
    ),
    "defaults": (
        lambda handler: to_handler(wrap_defaults(to_wsgi(handler))),
        {"headers": BAD},
    ),
}


def to_handler(app: Any) -> Any:
    from ringsession import from_wsgi

    return from_wsgi(app)


@pytest.mark.parametrize("name", LAYERS)
def test_where_a_layer_refuses_the_response(name: str) -> None:
    wrap, response = LAYERS[name]
    body = io.BytesIO(b"x")
    with pytest.raises((ValueError, TypeError, KeyError)):
        send(wrap(make(body, **response)))
    assert body.closed


def test_where_not_modified_refuses_a_header() -> None:
    body = io.BytesIO(b"x")
    environ = create_environ(headers={"If-None-Match": "*"})
    with pytest.raises(ValueError):
        to_wsgi(wrap_not_modified(make(body, headers={"ETag": '"a"', **BAD})))(environ, start)
    assert body.closed


BUFFERS = {
    "bytearray": bytearray(b"abc"),
    "memoryview": memoryview(b"abc"),
    "a part of one": memoryview(b"xabcx")[1:4],
    "a wide one": memoryview(b"abcd").cast("I"),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_a_buffer_is_sent_with_its_length(name: str) -> None:
    body = BUFFERS[name]
    app = wrap_defaults(to_wsgi(make(body)), assoc_in(site_defaults, ["session"], False))
    answer = Client(app).get("/")
    assert (answer.data, answer.headers["Content-Length"]) == (
        bytes(body),
        str(len(bytes(body))),
    )
    assert Client(to_wsgi(make([body, "d", b"e"]))).get("/").data == bytes(body) + b"de"


def test_an_empty_buffer_is_an_empty_body() -> None:
    for body in (bytearray(), memoryview(b"")):
        answer = Client(wrap_defaults(to_wsgi(make(body)))).get("/")
        assert (answer.data, answer.headers["Content-Length"]) == (b"", "0")
        assert "Content-Type" not in answer.headers


def test_a_part_of_another_type_is_named() -> None:
    with pytest.raises(TypeError, match="expected parts of str or bytes, got int"):
        Client(to_wsgi(make([1]))).get("/")
