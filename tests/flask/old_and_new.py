"""A Flask app before and after its move to ringsession, for two processes beside each other.

`python -m tests.flask.old_and_new PORT [STORE]`: without a store, Flask's own sessions.
"""

from __future__ import annotations

import sys
from datetime import date

from flask import Flask, session
from werkzeug.serving import make_server

from ringsession.flask import RingSession, recreate


def make_app(store: str | None) -> Flask:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
    if store is not None:
        RingSession(
            app,
            {"session": {"store": store, "cookie_name": "id"}},
            accept_flask_cookies_until=date(2999, 1, 1),
        )

    @app.get("/login/<user>")
    def login(user: str) -> str:
        if store is not None:
            recreate()
        session["user"] = user
        return user

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        return "out"

    @app.get("/")
    def home() -> str:
        return str(session.get("user", "nobody"))

    return app


if __name__ == "__main__":
    port, *store = sys.argv[1:]
    make_server("127.0.0.1", int(port), make_app(store[0] if store else None)).serve_forever()
