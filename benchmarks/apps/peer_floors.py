"""The least that a session can cost on each kind of store, written by hand, with none of what makes
it safe to use.

Parse a cookie, fetch, decode; encode, store, write a cookie. No deadline, no merge, no id that is
hashed or checked.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import redis
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.commands.overhead import DATA, LARGE
from benchmarks.apps.peer_apps import KEY, Environ, Peer, Place, without_session


class _Floor:
    """An app with its own session; `load` and `save` are its store."""

    def __init__(
        self,
        load: Callable[[str], Any],
        save: Callable[[str, bytes], str],
        data: dict[str, Any] = DATA,
    ) -> None:
        self.load = load
        self.data = data
        self.save = save  # gives the cookie's new value

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, headers, body = environ["PATH_INFO"], [("Content-Type", "text/plain")], b"ok"
        if path != "/untouched":
            value = self._find(environ.get("HTTP_COOKIE", ""))
            data: dict[str, Any]
            data = dict(self.data) if path == "/new" else json.loads(self.load(value))
            if path == "/write":
                data["n"] += 1
            if path == "/seen":
                body = json.dumps(data).encode()
            if path in ("/new", "/write"):
                sent = self.save(value, json.dumps(data, separators=(",", ":")).encode())
                if sent != value or path == "/new":
                    headers.append(("Set-Cookie", f"id={sent}; Path=/; HttpOnly; SameSite=Lax"))
        start_response("200 OK", headers)
        return [body]

    def _find(self, header: str) -> str:
        for pair in header.split("; "):
            if pair.startswith("id="):
                return pair[3:]
        return secrets.token_urlsafe(32)


def _sealed(data: dict[str, Any] = DATA) -> _Floor:
    seal = AESGCM(KEY.encode())

    def load(value: str) -> bytes:
        sealed = urlsafe_b64decode(value)
        return seal.decrypt(sealed[:12], sealed[12:], b"id")

    def save(value: str, record: bytes) -> str:
        nonce = secrets.token_bytes(12)
        return urlsafe_b64encode(nonce + seal.encrypt(nonce, record, b"id")).decode()

    return _Floor(load, save, data)


def _memory() -> _Floor:
    records: dict[str, bytes] = {}

    def save(value: str, record: bytes) -> str:
        records[value] = record
        return value

    return _Floor(records.__getitem__, save)


def _redis(client: redis.Redis) -> _Floor:
    def save(value: str, record: bytes) -> str:
        client.set(value, record, ex=1800)
        return value

    return _Floor(client.get, save)


def _sqlite(database: sqlite3.Connection) -> _Floor:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY, record BLOB)")

    def load(value: str) -> Any:
        found = database.execute("SELECT record FROM sessions WHERE id = ?", (value,))
        return found.fetchone()[0]

    def save(value: str, record: bytes) -> str:
        database.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?)", (value, record))
        return value

    return _Floor(load, save)


@contextmanager
def open_peers(place: Place) -> Iterator[list[Peer]]:
    """A floor for every group that has one."""
    path = place.folder / "floor.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as database,
        redis.Redis.from_url(place.redis_url) as client,
    ):
        floors = {
            "cookie": _sealed(),
            "memory": _memory(),
            "redis": _redis(client),
            "disk": _sqlite(database),
        }
        yield [
            *(Peer(group, "floor", floors[group], without_session) for group in floors),
            Peer("cookie, 1 kB", "floor", _sealed(LARGE), without_session, LARGE),
        ]
