"""Interrupt a store's calls with SIGALRM, and count the answers that are wrong afterwards.

Run it as a program, since a fault may crash the interpreter:
`python -m tests.stores.interruptions '{"calls": 600, ...}'`. It prints one JSON object. It
interrupts every second call at a random moment and checks every answer.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ringsession import codec, redis_store
from ringsession.stores import Change, Lifetime
from ringsession.testing import key_of

LIVE, DEAD, ABSENT = 24, 4, 4  # keys of each kind


class Interrupted(BaseException):
    """What a worker's timeout raises."""


class Alarm:
    """The signal's handler. It may run some instructions after the signal: the call may be over."""

    has_rung = False
    is_set = False

    def __call__(self, number: int, frame: object) -> None:
        self.has_rung = True
        if self.is_set:
            raise Interrupted


alarm = Alarm()


def make_store(given: dict[str, Any]) -> Any:
    """Return the store that the arguments describe."""
    library = import_module(given["library"])
    options = {"socket_timeout": 5, **given.get("options", {})}
    if len(given["ports"]) > 1:
        cluster = import_module(f"{given['library']}.cluster")
        start = [cluster.ClusterNode("127.0.0.1", port) for port in given["ports"]]
        kind = getattr(cluster, f"{given['library'].capitalize()}Cluster")
        return redis_store(kind(startup_nodes=start, **options))
    url = f"redis://127.0.0.1:{given['ports'][0]}/{given.get('database', 0)}"
    return redis_store(library.from_url(url, **options))


class Attack:
    """A store, the sessions in it, and what its calls answered."""

    def __init__(self, store: Any, seed: int, reconnects: bool) -> None:
        self.store = store
        self.random = random.Random(seed)
        self.reconnects = reconnects
        self.counted: Counter[str] = Counter()
        self.numbers = [0] * LIVE  # a session's last number that was surely stored, ...
        self.tried = [0] * LIVE  # ... and the last one that may have been
        self.seconds = {"load": 1e-4, "patch": 2e-4, "new": 8e-4, "swap": 3e-4}
        for number in range(LIVE):
            assert store.create(key_of(f"live {number}"), _record(number, 0), Lifetime())
        for number in range(DEAD):
            assert store.create(key_of(f"dead {number}"), _record(number, 0), Lifetime())
            assert store.destroy(key_of(f"dead {number}"))

    def step(self, interrupt: bool) -> None:
        """Make one call and count what it answered."""
        name = self.random.choice(("load", "load", "load", "patch", "new", "swap"))
        if self.reconnects and self.random.random() < 0.3:
            self.store.close()
        call: Callable[[], None] = getattr(self, f"_{name}")
        delay = self.random.uniform(1e-6, 1.3 * self.seconds[name]) if interrupt else 0
        alarm.has_rung = False
        begin = time.perf_counter()
        try:
            alarm.is_set = True
            signal.setitimer(signal.ITIMER_REAL, delay)
            call()
            alarm.is_set = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.counted["answered"] += 1
        except Interrupted:
            self.counted["interrupted"] += 1
        except Exception as error:
            alarm.is_set = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            if alarm.has_rung:  # valkey-py's constructor makes an UnboundLocalError of it
                self.counted["interrupted"] += 1
                return
            self.counted["errors"] += 1
            self.counted[f"error {type(error).__name__}: {error}"[:150]] += 1
        else:
            taken = time.perf_counter() - begin
            self.seconds[name] += 0.1 * (min(taken, 0.01) - self.seconds[name])

    def _check(self, key: str, number: int | None) -> Any:
        """Load a live session, or one that is dead or absent, and count a wrong answer."""
        loaded = self.store.load(key)
        record = loaded and loaded.record
        if number is None:
            if record is not None:
                self.counted["foreign"] += 1
        elif loaded is None:
            self.counted["falsely absent"] += 1
        elif record is None:
            self.counted["falsely dead"] += 1
        else:
            data = codec.decode(record)
            if data["owner"] != number:
                self.counted["foreign"] += 1
            elif not self.numbers[number] <= data["n"] <= self.tried[number]:
                self.counted["lost writes"] += 1
        return loaded

    def _load(self) -> None:
        number = self.random.randrange(LIVE + DEAD + ABSENT)
        if number < LIVE:
            self._check(key_of(f"live {number}"), number)
        elif number < LIVE + DEAD:
            loaded = self._check(key_of(f"dead {number - LIVE}"), None)
            self.counted["falsely absent"] += loaded is None
        else:
            loaded = self._check(key_of(f"absent {number}"), None)
            self.counted["falsely dead"] += loaded is not None

    def _patch(self) -> None:
        number = self.random.randrange(LIVE)
        key = key_of(f"live {number}")
        loaded = self._check(key, number)
        self.tried[number] = new = self.tried[number] + 1
        version = self.random.choice((loaded.version, None))  # None: the store has to merge
        if self.store.patch(key, version, Change(loaded.record, _record(number, new))):
            self.numbers[number] = new
        else:
            self.counted["falsely dead"] += 1

    def _swap(self) -> None:
        number = self.random.randrange(LIVE)
        self.tried[number] = new = self.tried[number] + 1
        text = self.store.swap(key_of(f"live {number}"), "n", lambda text: str(new))
        if text is None:
            self.counted["falsely dead"] += 1
        elif text != str(new):
            self.counted["foreign"] += 1
        else:
            self.numbers[number] = new

    def _new(self) -> None:
        key = key_of(f"new {self.random.random()}")
        self.counted["refused"] += not self.store.create(key, _record(-1, 0), Lifetime())
        loaded = self.store.load(key)
        if loaded is None or loaded.record != _record(-1, 0):
            self.counted["foreign"] += 1
        self.counted["not destroyed"] += not self.store.destroy(key)


def _record(owner: int, number: int) -> str:
    return codec.encode({"owner": owner, "n": number, "filling": "x" * 200})


def main(given: dict[str, Any]) -> dict[str, int]:
    """Interrupt so many calls; half of them are left alone and must be answered."""
    sys.unraisablehook = lambda unraisable: None  # an interruption inside a finalizer
    signal.signal(signal.SIGALRM, alarm)
    attack = Attack(make_store(given), given["seed"], given.get("reconnects", False))
    files = len(os.listdir("/dev/fd"))
    for _ in range(given["calls"]):
        attack.step(True)
        attack.step(False)
    kept = len(os.listdir("/dev/fd"))
    attack.counted["files"] = max(0, kept - files - len(given["ports"]))
    return dict(+attack.counted)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
