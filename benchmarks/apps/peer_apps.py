"""What a peer is, and the peers without a framework: ringsession and Beaker around a bare WSGI app.

An app answers "ok" on a path for each work, and on `/seen` with the session as JSON. Knows no
clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from beaker.middleware import SessionMiddleware

from benchmarks.commands.overhead import DATA, LARGE
from ringsession import (
    assoc_in,
    cookie_store,
    memory_store,
    redis_store,
    site_defaults,
    sqlite_store,
    wrap_defaults,
)

KEY = "benchmark-key-of-32-characters!!"
WORKS = ("untouched", "read", "write")

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Session = MutableMapping[str, Any]


class Place(NamedTuple):
    """Where peers may keep sessions."""

    folder: Path
    redis_url: str


class Peer(NamedTuple):
    """The same stack with sessions and without."""

    group: str  # by where the sessions are kept
    name: str
    app: App
    base: App
    data: dict[str, Any] = DATA  # what a session holds


def _answer(start_response: Callable[..., Any], body: bytes) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


def without_session(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """What stands inside every peer of this file, for the rest of its time."""
    return _answer(start_response, b"ok")


def make_app(
    get_session: Callable[[Environ], Any],
    save: Callable[[Any], None] = lambda session: None,
    data: dict[str, Any] = DATA,
) -> App:
    """An app that does to the session what its path says."""

    def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/read":
            get_session(environ)["user"]
        elif path == "/write":
            session = get_session(environ)
            session["n"] += 1
            save(session)
        elif path == "/new":
            session = get_session(environ)
            session.update(data)
            save(session)
        elif path == "/seen":
            session = get_session(environ)
            return _answer(start_response, json.dumps({k: session[k] for k in data}).encode())
        return _answer(start_response, b"ok")

    return app


def _ringsession(store: Any, data: dict[str, Any] = DATA) -> App:
    """Cookies, session and flash; no other layer."""
    only = {"cookies": True, "session": site_defaults["session"]}
    config = assoc_in(only, ["session", "store"], store)
    app = make_app(lambda environ: environ["ringsession.session"], data=data)
    return wrap_defaults(app, config)


def _beaker(**options: Any) -> App:
    app = make_app(lambda environ: environ["beaker.session"], lambda session: session.save())
    wrapped: App = SessionMiddleware(app, {f"session.{name}": options[name] for name in options})
    return wrapped


@contextmanager
def open_peers(place: Place) -> Iterator[list[Peer]]:
    """ringsession on a store of every group, its whole site_defaults, and Beaker; everything else
    at its defaults.
    """
    site = make_app(lambda environ: environ["ringsession.session"])
    sealed = {"type": "cookie", "encrypt_key": KEY, "validate_key": KEY}
    with closing(sqlite_store(place.folder / "ringsession.db")) as sqlite:
        apps = [
            ("cookie", "ringsession", _ringsession(cookie_store(KEY))),
            ("cookie", "Beaker, encrypted", _beaker(**sealed)),
            ("memory", "ringsession", _ringsession(memory_store())),
            ("memory", "Beaker", _beaker(type="memory")),
            ("redis", "ringsession", _ringsession(redis_store(place.redis_url))),
            ("redis", "Beaker", _beaker(type="ext:redis", url=place.redis_url)),
            ("disk", "ringsession, SQLite", _ringsession(sqlite)),
            ("site", "ringsession, site_defaults", wrap_defaults(site)),
            ("control", "bare WSGI", without_session),
        ]
        large = _ringsession(cookie_store(KEY), LARGE)
        yield [
            *(Peer(*app, without_session) for app in apps),
            Peer("cookie, 1 kB", "ringsession", large, without_session, LARGE),
        ]
