"""The apps that `python -m benchmarks throughput` puts under gunicorn, by name.

    gunicorn "benchmarks.apps.throughput_apps:make_app('ringsession, Valkey',
    'redis://127.0.0.1:6379/0', 'postgresql+psycopg://web@127.0.0.1/web')"

Knows no server and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import flask
import redis
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy

from benchmarks.apps.peer_apps import KEY
from benchmarks.apps.peer_apps_flask import flask_session, make_flask, make_flask_ringsession
from benchmarks.apps.peer_apps_flask import make_flask_session
from ringsession import assoc_in, cookie_store, redis_store, site_defaults, sql_store

App = Callable[..., Any]
# Each app, and the server that keeps its sessions.
NAMES = {
    "Flask, no session": "",
    "Flask's cookie": "",
    "ringsession, cookie": "",
    "Flask-Session, Valkey": "Valkey",
    "Django, Valkey": "Valkey",
    "ringsession, Valkey": "Valkey",
    "Flask-Session, PostgreSQL": "PostgreSQL",
    "Django, PostgreSQL": "PostgreSQL",
    "ringsession, PostgreSQL": "PostgreSQL",
}
BARE = "Flask, no session"


def make_app(name: str, redis_url: str, sql_url: str) -> App:
    """One of NAMES. ringsession's has the whole of site_defaults around Flask; Django's has the
    session's middleware alone.
    """
    library, _, server = name.partition(", ")
    if library == "Django":  # only one process imports and configures Django
        django = import_module("benchmarks.apps.throughput_apps_django")
        app: App = django.make_django(server, redis_url, sql_url)
        return app
    if name == BARE:
        return make_flask()
    if name == "Flask's cookie":
        return make_flask(flask_session, SECRET_KEY=KEY)
    if library == "ringsession":
        store = _make_store(server, redis_url, sql_url)
        return make_flask_ringsession(assoc_in(site_defaults, ["session", "store"], store))
    if server == "Valkey":
        client = redis.Redis.from_url(redis_url)
        return make_flask_session(SESSION_TYPE="redis", SESSION_REDIS=client)
    return _make_flask_session_sql(sql_url)


def _make_store(server: str, redis_url: str, sql_url: str) -> Any:
    if server == "cookie":
        return cookie_store(KEY)
    return redis_store(redis_url) if server == "Valkey" else sql_store(sql_url)


def _make_flask_session_sql(sql_url: str) -> flask.Flask:
    app = make_flask(flask_session, SESSION_TYPE="sqlalchemy", SQLALCHEMY_DATABASE_URI=sql_url)
    app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    Session(app)
    return app


def make_tables(sql_url: str) -> None:
    """Create the tables of all apps, so that no two workers do it at the same time."""
    store = sql_store(sql_url)
    store.create_table()
    store.close()
    _make_flask_session_sql(sql_url)  # it creates its table by itself
    import_module("benchmarks.apps.throughput_apps_django").make_table(sql_url)
