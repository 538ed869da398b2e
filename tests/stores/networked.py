"""Stores on the test servers, each empty when it is made, and how their servers' time is let pass.

Owns what differs between the servers; the tests are the same for all.
"""

from __future__ import annotations

from typing import Any

import redis
import sqlalchemy

from ringsession import redis_store, sql_store
from ringsession.stores.sql.table import NEVER
from tests.servers import Server

PREFIX = "ringsession:"
REDIS_LIKE = ("valkey", "redis")
SQL = ("postgresql", "mariadb")
SERVERS = (*REDIS_LIKE, *SQL)


def make_store(server: Server, **options: Any) -> Any:
    """A store on an emptied server. It is patient: a busy machine is no fault."""
    options = {"timeout": 20, **options}
    if server.url.startswith("redis:"):
        with redis.Redis(port=server.port) as client:
            client.flushdb()
        return redis_store(server.url, **options)
    store = sql_store(server.url, **options)
    store.create_table()
    _execute(server, "DELETE FROM ringsession")
    return store


def store_at(server: Server, port: int, **options: Any) -> Any:
    """Another store on the same server, through a port that leads there."""
    url = server.url.replace(f":{server.port}/", f":{port}/")
    return redis_store(url, **options) if url.startswith("redis:") else sql_store(url, **options)


def pass_time(server: Server, seconds: float) -> None:
    """Move every deadline on the server back, which is all that its sessions know of time."""
    milliseconds = round(seconds * 1000)
    if not server.url.startswith("redis:"):
        moved = ", ".join(
            f"{name} = {name} - {milliseconds}"
            for name in ("created", "seen", "began", "confirmed")
        )
        moved += f", expires = CASE WHEN expires >= {NEVER} THEN expires ELSE expires - {milliseconds} END"
        _execute(server, f"UPDATE ringsession SET {moved}")
        return
    pass_time_in_redis(server, milliseconds)


def pass_time_in_redis(server: Server, milliseconds: int) -> None:
    with redis.Redis(port=server.port) as client:
        for key in client.scan_iter(f"{PREFIX}*"):
            if client.type(key) == b"string" and client.getrange(key, 0, 1) == b"L ":
                seen, created = map(int, client.getrange(key, 19, 45).split())
                moved = b"%013d %013d" % (seen - milliseconds, created - milliseconds)
                client.setrange(key, 19, moved)
            if (left := client.pttl(key)) >= 0:
                client.pexpire(key, max(left - milliseconds, 0))


def _execute(server: Server, statement: str) -> None:
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(statement))
