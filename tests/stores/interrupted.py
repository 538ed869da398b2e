"""Calls of a store that a signal interrupts at random points, and what they leave behind.

Owns the schedule of the signals and the count of what went wrong; the store is the caller's.
"""

from __future__ import annotations

import gc
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from ringsession import codec
from ringsession.stores import Lifetime, Loaded, Store
from ringsession.testing import change, key_of

LIFETIME = Lifetime(3600, None)


class Interruption(BaseException):
    """What a timeout, SystemExit or KeyboardInterrupt raises in the middle of a call."""


def _interrupt(signum: int, frame: object) -> None:
    raise Interruption


class Sessions:
    """Live and ended sessions, each of whose records names the session."""

    def __init__(self, store: Store, size: int) -> None:
        self.store = store
        self.found: Counter[str] = Counter()
        self.possible: dict[str, set[int | None]] = {}  # what may be stored under "n"
        self.live = [f"live {number}" for number in range(size)]
        for name in self.live:
            assert store.create(key_of(name), codec.encode({"me": name}), LIFETIME)
        assert store.create(key_of("ended"), codec.encode({"me": "ended"}), LIFETIME)
        assert store.destroy(key_of("ended"))

    def judge(self, name: str, loaded: Loaded | None) -> None:
        """Count what a read of one session found."""
        if name == "unknown" or name == "ended":
            wrong = loaded is not None if name == "unknown" else loaded is None or loaded.record
            self.found["foreign" if wrong else "right"] += 1
        elif loaded is None:
            self.found["falsely absent"] += 1
        elif loaded.record is None:
            self.found["falsely dead"] += 1
        else:
            values = codec.decode(loaded.record)
            if values["me"] != name:
                self.found["foreign"] += 1
            elif values.get("n") not in self.possible.get(name, {None}):
                self.found["lost"] += 1
            else:
                self.found["right"] += 1

    def act(self, choice: random.Random) -> None:
        name = choice.choice(self.live)
        key, what = key_of(name), choice.randrange(8)
        if what < 3:
            name = choice.choice([name, name, "unknown", "ended"])
            self.judge(name, self.store.load(key_of(name)))
        elif what < 5:
            number, record = choice.getrandbits(40), codec.encode({"me": name})
            self.possible.setdefault(name, {None}).add(number)  # until the store has answered
            assert self.store.patch(key, 0, change(record, n=number))
            self.possible[name] = {number}
        elif what == 5:
            assert self.store.swap(key, "count", lambda text: str(int(text or 0) + 1)) is not None
        else:
            name = f"new {choice.getrandbits(64)}"
            assert self.store.create(key_of(name), codec.encode({"me": name}), LIFETIME)
            self.judge(name, self.store.load(key_of(name)))
            if what == 6:
                assert self.store.destroy(key_of(name))


def interrupt_calls(
    store: Store, calls: int, longest: float, look: Callable[[], Any] = lambda: None
) -> Counter[str]:
    """Call the store, interrupt about every second call, and count what the calls found.

    longest: seconds; each interruption comes between a thousandth of it and the whole.
    look: called after each interruption; an AssertionError in it fails the test.
    """
    sessions, choice = Sessions(store, 8), random.Random(5)
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        for _ in range(calls):
            interrupted = False
            try:
                signal.setitimer(signal.ITIMER_REAL, longest * 10 ** choice.uniform(-3, 0))
                sessions.act(choice)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interruption:
                interrupted = True
            except Exception as error:
                signal.setitimer(signal.ITIMER_REAL, 0)
                sessions.found[f"error: {type(error).__name__}: {error}"] += 1
            if interrupted:  # after the exception and its frames have gone
                sessions.found["interrupted"] += 1
                look()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    gc.collect()
    for name in sessions.live:
        sessions.judge(name, store.load(key_of(name)))
        assert store.patch(key_of(name), 0, change(codec.encode({"me": name}), last=time.time()))
    return sessions.found
