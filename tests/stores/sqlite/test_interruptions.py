"""The SQLite store whose calls are interrupted anywhere: nothing foreign, nothing lost, nothing
held.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ringsession import sqlite_store
from tests.stores.interruptions import Attack, alarm


class Watch:
    """What others find after an interruption: a free lock, a free file, and no more open files."""

    def __init__(self, store: Any, path: Path) -> None:
        self.store, self.path = store, str(path)
        self.other = sqlite3.connect(path, timeout=0, isolation_level=None)
        self.most_files = 0

    def look(self) -> None:
        self.other.execute("BEGIN IMMEDIATE")
        self.other.execute("ROLLBACK")
        got: list[bool] = []
        thread = threading.Thread(target=self.take_a_turn, args=(got,))
        thread.start()
        thread.join()
        assert got == [True]
        open_files = [_name_of(number) for number in os.listdir("/proc/self/fd")]
        self.most_files = max(self.most_files, open_files.count(self.path))

    def take_a_turn(self, got: list[bool]) -> None:
        turn = self.store._connections._own.turn
        got.append(turn.acquire(blocking=False))
        if got[0]:
            turn.release()


def _name_of(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:  # the one by which the folder was read
        return ""


def _attack(path: Path, calls: int, reconnects: bool) -> dict[str, int]:
    store = sqlite_store(path, timeout=5)
    watch = Watch(store, path)
    before = signal.signal(signal.SIGALRM, alarm)
    try:
        attack = Attack(store, 1, reconnects)
        with closing(watch.other):
            for _ in range(calls):
                interrupted = attack.counted["interrupted"]
                attack.step(True)
                if attack.counted["interrupted"] > interrupted:
                    watch.look()
                attack.step(False)
    finally:
        signal.signal(signal.SIGALRM, before)
        store.close()
    assert watch.most_files <= 2  # the store's connection and this test's
    counted = dict(+attack.counted)
    assert counted.pop("answered") > calls
    return counted


pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc"
)


@pytest.fixture(autouse=True)
def finalizers_of_others_may_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal may meet one that the collector runs in the middle of a call."""
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)


@pytest.mark.parametrize("reconnects", [False, True])
def test_calls_that_are_interrupted_leave_nothing_wrong(tmp_path: Path, reconnects: bool) -> None:
    counted = _attack(tmp_path / "sessions.db", 1500, reconnects)
    assert counted.pop("interrupted") > 200
    assert counted == {}


@pytest.mark.soak
@pytest.mark.parametrize("reconnects", [False, True])
def test_thousands_of_interrupted_calls_leave_nothing_wrong(
    tmp_path: Path, reconnects: bool
) -> None:
    counted = _attack(tmp_path / "sessions.db", 30_000, reconnects)
    interrupted = counted.pop("interrupted")
    assert counted == {}
    how = ", reconnects" if reconnects else ""
    print(f"sqlite{how}: {interrupted} of 30000 calls interrupted, no wrong answer, nothing held")
