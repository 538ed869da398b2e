"""What is no handler or no WSGI app is refused where it is wrapped, with what to write."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from ringsession import blocking, from_wsgi, response, to_wsgi, wrap_defaults


def handler(request: Any) -> Any:
    return response("hello")


async def async_handler(request: Any) -> Any:
    return response("hello")


class AsyncHandler:
    async def __call__(self, request: Any) -> Any:
        return response("hello")


def three(request: Any, respond: Any, raise_: Any) -> None:
    respond(response("hello"))


def app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


NO_HANDLERS: list[tuple[Any, str]] = [
    (None, "to_wsgi: expected a handler, a function of the request, got None"),
    ({"status": 200}, "to_wsgi: expected a handler, a function of the request, got a dict"),
    (async_handler, "to_wsgi: the handler is async.* Write it with `def`"),
    (AsyncHandler(), "to_wsgi: the handler is async.* Write it with `def`"),
    (functools.partial(async_handler), "to_wsgi: the handler is async"),
    (
        three,
        r"to_wsgi: the handler takes \(request, respond, raise_\).* to_wsgi\(blocking\(handler",
    ),
    (app, r"to_wsgi: .*\(environ, start_response\), as a WSGI app does.* wrap_defaults\(app\)"),
    (lambda request, respond: None, "as a WSGI app does.* blocking"),
    (lambda: None, r"to_wsgi: expected a function of one argument, the request, got one of \(\)"),
    (Flask("app"), r"as a WSGI app does"),
    (to_wsgi(handler), r"to_wsgi: this is a WSGI app already.* Call to_wsgi once"),
    (wrap_defaults(app), r"to_wsgi: this is a WSGI app already"),
]


@pytest.mark.parametrize("value, problem", NO_HANDLERS, ids=[row[1] for row in NO_HANDLERS])
def test_what_is_no_handler_is_refused_at_once(value: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        to_wsgi(value)


NO_APPS: list[tuple[Any, str]] = [
    (None, "from_wsgi: expected a WSGI app, got None"),
    (handler, r"from_wsgi: expected a WSGI app of \(environ, start_response\), got one of"
     r" \(request\). A handler needs no from_wsgi"),
    (from_wsgi(app), "from_wsgi: .* A handler needs no from_wsgi"),
]  # fmt: skip


@pytest.mark.parametrize("value, problem", NO_APPS, ids=[row[1] for row in NO_APPS])
def test_what_is_no_app_is_refused_at_once(value: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        from_wsgi(value)


class Page:
    def page(self, request: Any, *, size: int = 1) -> Any:
        return response("hello")

    def __call__(self, request: Any) -> Any:
        return response("hello")


@pytest.mark.parametrize(
    "good",
    [
        handler,
        Page().page,
        Page(),
        functools.partial(Page().page, size=2),
        lambda *arguments: response("hello"),
        lambda request, more=None: response("hello"),
        blocking(three),
    ],
)
def test_every_callable_of_one_argument_is_a_handler(good: Callable[..., Any]) -> None:
    assert Client(to_wsgi(good)).get("/").text == "hello"


def test_a_callable_without_a_signature_is_tried() -> None:
    assert to_wsgi(type)  # type: ignore[arg-type]
    assert from_wsgi(type)


@pytest.mark.filterwarnings("error")
def test_an_async_function_behind_a_layer_is_named_at_the_request() -> None:
    with pytest.raises(TypeError, match="^the handler's response: .* async.* Write it with `def`"):
        Client(wrap_defaults(to_wsgi(lambda request: async_handler(request)))).get("/")
