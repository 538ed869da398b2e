"""Flask apps for the tests: one factory, with our interface on a store, or with Flask's own."""

from __future__ import annotations

from typing import Any

from flask import Flask

from ringsession.flask.extension import RingSession

SECRET = "a secret for the tests alone"


def make_app(store: Any, config: Any = None, **values: Any) -> Flask:
    """An app with our sessions; store "flask": with Flask's own."""
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": SECRET, "TESTING": True, **values})
    if store != "flask":
        given = {**(config or {})}
        given["session"] = {**given.get("session", {}), "store": store}
        RingSession(app, given)
    return app


def set_cookies(answer: Any) -> list[str]:
    cookies: list[str] = answer.headers.getlist("Set-Cookie")
    return cookies
