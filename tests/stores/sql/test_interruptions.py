"""Calls of `sql_store` that a signal interrupts at any point: no answer goes to another call, and
no connection is lost.
"""

from __future__ import annotations

import gc
import logging
import random
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from ringsession import codec, sql_store
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.testing import change, key_of
from tests.servers import Server
from tests.stores.networked import make_store

pytestmark = pytest.mark.server
KEYS = [key_of(str(number)) for number in range(8)]


class Interrupted(BaseException):
    """As a timeout of gevent's or a KeyboardInterrupt."""


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # pytest would keep what interrupts a finalizer, and with its frames the connections in them.
    monkeypatch.setattr(sys, "unraisablehook", lambda what: None)

    def interrupt(number: int, frame: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    with warnings.catch_warnings():
        # Connections that SQLAlchemy's own pool has lost are closed now, not when pytest ends.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Sessions:
    """Eight sessions, each of which knows whose it is, and what each may hold by now."""

    def __init__(self, store: Any, seed: int) -> None:
        self.store = store
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.may_hold = [{0} for _ in KEYS]
        for number, key in enumerate(KEYS):
            assert store.create(key, codec.encode({"who": number, "n": 0}), Lifetime())

    def call(self, step: int) -> None:
        number = self.random.randrange(len(KEYS))
        key, may = KEYS[number], self.may_hold[number]
        what = self.random.choice(["load", "load", "patch", "swap", "absent"])
        if what == "load":
            self.check(number, self.store.load(key))
        elif what == "patch":
            may.add(step)
            empty = codec.encode({})
            if not self.store.patch(key, None, change(empty, n=step)):
                self.seen["falsely dead"] += 1
            may.intersection_update({step})
        elif what == "swap":
            may.add(step)
            if self.store.swap(key, "n", lambda text: str(step)) != str(step):
                self.seen["falsely dead"] += 1
            may.intersection_update({step})
        elif self.store.load(key_of("absent")) is not None:
            self.seen["foreign"] += 1

    def check(self, number: int, loaded: Any) -> None:
        if loaded is None or loaded.record is None:
            self.seen["falsely absent"] += 1
            return
        data = codec.decode(loaded.record)
        if data["who"] != number:
            self.seen["foreign"] += 1
        elif data["n"] not in self.may_hold[number]:
            self.seen["lost or late"] += 1


def interrupt_often(store: Any, alarm: Any, calls: int, seed: int = 1) -> Counter[str]:
    """Make calls, each interrupted at a random moment, and after each another one that is not."""
    sessions = Sessions(store, seed)
    usual = _usual_time(store)
    for step in range(1, calls + 1):
        try:
            alarm(sessions.random.uniform(0.00001, usual * 1.5))
            try:
                sessions.call(step)
            finally:
                alarm(0)
        except Interrupted:
            sessions.seen["interrupted"] += 1
        except StoreUnavailable:
            sessions.seen["error in the interrupted call"] += 1
        try:
            sessions.call(-step)
        except StoreUnavailable as error:
            sessions.seen["error after it"] += 1
            print(error)
    for number, key in enumerate(KEYS):
        sessions.check(number, store.load(key))
    return sessions.seen


def _usual_time(store: Any) -> float:
    times = []
    for _ in range(50):
        began = time.perf_counter()
        store.load(KEYS[0])
        times.append(time.perf_counter() - began)
    return sorted(times)[25]


HARM = ("foreign", "falsely absent", "falsely dead", "lost or late", "error after it")


def no_place_is_lost(store: Any, number: int) -> None:
    """Take all connections at once, which needs every place that a lost one might occupy."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # of connections that nobody holds any more
        gc.collect()
    call = store._engine.call("test")
    held = [store._engine.take(call.deadline) for _ in range(number)]
    for each in held:
        store._engine.run_on(each, lambda execute: execute(store._sql.load, {"k": KEYS[0]}))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("owned", [True, False], ids=["from a URL", "with an engine"])
def test_an_interrupted_call_harms_no_other(
    kind: str, owned: bool, alarm: Any, request: pytest.FixtureRequest
) -> None:
    run(request.getfixturevalue(kind), owned, alarm, 200)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("owned", [True, False], ids=["from a URL", "with an engine"])
def test_thousands_of_interrupted_calls_harm_no_other(
    kind: str, owned: bool, alarm: Any, request: pytest.FixtureRequest
) -> None:
    run(request.getfixturevalue(kind), owned, alarm, 5000 if owned else 1000)


def run(server: Server, owned: bool, alarm: Any, calls: int) -> None:
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # records that hold frames
    store = make_store(server)
    engine = None
    if not owned:
        store.close()
        # SQLAlchemy's own pool loses a place now and then to an interruption inside it, without us
        # as well.
        engine = sqlalchemy.create_engine(server.url, pool_size=calls)
        store = sql_store(engine)
    seen = interrupt_often(store, alarm, calls)
    print(f"{server.name}, {'URL' if owned else 'engine'}: {calls} calls, {dict(seen)}")
    assert {name: seen[name] for name in HARM} == dict.fromkeys(HARM, 0)
    assert seen["interrupted"] > calls / 10
    if owned:
        no_place_is_lost(store, 15)
    (engine.dispose if engine else store.close)()
