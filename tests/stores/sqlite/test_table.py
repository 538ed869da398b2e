"""The table of the SQLite store: every column as it lies in the file, and older tables."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ringsession import codec, sqlite_store
from ringsession.stores import Details, Lifetime, Loaded
from ringsession.testing import change, key_of

RECORD = codec.encode({"user": "ann"})
KEY, NEW = key_of("a"), key_of("new")
COOKIE = "0123456789abcdef0123456789abcdef"

OLDER_TABLE = """
CREATE TABLE ringsession (
    key BLOB PRIMARY KEY NOT NULL, record TEXT, version INTEGER NOT NULL, expires REAL NOT NULL,
    ends REAL NOT NULL, idle REAL NOT NULL, refresh REAL NOT NULL
);
CREATE INDEX ringsession_expires ON ringsession (expires);
INSERT INTO ringsession VALUES (x'00', '1{}', 0, 4e9, 4e9, 1800, 0);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def clock() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def store(path: Path, clock: list[float]) -> Iterator[Any]:
    store = sqlite_store(path, clock=lambda: clock[0])
    yield store
    store.close()


def rows(path: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM ringsession")]


def row(path: Path) -> dict[str, Any]:
    """The one row of the file, without its version, which is random."""
    (found,) = rows(path)
    version = found.pop("version")
    assert type(version) is int and 0 <= version < 1 << 63
    return found


LIVE = {
    "key": bytes.fromhex(KEY),
    "expires": 1_800_001_800.0,
    "created": 1_800_000_000.0,
    "seen": 1_800_000_000.0,
    "idle": 1800.0,
    "absolute": 86_400.0,
    "remembered": 0,
    "disposable": 1,
    "cookie": bytes.fromhex(COOKIE),
    "owner": None,
    "handle": None,
    "began": None,
    "confirmed": None,
    "successor": None,
    "record": RECORD,
}
TOMBSTONE = LIVE | {
    "expires": 1_800_000_060.0,
    "idle": 60.0,
    "absolute": None,
    "disposable": 0,
    "record": None,
}


def test_a_new_session_is_one_row(store: Any, path: Path) -> None:
    assert store.create(KEY, RECORD, Lifetime(1800, 86_400), Details(COOKIE, disposable=True))
    assert row(path) == LIVE


def test_a_session_without_times_never_expires(store: Any, path: Path) -> None:
    assert store.create(KEY, RECORD, Lifetime(None, None))
    changed = {"expires": float("inf"), "idle": None, "absolute": None}
    assert row(path) == LIVE | changed | {"disposable": 0, "cookie": None}


def test_a_read_stores_when_the_session_was_seen(
    store: Any, path: Path, clock: list[float]
) -> None:
    store.create(KEY, RECORD, Lifetime(1800, 86_400), Details(COOKIE, disposable=True))
    version = rows(path)[0]["version"]
    clock[0] += 59
    store.load(KEY)
    assert row(path) == LIVE
    clock[0] += 1
    store.load(KEY)
    assert row(path) == LIVE | {"seen": clock[0], "expires": clock[0] + 1800}
    assert rows(path)[0]["version"] == version


def test_a_read_stores_when_a_session_without_idle_timeout_was_seen(
    store: Any, path: Path, clock: list[float]
) -> None:
    store.create(KEY, RECORD, Lifetime(None, None))
    clock[0] += 60
    assert store.load(KEY).moved is False
    assert rows(path)[0]["seen"] == clock[0]


def test_a_slow_read_never_moves_a_deadline_back(
    store: Any, path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(KEY, RECORD, Lifetime(1800, None))
    clock[0] += 100
    write = store._connections.write

    def write_late(*args: Any) -> Any:
        monkeypatch.undo()
        clock[0] += 100
        assert store.load(KEY).moved is True
        return write(*args)

    monkeypatch.setattr(store._connections, "write", write_late)
    assert store.load(KEY).moved is False
    assert rows(path)[0]["seen"] == clock[0]


def test_what_a_sessions_end_leaves(store: Any, path: Path) -> None:
    for end, successor in (
        (lambda: store.destroy(KEY), None),
        (lambda: store.claim(KEY, rows(path)[0]["version"], NEW), bytes.fromhex(NEW)),
    ):
        store.create(KEY, RECORD, Lifetime(1800, 86_400), Details(COOKIE, disposable=True))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(
                "UPDATE ringsession SET owner = x'01', handle = x'02', began = 3, confirmed = 4,"
                " remembered = 1"
            )
        assert end() is True
        assert row(path) == TOMBSTONE | {"began": 3.0, "successor": successor}
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE ringsession SET expires = 0")  # the key is free again


def test_a_key_that_is_used_again_keeps_nothing_of_the_expired_row(
    store: Any, path: Path, clock: list[float]
) -> None:
    store.create(KEY, RECORD, Lifetime(1800, 86_400))
    assert store.claim(KEY, rows(path)[0]["version"], NEW)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE ringsession SET owner = 1, handle = 1, began = 1, confirmed = 1")
    clock[0] += 61
    assert store.create(KEY, RECORD, Lifetime(1800, 86_400), Details(COOKIE, disposable=True))
    times = {"created": clock[0], "seen": clock[0], "expires": clock[0] + 1800}
    assert row(path) == LIVE | times


def test_versions_are_random_and_fill_63_bits(store: Any, path: Path) -> None:
    for number in range(64):
        store.create(key_of(str(number)), RECORD, Lifetime())
    versions = {row["version"] for row in rows(path)}
    assert len(versions) == 64
    assert max(versions) > 1 << 60  # smaller ones only: once in 10 to the 58


def test_a_clock_that_jumps_back_a_day_leaves_no_session_a_day_past_its_timeout(
    store: Any, clock: list[float]
) -> None:
    store.create(KEY, RECORD, Lifetime(1800, 3600))
    clock[0] -= 86_400
    loaded = store.load(KEY)
    assert (loaded.record, loaded.expires_in) == (RECORD, 1800)  # not 88,200
    clock[0] += 1799
    assert store.load(KEY).expires_in == 1800
    clock[0] += 1800
    assert store.load(KEY) is None
    assert store.sweep() == 1


def test_a_file_with_the_older_table_gets_the_new_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE notes (text); INSERT INTO notes VALUES ('keep me');")
        connection.executescript(OLDER_TABLE)
    store = sqlite_store(path)
    assert rows(path) == []
    assert store.create(KEY, RECORD, Lifetime())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == [("keep me",)]
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
        assert {name for (name,) in names} == {
            "sqlite_autoindex_ringsession_1",
            "ringsession_expires",
            "ringsession_owner",
        }


def test_a_store_that_is_open_meets_a_table_that_another_process_replaces(path: Path) -> None:
    store = sqlite_store(path)
    store.create(KEY, RECORD, Lifetime())
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE ringsession;" + OLDER_TABLE)
    assert sqlite_store(path).create(NEW, RECORD, Lifetime())
    assert store.load(KEY) is None
    assert store.patch(NEW, None, change(RECORD, a=1))


@pytest.mark.parametrize("first", ["older table", "no file"])
def test_processes_that_open_a_file_at_the_same_moment_all_succeed(first: str, path: Path) -> None:
    program = """
import sys
from ringsession import codec, sqlite_store
from ringsession.stores import Lifetime
from ringsession.testing import key_of
print("ready", flush=True)
sys.stdin.readline()
store = sqlite_store(sys.argv[1])
assert store.create(key_of(sys.argv[2]), codec.encode({}), Lifetime())
"""
    if first == "older table":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(OLDER_TABLE)
            many = ((number.to_bytes(32, "big"), "1" * 500) for number in range(20_000))
            connection.executemany("INSERT INTO ringsession VALUES (?, ?, 0, 1, 1, 1, 1)", many)
            connection.commit()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, path, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    assert len(rows(path)) == 4


def test_no_repr_shows_a_record(store: Any) -> None:
    store.create(KEY, RECORD, Lifetime())
    loaded = store.load(KEY)
    assert isinstance(loaded, Loaded)
    assert "ann" not in repr(loaded) + repr(store) + repr(store._connections)


def test_the_columns_are_read_without_the_pages_of_a_long_record(path: Path, store: Any) -> None:
    store.create(KEY, RECORD, Lifetime())
    assert list(rows(path)[0])[-1] == "record"
