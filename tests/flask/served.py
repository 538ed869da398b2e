"""A Flask app for servers: `gunicorn "tests.flask.served:make_app()"`, with its store's name in
SESSION_STORE.

Without one, the session is sealed in its cookie.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from flask import (
    Flask,
    Response,
    flash,
    get_flashed_messages,
    session,
    stream_template_string,
    stream_with_context,
)

from ringsession.flask.extension import FlaskSession, RingSession
from ringsession.flask.logins import recreate


def make_app() -> Flask:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
    name = os.environ.get("SESSION_STORE")
    closed: list[bool] = []
    RingSession(app, {"session": {"store": name}} if name else {})

    @app.get("/login/<user>")
    def login(user: str) -> str:
        recreate()
        session["user"] = user
        flash(f"welcome {user}")
        return ""

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        return ""

    @app.get("/look")
    def look() -> Any:
        messages = get_flashed_messages()
        return {"session": dict(session), "messages": messages}

    @app.get("/stream")
    def stream() -> Any:
        return stream_template_string("{{ get_flashed_messages() | join }} for {{ session.user }}")

    @app.get("/long")
    def long() -> Response:
        """Send the messages and 32 MiB after them, more than servers and sockets keep."""

        def parts() -> Iterator[str]:
            try:
                yield str(get_flashed_messages())
                for _ in range(512):
                    yield "." * 65536
            finally:
                closed.append(True)

        return Response(stream_with_context(parts()))

    @app.get("/closed")
    def count_closed() -> str:
        return str(len(closed))

    @app.get("/set/<key>")
    def set_it(key: str) -> Any:
        session[key] = 1
        return {"process": os.getpid()}

    @app.get("/count")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/like")
    def like() -> str:
        return str(own().swap("likes", lambda likes: (likes or 0) + 1))

    @app.get("/wait")
    def wait() -> Any:
        """Wait up to 20 seconds until another request sets `word`; then store `waited`."""
        session["waited"] = 1
        own().swap("started", lambda started: 1)
        for _ in range(400):
            if own().swap("word", lambda word: word or 0):
                break
            time.sleep(0.05)
        return {"process": os.getpid(), "word": session["word"]}

    return app


def own() -> FlaskSession:
    found: Any = session
    ours: FlaskSession = found._get_current_object()
    return ours
