"""An app with the extension whose every line is typed, for `mypy --strict`; it is read, and run by
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from flask import Flask, flash, render_template, session
from werkzeug.wrappers import Response

from ringsession import Config, assoc_in, memory_store, redis_store, secure_site_defaults
from ringsession.flask.extension import FlaskSession, RingSession, flask_defaults
from ringsession.flask.logins import recreate

extension: RingSession = RingSession(accept_flask_cookies_until=date(2999, 12, 31))


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    app = Flask(__name__)
    app.config.from_mapping(settings)
    stack: Config = assoc_in(secure_site_defaults, ["session", "store"], memory_store())
    extension.init_app(app, stack)
    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/login/<user>", view_func=login, methods=["POST"])
    app.add_url_rule("/like", view_func=like, methods=["POST"])
    app.add_url_rule("/logout", view_func=logout, methods=["POST"])
    return app


def home() -> str:
    return render_template("home.html", user=session.get("user"))


def login(user: str) -> tuple[str, int]:
    recreate()
    session["user"] = user
    session.permanent = True
    flash("Welcome!")
    return "", 204


def like() -> str:
    """What Flask's own type does not know is in FlaskSession."""
    own = cast(FlaskSession, session)
    likes: int = own.swap("likes", lambda likes: (likes or 0) + 1)
    contents: dict[str, Any] = own.copy()
    live: bool = not own.new
    return f"{likes} {contents} {live}"


def logout() -> Response:
    session.clear()
    return Response(status=204)


in_short: RingSession = RingSession(
    Flask(__name__), {"session": {"store": redis_store("redis://localhost")}}
)
defaults: Config = flask_defaults
