"""`explain MODULE:APP` finds the config of an app, also where other middleware wraps the app."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, current_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from ringsession import api_defaults, site_defaults, to_wsgi, wrap_defaults
from ringsession.find_config import find_wrapped
from ringsession.flask import RingSession

app = wrap_defaults(to_wsgi(lambda request: {"status": 204}), site_defaults)
other = wrap_defaults(to_wsgi(lambda request: {"status": 204}), api_defaults)


class Slotted:
    __slots__ = ("application",)

    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.application(environ, start_response)


class Method:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def call(self, environ: Any, start_response: Any) -> Any:
        return self.inner(environ, start_response)


def in_closure(inner: Any) -> Any:
    def outer(environ: Any, start_response: Any) -> Any:
        return inner(environ, start_response)

    return outer


def in_flask(inner: Any) -> Any:
    flask = Flask("shop")
    flask.view_functions["who"] = lambda: str(current_app)
    flask.extensions["current"] = current_app  # a proxy that raises without a request
    flask.wsgi_app = in_closure(inner)  # type: ignore[method-assign]
    return flask


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: inner,
        ProxyFix,
        Slotted,
        in_closure,
        in_flask,
        lambda inner: Method(inner).call,
        lambda inner: functools.partial(Method(inner).call),
        lambda inner: functools.wraps(inner)(lambda *args: inner(*args)),
        lambda inner: DispatcherMiddleware(Flask("main"), {"/shop": inner}),
        lambda inner: ProxyFix(in_closure(Slotted(inner))),  # type: ignore[arg-type]
    ],
    ids="alone ProxyFix slots closure Flask method partial wraps mounted three".split(),
)
def test_an_app_is_found_inside_other_middleware(around: Callable[[Any], Any]) -> None:
    assert find_wrapped(around(app)) is app


def test_an_app_that_wraps_another_is_the_one_that_is_found() -> None:
    outer = wrap_defaults(in_closure(app), api_defaults)
    assert find_wrapped(ProxyFix(outer)) is outer


def test_another_app_of_the_same_module_is_not_found() -> None:
    assert find_wrapped(lambda environ, start_response: other(environ, start_response)) is None
    assert find_wrapped(Flask("shop")) is None


def test_an_extension_is_found_inside_middleware() -> None:
    flask = Flask("shop")
    flask.secret_key = "a key for this test alone, and long"
    RingSession(flask)
    flask.wsgi_app = ProxyFix(flask.wsgi_app)  # type: ignore[method-assign]
    found = find_wrapped(flask)
    assert found is not None and found.config is not None
    assert found.config["session"]["cookie_name"] == "session"
