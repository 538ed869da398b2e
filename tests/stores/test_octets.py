"""Octets in a store that are no text: the session is empty and the record goes, unless a newer
version wrote it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy

from ringsession import sqlite_store
from ringsession.stores.server_side import hash_id
from tests.stores.networked import PREFIX, make_store
from tests.tracing import Client


def _sqlite(request: pytest.FixtureRequest) -> tuple[Any, Callable[[bytes], None]]:
    path = Path(request.getfixturevalue("tmp_path"), "sessions.db")

    def spoil(octets: bytes) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE ringsession SET record = CAST(? AS TEXT)", (octets,))

    return sqlite_store(path), spoil


def _networked(request: pytest.FixtureRequest, kind: str) -> tuple[Any, Callable[[bytes], None]]:
    server = request.getfixturevalue(kind)

    def spoil(octets: bytes) -> None:
        if kind == "valkey":
            with redis.Redis(port=server.port) as client:
                for key in client.scan_iter(f"{PREFIX}*"):
                    head, _, _ = client.get(key).partition(b"\n")
                    client.set(key, head + b"\n" + octets, keepttl=True)
            return
        engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("UPDATE ringsession SET record = :r"), {"r": octets})

    return make_store(server), spoil


SERVERS = [pytest.param(kind, marks=pytest.mark.server) for kind in ("valkey", "postgresql")]


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize(
    ("octets", "status", "sessions"), [(b"1\xff", 200, [{}]), (b"2\xff", 503, [])]
)
def test_attack_31_octets_that_are_no_text(
    kind: str, octets: bytes, status: int, sessions: list[Any], request: pytest.FixtureRequest
) -> None:
    store, spoil = _sqlite(request) if kind == "sqlite" else _networked(request, kind)
    client = Client(store)
    client.send(lambda request: request["session"].update(a=1))
    cookie = client.cookie
    assert cookie is not None
    spoil(octets)
    found: list[Any] = []
    answer = client.send(lambda request: found.append(dict(request["session"])), cookie)
    assert (answer["status"], found) == (status, sessions)
    if sessions:
        assert store.load(hash_id(cookie, "ring-session")).record is None  # a tombstone
    else:
        spoil(b'1{"a":2}')
        assert client.read(cookie) == {"a": 2}
    getattr(store, "close", lambda: None)()
