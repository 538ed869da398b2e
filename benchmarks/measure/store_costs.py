"""What one session takes on a store, and what one call of the store costs its server.

A server's processor time is that of all its processes, in /proc. Memory and SQLite have no server;
there it is the time of this process. Nothing here reads a clock, so a busy machine changes little.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.measure.processes import cpu_seconds, family, find_server
from benchmarks.measure.subjects import Subject, open_subject
from ringsession.codec import encode
from ringsession.stores import Change, Details, Lifetime
from tests.fault_proxy import FaultProxy, Traffic

CALLS = ("load", "renew", "patch", "create", "login")
# A load renews the idle timeout after a tenth of it. All sessions must live until then.
LONG, SHORT = Lifetime(300, 90_000), Lifetime(30, 90_000)
COOKIE = "c" * 32
_RELAYED = 50  # calls whose bytes are counted


class Call(NamedTuple):
    """What one call takes: processor time of the server in microseconds, and what is sent."""

    cpu: float
    traffic: Traffic


class Costs(NamedTuple):
    """What a store takes."""

    octets: float  # of a session without a user
    used: float  # of the same session after it was renewed and written once
    user_octets: float  # of a user's only session, with what lists it
    calls: dict[str, Call]  # of CALLS


def make_record(size: int, number: int) -> str:
    """Return a record of a size, with a number in it that each write changes."""
    record = encode({"user": "ann", "n": 1_000_000 + number % 1_000_000, "text": ""})
    return f"{record[:-2]}{'x' * max(0, size - len(record))}{record[-2:]}"


def make_login() -> Details:
    """Return the facts of the first login of a new user."""
    return Details(COOKIE, owner=secrets.token_hex(32), handle=secrets.token_hex(16))


class _Work:
    """The calls on so many sessions; each of them once on each session."""

    def __init__(self, store: Any, count: int, size: int, lifetime: Lifetime) -> None:
        self.store = store
        self.lifetime = lifetime
        self.size = size
        self.keys = [secrets.token_hex(32) for _ in range(count)]
        self._versions: list[Any] = []

    def create(self) -> None:
        for number, key in enumerate(self.keys):
            assert self.store.create(
                key, make_record(self.size, number), self.lifetime, Details(COOKIE)
            )

    def login(self) -> None:
        for number, key in enumerate(self.keys):
            assert self.store.create(
                key, make_record(self.size, number), self.lifetime, make_login()
            )

    def load(self) -> None:
        self._versions = [self.store.load(key).version for key in self.keys]

    renew = load

    def patch(self) -> None:
        for number, (key, version) in enumerate(zip(self.keys, self._versions)):
            texts = (make_record(self.size, number), make_record(self.size, number + 1))
            assert self.store.patch(key, version, Change(*texts))


def _count(subject: Subject, size: int) -> dict[str, Traffic]:
    """Return what one call of each kind sends and receives."""
    if subject.port is None or subject.store_at is None:
        return dict.fromkeys(CALLS, Traffic(0, 0, 0))
    counted = {}
    with FaultProxy(subject.port) as proxy:
        store = subject.store_at(proxy.port)
        for calls in (("create", "load", "renew", "patch"), ("login",)):
            _run(
                _Work(store, 2, size, SHORT), calls, lambda name, call: call()
            )  # connects, sends scripts

            def count(name: str, call: Callable[[], None]) -> None:
                proxy.traffic()
                call()
                counted[name] = Traffic(*(each // _RELAYED for each in proxy.traffic()))

            _run(_Work(store, _RELAYED, size, SHORT), calls, count)
        store.close()
    return counted


def _run(
    work: _Work, calls: tuple[str, ...], measure: Callable[[str, Callable[[], None]], None]
) -> None:
    for name in calls:
        if name == "renew":
            time.sleep(work.lifetime.granularity + 0.2)
        measure(name, getattr(work, name))


def measure_costs(name: str, count: int, size: int) -> Costs:
    """Measure a store with so many sessions, whose records have so many bytes."""
    with open_subject(name, make_record(size, 0)) as subject:
        assert subject.taken is not None
        taken, octets, cpu = subject.taken, [], dict[str, float]()
        server = find_server(subject.port) if subject.port else None
        clock = (lambda: cpu_seconds(family(server))) if server else time.process_time

        def measure(call: str, run: Callable[[], None]) -> None:
            before = clock()
            run()
            cpu[call] = (clock() - before) / count * 1e6

        works = [_Work(subject.store, count, size, LONG) for _ in range(2)]
        octets.append(taken())
        for calls in (("create",), ("load", "renew", "patch")):
            _run(works[0], calls, measure)
            octets.append(taken())
        _run(works[1], ("login",), measure)
        octets.append(taken())
        counted = _count(subject, size)
        empty, full, used, with_users = octets
        return Costs(
            (full - empty) / count,
            (used - empty) / count,
            (with_users - used) / count,
            {call: Call(cpu[call], counted[call]) for call in CALLS},
        )
