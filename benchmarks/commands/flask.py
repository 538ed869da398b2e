"""What a session costs a Flask app: net microseconds a request over Flask without sessions, beside
Flask's own and Flask-Session.

    python -m benchmarks flask [--rounds N] [--json] [--profile SUBJECT WORK]

Interleaved rounds in one process; the net is the median, over rounds, of (with - without sessions)
in the same round. `control` is the app without sessions against itself. Flask-Session and this
package have their defaults; both keep sessions on the same Valkey, which is started for this, on
loopback. `--profile` shows instead where one cell spends its time.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import logging
import pstats
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from cachelib import SimpleCache
from flask import Flask, session
from flask_session import Session

from benchmarks.commands.overhead import CALLS, DATA, Environ, make_environ, seconds, session_cookie
from ringsession import cookie_store, memory_store, redis_store
from ringsession.flask.extension import RingSession
from tests import servers

SECRET = "benchmark-key-of-32-characters!!"
WORKS = ("untouched", "read", "write")
WSGIApp = Callable[..., Any]


def _bare() -> Flask:
    app = Flask(__name__)
    for work in WORKS:
        app.add_url_rule(f"/{work}", work, lambda: "ok")
    return app


def _read() -> str:
    session["user"]
    return "ok"


def _write() -> str:
    session["n"] += 1
    return "ok"


def _new() -> str:
    session.update(DATA)
    return "ok"


def _app(extend: Callable[[Flask], object], **values: Any) -> Flask:
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": SECRET, **values})
    extend(app)
    app.add_url_rule("/untouched", "untouched", lambda: "ok")
    for name, view in {"read": _read, "write": _write, "new": _new}.items():
        app.add_url_rule(f"/{name}", name, view)
    return app


def _ours(store: Any) -> Flask:
    return _app(lambda app: RingSession(app, {"session": {"store": store}}))


def subjects(client: redis.Redis[bytes]) -> dict[str, Flask]:
    """An app for each way to keep sessions."""
    return {
        "Flask's own": _app(lambda app: None),
        "Flask-Session redis": _app(Session, SESSION_TYPE="redis", SESSION_REDIS=client),
        "Flask-Session SimpleCache": _app(
            Session, SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache()
        ),
        "ringsession memory": _ours(memory_store()),
        "ringsession cookie": _ours(cookie_store(SECRET)),
        "ringsession redis": _ours(redis_store(client)),
        "control": _bare(),
    }


def _environ(path: str, cookie: str | None) -> Environ:
    return make_environ(cookie) | {"PATH_INFO": path, "QUERY_STRING": ""}


def cells(apps: dict[str, Flask]) -> dict[tuple[str, str], tuple[WSGIApp, Environ]]:
    """(subject, work) -> (app, environ), the environ with a cookie of a session that holds DATA."""
    made = {}
    for name, app in apps.items():
        cookie = None if name == "control" else session_cookie(app, _environ("/new", None))
        for work in WORKS:
            made[name, work] = (app, _environ(f"/{work}", cookie))
    return made


@contextmanager
def _client() -> Iterator[redis.Redis[bytes]]:
    server = servers.valkey()
    try:
        server.start()
        with redis.Redis(port=server.port, socket_timeout=2) as client:
            yield client
    finally:
        server.stop()


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """subject -> work -> net microseconds."""
    bare = _bare()
    nets: dict[tuple[str, str], list[float]] = {}
    with _client() as client:
        table = cells(subjects(client))
        for _ in range(rounds):
            for cell, (app, environ) in table.items():
                net = seconds(app, environ) - seconds(bare, environ)
                nets.setdefault(cell, []).append(net)
    found: dict[str, dict[str, float]] = {}
    for (name, work), values in nets.items():
        found.setdefault(name, {})[work] = statistics.median(values) / CALLS * 1e6
    return found


def profile(name: str, work: str) -> None:
    """Where one cell spends its time."""
    with _client() as client:
        app, environ = cells(subjects(client))[name, work]
        seconds(app, environ)
        with cProfile.Profile() as profiled:
            for _ in range(10):
                seconds(app, environ)
    pstats.Stats(profiled).sort_stats("tottime").print_stats(45)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks flask", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", nargs=2, metavar=("SUBJECT", "WORK"))
    options = parser.parse_args(arguments)
    logging.disable()
    if options.profile:
        profile(*options.profile)
        return
    found = measure(options.rounds)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print("net microseconds a request over Flask without sessions\n")
    print(f"{'':26}" + "".join(f"{work:>11}" for work in WORKS))
    for name, works in found.items():
        print(f"{name:26}" + "".join(f"{works[work]:11.1f}" for work in WORKS))


if __name__ == "__main__":
    main()
