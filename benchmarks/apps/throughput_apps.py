"""The Flask apps that `python -m benchmarks throughput` puts under gunicorn, by name.

    gunicorn "benchmarks.apps.throughput_apps:make_app('ringsession, redis',
    'redis://127.0.0.1:6379/0')"

Knows no server and no clock.
"""

from __future__ import annotations

import flask
import redis

from benchmarks.apps.peer_apps import KEY
from benchmarks.apps.peer_apps_flask import flask_session, make_flask, make_flask_ringsession
from benchmarks.apps.peer_apps_flask import make_flask_session
from ringsession import assoc_in, cookie_store, redis_store, site_defaults

NAMES = ("no session", "Flask", "Flask-Session, redis", "ringsession, cookie", "ringsession, redis")


def make_app(name: str, redis_url: str) -> flask.Flask:
    """One of NAMES; ringsession's with the whole of site_defaults."""
    path = ["session", "store"]
    if name == "no session":
        return make_flask()
    if name == "Flask":
        return make_flask(flask_session, SECRET_KEY=KEY)
    if name == "Flask-Session, redis":
        client = redis.Redis.from_url(redis_url)
        return make_flask_session(SESSION_TYPE="redis", SESSION_REDIS=client)
    store = cookie_store(KEY) if name == "ringsession, cookie" else redis_store(redis_url)
    return make_flask_ringsession(assoc_in(site_defaults, path, store))
