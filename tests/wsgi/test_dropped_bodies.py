"""A body is closed where a layer raises, or where another answer takes its place (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

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
    wrap_defaults,
    wrap_files,
    wrap_flash,
    wrap_lint,
    wrap_not_modified,
    wrap_session,
)
from ringsession.testing import request

PLAIN = [("Content-Type", "text/plain")]


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


@pytest.mark.parametrize(
    "wrap",
    [wrap_absolute_redirects, wrap_content_length, wrap_content_type, wrap_not_modified],
)
def test_a_body_is_closed_where_a_layer_misses_the_status(wrap: Any) -> None:
    parts = Parts("body")
    with pytest.raises(KeyError, match="status"):
        wrap(lambda request: {"headers": {}, "body": parts})(request("GET", "/"))
    assert parts.times_closed == 1


def test_a_body_is_closed_where_lint_refuses_the_response() -> None:
    parts = Parts("body")
    with pytest.raises(LintError):
        wrap_lint(answer(parts, status="200"))(request("GET", "/"))
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
