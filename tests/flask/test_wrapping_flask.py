"""A Flask app behind the layers."""

from __future__ import annotations

from typing import Any
from wsgiref.validate import validator

import pytest
from flask import Flask, Response, request, stream_with_context

from ringsession import StoreUnavailable, assoc_in, memory_store, site_defaults, wrap_defaults
from tests.tracing import UNAVAILABLE, TracedStore


def flask_app() -> tuple[Flask, TracedStore]:
    app = Flask(__name__)
    store = TracedStore(memory_store())
    config = assoc_in(site_defaults, ["session", "store"], store)
    inner = validator(app.wsgi_app)
    app.wsgi_app = validator(wrap_defaults(inner, config))  # type: ignore[method-assign]

    @app.get("/count")
    def count() -> str:
        session = request.environ["ringsession.session"]
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/swallow")
    def swallow() -> str:
        try:
            return str(request.environ["ringsession.session"]["n"])
        except StoreUnavailable:
            return "anonymous"

    @app.get("/flash")
    def flash() -> str:
        request.environ["ringsession.response"]["flash"] = "saved"
        return str(request.environ["ringsession.request"]["flash"])

    @app.get("/given")
    def given() -> str:
        request.environ["ringsession.response"] |= {
            "session": {"given": 1},
            "cookies": {"theme": "dark"},
            "session_cookie_attrs": {"max_age": 5},
        }
        return "ok"

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Any:
            yield "first "
            try:
                request.environ["ringsession.session"]["late"] = 1
            except RuntimeError as error:
                yield type(error).__name__

        return Response(stream_with_context(parts()))

    return app, store


def test_a_flask_view_counts_in_its_session() -> None:
    client = flask_app()[0].test_client()
    assert [client.get("/count", buffered=True).text for _ in range(3)] == ["1", "2", "3"]


def test_a_flask_view_that_does_not_touch_it_costs_no_call() -> None:
    app, store = flask_app()
    assert app.test_client().get("/nothing", buffered=True).status_code == 404
    assert store.calls == []


@pytest.mark.parametrize(
    ("path", "call"), [("/swallow", "load"), ("/count", "load"), ("/count", "patch")]
)
def test_a_store_that_fails_is_a_503_even_where_flask_made_a_page_of_the_error(
    path: str, call: str
) -> None:
    app, store = flask_app()
    client = app.test_client()
    client.get("/count", buffered=True)
    store.failing = {call}
    answer = client.get(path, buffered=True)
    assert (answer.status_code, answer.text) == (503, UNAVAILABLE)
    assert "Set-Cookie" not in answer.headers


def test_a_flask_view_leaves_a_message_for_the_next() -> None:
    client = flask_app()[0].test_client()
    assert [client.get("/flash", buffered=True).text for _ in range(2)] == ["None", "saved"]


def test_a_flask_view_gives_session_cookies_and_attributes_as_a_handler_does() -> None:
    answer = flask_app()[0].test_client().get("/given", buffered=True)
    session, theme = sorted(answer.headers.getlist("Set-Cookie"))
    assert session.endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=5")
    assert theme == "theme=dark"


def test_a_flask_stream_that_changes_its_session_too_late_is_told_so() -> None:
    assert (
        flask_app()[0].test_client().get("/stream", buffered=True).text == "first SessionCommitted"
    )
