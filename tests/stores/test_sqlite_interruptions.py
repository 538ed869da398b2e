"""The SQLite store whose calls are interrupted anywhere: nothing foreign, nothing lost, nothing held."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ringsession import sqlite_store
from tests.stores.interrupted import interrupt_calls


def _interrupt(path: Path, calls: int, longest: float) -> dict[str, int]:
    store = sqlite_store(path, timeout=5)
    most = 0

    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:

        def look() -> None:
            nonlocal most
            # Another process can write at once, and another thread gets its turn at once.
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            got: list[bool] = []
            turn = store._connections._own.turn
            thread = threading.Thread(target=lambda: got.append(turn.acquire(blocking=False)))
            thread.start()
            thread.join()
            assert got == [True]
            store._connections._own.turn = type(turn)()  # that thread took the old one along
            open_files = [os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()]
            most = max(most, open_files.count(str(path)))

        found = interrupt_calls(store, calls, longest, look)
    assert most <= 2  # the store's connection and the one above
    store.close()
    return dict(found)


def _descriptors() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc")
def test_2000_calls_that_are_interrupted_find_nothing_foreign(tmp_path: Path) -> None:
    found = _interrupt(tmp_path / "sessions.db", 2000, 0.002)
    assert found.pop("interrupted") > 300
    assert found.pop("right") > 300
    assert found == {}


@pytest.mark.soak
@pytest.mark.parametrize("longest", [0.0003, 0.001, 0.003])
def test_interrupted_calls_for_the_record(longest: float, tmp_path: Path) -> None:
    found = _interrupt(tmp_path / "sessions.db", 30_000, longest)
    print(f"sqlite, interrupted within {longest * 1000:g} ms: {found}")
    assert set(found) == {"interrupted", "right"}
