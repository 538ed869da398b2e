"""A body is closed, also where an exception or another answer takes its place (PEP 3333)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from ringsession import (
    LintError,
    from_wsgi,
    memory_store,
    site_defaults,
    to_wsgi,
    wrap_absolute_redirects,
    wrap_content_length,
    wrap_content_type,
    wrap_cookies,
    wrap_default_charset,
    wrap_defaults,
    wrap_files,
    wrap_flash,
    wrap_lint,
    wrap_not_modified,
    wrap_session,
)
from ringsession.testing import request

BAD = {"Content-Type": "text/plain\r\n"}
PLAIN = [("Content-Type", "text/plain")]


class Body(io.BytesIO):
    """A file that knows whether it was closed."""


class Parts:
    """An iterable that counts how often it was closed."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        self.times_closed = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def close(self) -> None:
        self.times_closed += 1


def call(app: Callable[..., Any], start_response: Any = None, **more: Any) -> Any:
    environ: dict[str, Any] = {"QUERY_STRING": "", "PATH_INFO": "/", **more}
    setup_testing_defaults(environ)
    return app(environ, start_response or (lambda status, headers, exc_info=None: None))


def refuse_to_start(status: str, headers: Any, exc_info: Any = None) -> Any:
    raise OSError("the client has gone")


def answer(body: Any, **more: Any) -> Any:
    made = {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": body, **more}
    return lambda request: made


# -- the edge


@pytest.mark.parametrize("wrap", [to_wsgi, lambda handler: wrap_defaults(to_wsgi(handler))])
@pytest.mark.parametrize("server", [{}, {"wsgi.file_wrapper": FileWrapper}], ids=["plain", "own"])
def test_a_body_is_closed_where_start_response_raises(wrap: Any, server: Any) -> None:
    file, parts = Body(b"body"), Parts("body")
    for body in (file, parts):
        with pytest.raises(OSError, match="the client has gone"):
            call(wrap(answer(body)), refuse_to_start, **server)
    assert (file.closed, parts.times_closed) == (True, 1)


def test_the_file_of_a_path_is_closed_where_start_response_raises(
    tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "a.txt").write_text("body")
    opened: list[Any] = []

    def remember(environ: Any, file: Any) -> Any:
        opened.append(file)
        return FileWrapper(file)

    monkeypatch.setattr("ringsession.wsgi.body.wrap_file", remember)
    with pytest.raises(OSError, match="the client has gone"):
        call(to_wsgi(answer(tmp_path / "a.txt")), refuse_to_start)
    assert [file.closed for file in opened] == [True]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, None])
@pytest.mark.parametrize("wrap", [to_wsgi, lambda handler: wrap_defaults(to_wsgi(handler))])
def test_a_body_is_closed_where_a_header_cannot_be_sent(
    wrap: Any, status: int | None, method: str
) -> None:
    parts = Parts("body")
    with pytest.raises(ValueError, match="Content-Type"):
        call(wrap(answer(parts, status=status, headers=BAD)), REQUEST_METHOD=method)
    assert parts.times_closed == 1


def test_a_body_is_closed_where_the_status_is_missing() -> None:
    parts = Parts("body")
    with pytest.raises(KeyError, match="status"):
        call(to_wsgi(lambda request: {"headers": {}, "body": parts}))
    assert parts.times_closed == 1


def test_a_file_of_the_wrong_kind_is_closed() -> None:
    class Wrong:
        closed = False

        def close(self) -> None:
            self.closed = True

    body = Wrong()
    with pytest.raises(TypeError, match="got Wrong"):
        call(to_wsgi(answer(body)))
    assert body.closed


def test_the_iterable_of_an_app_is_closed_where_start_response_raises() -> None:
    parts = Parts(b"body")

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        return parts

    with pytest.raises(OSError, match="the client has gone"):
        call(wrap_defaults(app), refuse_to_start)
    assert parts.times_closed == 1


# -- the layers


class Down(dict[str, Any]):
    """Ring's three functions, of a store that is down."""

    def read_session(self, *arguments: Any) -> Any:
        raise OSError("the store is down")

    write_session = delete_session = read_session


LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "cookies": (wrap_cookies, {"cookies": {"a b": "1"}}),
    "content type": (wrap_content_type, {"headers": {1: "x"}}),
    "default charset": (wrap_default_charset, {"headers": BAD}),
    "not modified": (wrap_not_modified, {"headers": {"ETag": '"a"', "X": "a\n"}}),
    "absolute redirects": (wrap_absolute_redirects, {"status": 302, "headers": {"Location": "\n"}}),
    "lint": (wrap_lint, {"status": "200"}),
    "session": (wrap_session, {"session": {"a": object()}}),
    "flash": (lambda handler: wrap_session(wrap_flash(handler)), {"flash": object()}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_body_is_closed_where_a_layer_raises(name: str) -> None:
    wrap, more = LAYERS[name]
    parts = Parts("body")
    given = request("GET", "/", headers={"if-none-match": '"a"', "host": "example.org"})
    with pytest.raises((ValueError, TypeError, LintError)):
        wrap(answer(parts, **more))(given)
    assert parts.times_closed == 1


@pytest.mark.parametrize(
    "wrap",
    [wrap_absolute_redirects, wrap_content_length, wrap_content_type, wrap_not_modified],
)
def test_a_body_is_closed_where_a_layer_misses_the_status(wrap: Any) -> None:
    parts = Parts("body")
    with pytest.raises(KeyError, match="status"):
        wrap(lambda request: {"headers": {}, "body": parts})(request("GET", "/"))
    assert parts.times_closed == 1


def test_a_body_is_closed_where_a_commit_is_interrupted() -> None:
    class Interrupted(Down):
        def read_session(self, *arguments: Any) -> Any:
            raise SystemExit

        write_session = delete_session = read_session

    parts = Parts("body")
    with pytest.raises(SystemExit):
        layer = wrap_session(answer(parts, session={"a": 1}), store=Interrupted())
        layer(request("GET", "/"))
    assert parts.times_closed == 1


def test_a_body_is_closed_where_the_store_is_down() -> None:
    for more in ({"session": {"a": 1}}, {"flash": "saved"}):
        parts = Parts("body")
        layers = wrap_session(wrap_flash(answer(parts, **more)), store=Down())
        assert layers(request("GET", "/"))["status"] == 503
        assert parts.times_closed == 1


def test_the_answer_of_a_handler_is_closed_where_its_file_cannot_be_read(
    tmp_path: Path, monkeypatch: Any
) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("ringsession.middleware.static.find_file", fail)
    parts = Parts("404")
    layer = wrap_files(answer(parts, status=404), root=tmp_path, prefer_handler=True)
    with pytest.raises(OSError, match="Input/output"):
        layer(request("GET", "/a.txt"))
    assert parts.times_closed == 1


@pytest.mark.parametrize("is_app", [False, True])
def test_every_layer_of_the_stack_closes_the_body_that_it_replaces(is_app: bool) -> None:
    parts = Parts(b"body")
    headers = {"Content-Type": "text/plain", "ETag": '"a"'}

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(headers.items()))
        return parts

    inner = app if is_app else to_wsgi(answer(parts, headers=headers))
    config = {**site_defaults, "session": {"store": memory_store()}}
    sent = call(wrap_defaults(inner, config), HTTP_IF_NONE_MATCH='"a"')
    assert (list(sent), parts.times_closed) == ([], 1)


# -- an app that calls write()


def writing(rest: Parts) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)(b"first")
        return rest

    return app


def test_what_an_app_returns_is_closed_where_a_layer_raises_after_its_first_write() -> None:
    rest = Parts(b"second")
    handler = from_wsgi(writing(rest))
    times = 0

    def fail_at_the_end(request: Any) -> Any:
        nonlocal times
        times += 1
        is_first = times == 1  # the layers run a second time at the first write, inside the first
        response = handler(request)
        if is_first:
            raise LookupError("in the layer")
        return response

    with pytest.raises(LookupError):
        call(to_wsgi(fail_at_the_end), lambda status, headers, exc_info=None: [].append)
    assert rest.times_closed == 1


def test_the_answer_that_comes_too_late_is_closed() -> None:
    rest, late = Parts(b"second"), Parts(b"late")
    handler = from_wsgi(writing(rest))
    times = 0

    def replace_at_the_end(request: Any) -> Any:
        nonlocal times
        times += 1
        is_first = times == 1
        response = handler(request)
        return {**response, "body": late} if is_first else response

    sent = call(to_wsgi(replace_at_the_end), lambda status, headers, exc_info=None: [].append)
    assert (list(sent), late.times_closed, rest.times_closed) == ([b"second"], 1, 0)


def test_a_replacement_is_closed_where_the_server_does_not_take_it() -> None:
    replaced = Parts(b"no")
    handler = from_wsgi(writing(Parts(b"second")))

    def refuse(request: Any) -> Any:
        return {**handler(request), "body": replaced}

    def write(data: bytes) -> None:
        raise OSError("the client has gone")

    with pytest.raises(OSError, match="the client has gone"):
        call(to_wsgi(refuse), lambda status, headers, exc_info=None: write)
    assert replaced.times_closed == 1
