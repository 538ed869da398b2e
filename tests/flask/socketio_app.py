"""A Flask app with Flask-SocketIO, on sessions that Flask itself manages.

`python -m tests.flask.socketio_app PORT ORDER STORE` serves it; ORDER is "session first" or
"socketio first", STORE a store's name.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from flask import Flask, flash, get_flashed_messages, render_template_string, session
from flask_socketio import SocketIO, disconnect

from ringsession.flask import RingSession, recreate
from tests.flask.apps import SECRET

ORDERS = ("session first", "socketio first")


class Site(NamedTuple):
    app: Flask
    socketio: SocketIO


def make_site(order: str, store: Any, config: Any = None, **options: Any) -> Site:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    whole = {**(config or {}), "session": {"store": store}}
    socketio = SocketIO(async_mode="threading", **{"manage_session": False, **options})
    if order == "session first":
        RingSession(app, whole)
        socketio.init_app(app)
    else:
        socketio.init_app(app)
        RingSession(app, whole)
    _add_pages(app)
    _add_events(socketio)
    return Site(app, socketio)


def _add_pages(app: Flask) -> None:
    @app.get("/set/<key>/<value>")
    def set_it(key: str, value: str) -> str:
        session[key] = value
        return ""

    @app.get("/read")
    def read() -> Any:
        return dict(session)

    @app.get("/messages")
    def messages() -> Any:
        return get_flashed_messages()


def _add_events(socketio: SocketIO) -> None:
    @socketio.on("connect")
    def connect() -> None:
        if "connections" in session:
            session["connections"] += 1

    @socketio.on("read")
    def read() -> Any:
        return dict(session)

    @socketio.on("set")
    def set_it(key: str, value: Any) -> str:
        session[key] = value
        return "saved"

    @socketio.on("append")
    def append(key: str, value: Any) -> str:
        session[key].append(value)
        return "saved"

    @socketio.on("flash")
    def flash_it(message: str) -> str:
        flash(message)
        return "saved"

    @socketio.on("messages")
    def messages() -> Any:
        return get_flashed_messages()

    @socketio.on("clear")
    def clear() -> str:
        session.clear()
        return "ended"

    @socketio.on("recreate")
    def move() -> str:
        recreate()
        return "moved"

    @socketio.on("leave")
    def leave() -> None:
        disconnect()

    @socketio.on("token")
    def token() -> Any:
        return render_template_string("{{ csrf_token() }}")


if __name__ == "__main__":
    _, port, order, store = sys.argv
    site = make_site(order, store)
    site.socketio.run(site.app, "127.0.0.1", int(port), allow_unsafe_werkzeug=True)
