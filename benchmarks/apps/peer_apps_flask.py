"""The peers around Flask: its own session, Flask-Session, ringsession, and a whole site's set of
extensions.

Each is a Flask app that differs from the one without sessions by what its manual says to add. Knows
no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import redis
from cachelib import FileSystemCache, SimpleCache
from flask_session import Session
from flask_talisman import Talisman
from flask_wtf import CSRFProtect

from benchmarks.commands.overhead import DATA
from benchmarks.apps.peer_apps import KEY, Peer, Place
from ringsession import wrap_defaults


def flask_session() -> Any:
    return flask.session


def ring_session() -> Any:
    return flask.request.environ["ringsession.session"]


def make_flask(get_session: Callable[[], Any] | None = None, **config: Any) -> flask.Flask:
    """A Flask app with a view for each work; without a session, they only answer."""
    app = flask.Flask(__name__)
    app.config.update(config)

    def untouched() -> str:
        return "ok"

    def read() -> str:
        if get_session:
            get_session()["user"]
        return "ok"

    def write() -> str:
        if get_session:
            get_session()["n"] += 1
        return "ok"

    def new() -> str:
        if get_session:
            get_session().update(DATA)
        return "ok"

    def seen() -> dict[str, Any]:
        session = get_session() if get_session else {}
        return {key: session[key] for key in DATA}

    for view in (untouched, read, write, new, seen):
        app.add_url_rule(f"/{view.__name__}", view_func=view)
    return app


def make_flask_session(**config: Any) -> flask.Flask:
    """Flask with Flask-Session, which takes all that it needs from the config."""
    app = make_flask(flask_session, **config)
    Session(app)
    return app


def make_flask_ringsession(*config: Any) -> flask.Flask:
    """Flask inside `wrap_defaults`."""
    app = make_flask(ring_session)
    app.wsgi_app = wrap_defaults(app.wsgi_app, *config)  # type: ignore[method-assign,assignment]
    return app


def _make_site() -> flask.Flask:
    app = make_flask(flask_session, SECRET_KEY=KEY)
    CSRFProtect(app)
    Talisman(app, force_https=False, session_cookie_secure=False)
    return app


@contextmanager
def open_peers(place: Place) -> Iterator[list[Peer]]:
    """Flask's own session and Flask-Session on three stores; both whole sites."""
    files = FileSystemCache(str(place.folder / "flask"))
    with redis.Redis.from_url(place.redis_url) as client:
        apps = [
            ("cookie", "Flask", make_flask(flask_session, SECRET_KEY=KEY)),
            (
                "memory",
                "Flask-Session, SimpleCache",
                make_flask_session(SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache()),
            ),
            (
                "redis",
                "Flask-Session",
                make_flask_session(SESSION_TYPE="redis", SESSION_REDIS=client),
            ),
            (
                "disk",
                "Flask-Session, files",
                make_flask_session(SESSION_TYPE="cachelib", SESSION_CACHELIB=files),
            ),
            ("site", "ringsession around Flask", make_flask_ringsession()),
            ("site", "Flask-WTF + Talisman", _make_site()),
            ("control", "bare Flask", make_flask()),
        ]
        yield [Peer(*app, make_flask()) for app in apps]
