"""The sessions of a user in a SQLite file: what the rows hold, and races against their end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ringsession import codec, sqlite_store
from ringsession.stores import Details, Lifetime
from ringsession.stores.sqlite import statements, users
from ringsession.testing import key_of
from tests.stores.user_race import (
    COOKIE,
    EMPTY,
    LIFETIME,
    USERS,
    measure_creates,
    run_race,
)

ANN = USERS[0]
HANDLE = "0a" * 16
NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def clock() -> list[float]:
    return [NOW]


@pytest.fixture
def store(path: Path, clock: list[float]) -> Iterator[Any]:
    with closing(sqlite_store(path, clock=lambda: clock[0])) as store:
        yield store


def read_row(path: Path, key: str) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM ringsession WHERE key = ?"
        return dict(connection.execute(query, (bytes.fromhex(key),)).fetchone())


def test_a_login_is_kept_in_the_row_and_its_tombstone_keeps_when_it_began(
    store: Any, path: Path, clock: list[float]
) -> None:
    details = Details(
        COOKIE, remembered=True, owner=ANN, handle=HANDLE, began=NOW - 9, confirmed=NOW - 5
    )
    assert store.create(key_of("a"), EMPTY, Lifetime(1800, 86_400), details)
    row = read_row(path, key_of("a"))
    names = ("remembered", "owner", "handle", "began", "confirmed")
    blobs = (bytes.fromhex(ANN), bytes.fromhex(HANDLE))
    assert tuple(row[name] for name in names) == (1, *blobs, NOW - 9, NOW - 5)

    clock[0] += 1
    assert store.end_sessions(ANN) == 1
    tombstone = read_row(path, key_of("a"))
    assert tombstone == row | {
        "version": tombstone["version"],
        "expires": NOW + 61,
        "created": NOW + 1,
        "seen": NOW + 1,
        "idle": 60.0,
        "absolute": None,
        **{"remembered": 0, "owner": None, "handle": None, "confirmed": None, "record": None},
    }
    assert tombstone["version"] != row["version"]


def test_a_new_session_takes_the_place_of_an_expired_login_and_keeps_nothing_of_it(
    store: Any, path: Path, clock: list[float]
) -> None:
    details = Details(COOKIE, remembered=True, owner=ANN, handle=HANDLE, began=NOW, confirms=True)
    assert store.create(key_of("a"), EMPTY, LIFETIME, details)
    clock[0] += 7200
    assert store.create(key_of("a"), EMPTY, LIFETIME)
    row = read_row(path, key_of("a"))
    names = ("remembered", "cookie", "owner", "handle", "began", "confirmed", "created")
    assert tuple(row[name] for name in names) == (0, None, None, None, None, None, NOW + 7200)


def test_a_user_sees_the_sessions_own_times(store: Any, clock: list[float]) -> None:
    details = Details(COOKIE, owner=ANN, handle=HANDLE, began=NOW - 9)
    store.create(key_of("a"), EMPTY, Lifetime(1800, None), details)
    clock[0] += 120
    store.load(key_of("a"))
    (row,) = store.find_sessions(ANN)
    never = float("inf")
    assert row == (key_of("a"), HANDLE, NOW - 9, NOW + 120, NOW + 1920, never, EMPTY)


def remove_the_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    unfenced = statements.CONTINUE.replace("record IS NOT NULL AND expires > ?", "? > 0")
    unfenced = unfenced.replace("owner = ? AND handle = ?", "? > '' AND ? > ''")
    monkeypatch.setattr(statements, "CONTINUE", unfenced)


def test_without_the_fence_an_ended_login_would_continue(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = Details(COOKIE, owner=ANN, handle=HANDLE)
    again = details._replace(replaces=key_of("a"), continues=True)
    store.create(key_of("a"), EMPTY, LIFETIME, details)
    store.end_sessions(ANN)
    assert not store.create(key_of("b"), EMPTY, LIFETIME, again)
    remove_the_fence(monkeypatch)
    assert store.create(key_of("b"), EMPTY, LIFETIME, again)
    assert len(store.find_sessions(ANN)) == 1


def test_a_session_that_moves_to_a_key_already_passed_ends_with_all_others(
    store: Any, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(users, "_ENDED_AT_ONCE", 2)
    keys = [f"{number:064x}" for number in (2, 3, 4, 5)]
    for key in keys:
        store.create(key, EMPTY, LIFETIME, Details(COOKIE))
    clock[0] += 1
    end_each, batches = store._end_each, []

    def move_then_end(batch: list[bytes]) -> int:
        if not batches:
            old, new = store.load(keys[3]), f"{1:064x}"
            details = Details(COOKIE, began=old.began, replaces=keys[3])
            assert store.create(new, EMPTY, LIFETIME, details)
            assert store.claim(keys[3], old.version, new)
            clock[0] += 1
            store.create("f" * 64, EMPTY, LIFETIME, Details(COOKIE))  # began after the call
        batches.append([key[-1] for key in batch])
        return int(end_each(batch))

    monkeypatch.setattr(store, "_end_each", move_then_end)
    assert store.end_all_sessions(COOKIE) == 4
    assert batches == [[2, 3], [4], [1]]
    assert store.load("f" * 64).record == EMPTY and store.count_sessions() == 1


def test_many_sessions_end_in_batches_and_writers_go_on(store: Any, clock: list[float]) -> None:
    for number in range(300):
        store.create(f"{number:064x}", EMPTY, LIFETIME, Details(COOKIE))
    clock[0] += 1
    store.create(key_of("other"), codec.encode({}), LIFETIME, Details("f" * 32))
    assert store.end_all_sessions(COOKIE) == 300
    assert store.count_sessions() == 1


def race(path: Path, seconds: float) -> dict[str, int]:
    return run_race([sqlite_store(path, timeout=20) for _ in range(3)], seconds)


def test_no_ended_session_is_accepted_again(path: Path) -> None:
    seen = race(path, 2)
    assert (seen["accepted after"], seen["ended without cause"]) == (0, 0)
    assert seen["ends"] and seen["logins"] and seen["moves"]


@pytest.mark.soak
def test_no_ended_session_is_accepted_again_in_a_long_race(path: Path) -> None:
    seen = race(path, 30)
    print(f"sqlite: {seen}")
    assert (seen["accepted after"], seen["ended without cause"]) == (0, 0)
    with closing(sqlite_store(path)) as store:
        print(f"sqlite: {measure_creates(store)}")


@pytest.mark.soak
def test_the_race_notices_that_the_fence_is_missing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_the_fence(monkeypatch)
    seen = race(path, 10)
    print(f"sqlite, without the fence: {seen}")
    assert seen["accepted after"] > 0
