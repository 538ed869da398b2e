"""What the index of one user with many logins costs Valkey.

The index is one hash under one key. Its longest command is what all other requests to that node
wait for, since Valkey runs one command at a time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import redis

from benchmarks.measure.cluster_check import LIFETIME
from benchmarks.measure.slots import PREFIX
from benchmarks.measure.store_costs import COOKIE, make_record
from ringsession import redis_store
from ringsession.stores import Details
from tests import servers


class Index(NamedTuple):
    """One user's index."""

    logins: int
    octets: int
    login: float  # the longest command of each, ms of the server
    find: float
    end: float
    whole_find: float  # seconds of the whole call
    whole_end: float


def _longest(client: Any, work: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds of the longest command while this works, and the seconds of all."""
    client.slowlog_reset()
    begin = perf_counter()
    work()
    whole = perf_counter() - begin
    entries = client.slowlog_get(2000)
    taken = [0, *(each["duration"] for each in entries if not each["command"].startswith(_OWN))]
    return max(taken) / 1000, whole


_OWN = (b"SLOWLOG", b"CONFIG")


def measure_index(logins: int, size: int) -> Index:
    server = servers.valkey("--slowlog-max-len", "2000")
    try:
        server.start()
        store = redis_store(server.url, timeout=60)
        owner = secrets.token_hex(32)

        def login() -> None:
            login = Details(COOKIE, owner=owner, handle=secrets.token_hex(16))
            assert store.create(secrets.token_hex(32), make_record(size, 0), LIFETIME, login)

        with redis.Redis(port=server.port) as client:
            for _ in range(logins - 1):
                login()
            client.config_set("slowlog-log-slower-than", 0 if logins < 500 else 50)
            more, _ = _longest(client, login)
            octets = client.memory_usage(f"{PREFIX}user:{owner}", samples=0)
            find, whole_find = _longest(client, lambda: store.find_sessions(owner))
            end, whole_end = _longest(client, lambda: store.end_sessions(owner))
            assert store.find_sessions(owner) == []
        store.close()
        return Index(logins, int(octets or 0), more, find, end, whole_find, whole_end)
    finally:
        server.stop()
