"""The SQLite store and a locked file: how long a call waits, and what does not wait at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ringsession import codec, recreate, sqlite_store
from ringsession.stores import Details, Lifetime
from ringsession.testing import change, key_of
from tests.tracing import Client

EMPTY = codec.encode({})
KEY = key_of("a")

_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the file's write lock."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None and holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"locked\n"
        yield
    finally:
        holder.stdin.close()
        assert holder.wait(30) == 0
        holder.stdout.close()


def seconds_for(work: Callable[[], object]) -> float:
    """How long a call takes that answers, or gives up since the file is locked."""
    started = time.monotonic()
    try:
        work()
    except sqlite3.OperationalError as error:
        assert str(error) == "database is locked"
    return time.monotonic() - started


WRITES: list[Callable[[Any], object]] = [
    lambda store: store.create(key_of("new"), EMPTY, Lifetime()),
    lambda store: store.patch(KEY, None, change(EMPTY, a=1)),
    lambda store: store.claim(KEY, store.load(KEY).version, key_of("new")),
    lambda store: store.destroy(KEY),
    lambda store: store.swap(KEY, "a", lambda text: "1"),
    lambda store: store.sweep(),
]
NAMES = ["create", "patch", "claim", "destroy", "swap", "sweep"]


@pytest.mark.parametrize("write", WRITES, ids=NAMES)
def test_ten_writers_of_a_locked_file_give_up_at_their_deadlines(
    write: Callable[[Any], object], tmp_path: Path
) -> None:
    store = sqlite_store(tmp_path / "sessions.db", timeout=0.5)
    store.create(KEY, EMPTY, Lifetime())
    with locked(tmp_path / "sessions.db"), ThreadPoolExecutor(10) as pool:
        waits = list(pool.map(lambda _: seconds_for(lambda: write(store)), range(10)))
    assert min(waits) >= 0.5
    assert max(waits) < 4  # in turns, the last one would wait 5 s
    assert store.patch(KEY, None, change(EMPTY, a=1))


def test_a_writer_goes_on_as_soon_as_the_file_is_free(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "sessions.db", timeout=30)
    store.create(KEY, EMPTY, Lifetime())
    with ThreadPoolExecutor(4) as pool:
        with locked(tmp_path / "sessions.db"):
            written = [
                pool.submit(store.patch, KEY, None, change(EMPTY, **{str(number): 1}))
                for number in range(4)
            ]
            time.sleep(0.1)
            assert not any(one.done() for one in written)
        released = time.monotonic()
        assert all(one.result() for one in written)
    assert time.monotonic() - released < 10
    loaded = store.load(KEY)
    assert loaded is not None and codec.decode(loaded.record or "") == dict.fromkeys("0123", 1)


def test_reads_of_a_locked_file_do_not_wait_for_the_move_of_a_deadline(tmp_path: Path) -> None:
    now = [0.0]
    store = sqlite_store(tmp_path / "sessions.db", timeout=30, clock=lambda: now[0])
    store.create(KEY, EMPTY, Lifetime(1800))
    store.create(key_of("late"), EMPTY, Lifetime(600))
    now[0] = 400.0  # both deadlines are due; of the second, more than half is over
    with locked(tmp_path / "sessions.db"), ThreadPoolExecutor(10) as pool:
        started = time.monotonic()
        found = list(pool.map(store.load, [KEY, key_of("late")] * 5))
        assert time.monotonic() - started < 5
    assert [(one.moved, one.expires_in) for one in found if one] == [
        (False, 1400),
        (False, 200),
    ] * 5
    found = [store.load(KEY), store.load(key_of("late"))]
    assert [(one.moved, one.expires_in) for one in found if one] == [(True, 1800), (True, 600)]


def test_a_deadline_that_a_later_read_can_move_is_no_news(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    store = sqlite_store(tmp_path / "sessions.db", timeout=30, clock=lambda: now[0])
    store.create(KEY, EMPTY, Lifetime(1800))
    with locked(tmp_path / "sessions.db"):
        for now[0] in (800.0, 1000.0):
            assert store.load(KEY) is not None
        (line,) = caplog.messages  # the second time
        assert line.startswith("Could not extend a session's idle timeout: sqlite3.Operational")


def test_a_new_session_does_not_wait_for_the_lock_to_delete_expired_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    path = tmp_path / "sessions.db"
    store = sqlite_store(path, timeout=30, clock=lambda: now[0])
    for number in range(15):
        store.create(key_of(str(number)), EMPTY, Lifetime(60))
    now[0] = 61.0
    lock = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    lend = store._connections._lend

    def lock_after_the_first(ask: Any) -> Any:
        answer = lend(ask)
        if not lock.in_transaction:
            lock.execute("BEGIN IMMEDIATE")
        return answer

    monkeypatch.setattr(store._connections, "_lend", lock_after_the_first)
    started = time.monotonic()
    assert store.create(KEY, EMPTY, Lifetime())
    assert time.monotonic() - started < 5
    assert lock.execute("SELECT count(*) FROM ringsession").fetchone() == (16,)
    lock.execute("COMMIT")
    lock.close()
    monkeypatch.undo()
    assert store.sweep() == 15


def test_others_may_write_between_two_batches_of_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    store, other = (sqlite_store(tmp_path / "sessions.db", clock=lambda: now) for _ in range(2))
    for number in range(130):
        assert store.create(key_of(str(number)), EMPTY, Lifetime(60))
    now, pauses = 100.0, []

    def write(seconds: float) -> None:
        pauses.append(seconds)
        assert other.create(key_of(f"new {len(pauses)}"), EMPTY, Lifetime(60))

    monkeypatch.setattr("ringsession.stores.sqlite.sweep.pause_for", write)
    assert store.sweep() == 130
    assert len(pauses) == 2 and all(0 < seconds <= 0.03 for seconds in pauses)
    assert other.count_sessions() == 2
    for each in (store, other):
        each.close()


def test_the_time_that_a_swaps_function_takes_is_no_waiting(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "sessions.db", timeout=0.2)
    store.create(KEY, EMPTY, Lifetime(), Details())
    turn, taken = store._connections._own.turn, threading.Event()

    def hold() -> None:
        with turn:
            taken.set()
            time.sleep(0.1)

    holder = threading.Thread(target=hold)

    def think(text: str | None) -> str:
        time.sleep(0.3)
        holder.start()
        assert taken.wait(10)
        return "1"

    assert store.swap(KEY, "a", think) == "1"
    holder.join()


def test_requests_that_write_to_a_locked_file_get_a_503_in_time_and_change_nothing(
    tmp_path: Path,
) -> None:
    client = Client(sqlite_store(tmp_path / "sessions.db", timeout=0.3))
    client.send(lambda request: request["session"].update(cart=["book"]))
    cookie = client.cookie
    pages: list[Callable[[Any], Any]] = [
        lambda request: request["session"].update(user="ann"),
        lambda request: {"session": recreate({**request["session"], "user": "ann"})},
        lambda request: {"session": None},
        lambda request: request["session"].swap("n", lambda n: 1) and None,
    ]
    with locked(tmp_path / "sessions.db"):
        for page in pages:
            started = time.monotonic()
            assert client.send(page, cookie)["status"] == 503
            assert time.monotonic() - started < 3
            assert client.set_cookie is None
        assert client.read(cookie) == {"cart": ["book"]}
    assert client.read(cookie) == {"cart": ["book"]}
    assert client.send(pages[1], cookie).get("status") == 200
    assert client.read(client.cookie) == {"cart": ["book"], "user": "ann"}


def test_an_opening_that_finds_the_file_locked_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    sqlite3.connect(path).close()
    with ThreadPoolExecutor(1) as pool:
        with locked(path):  # in rollback mode, without a table
            opened = pool.submit(sqlite_store, path, timeout=0.1)
            time.sleep(0.3)
            assert not opened.done()
        store = opened.result(30)
    assert store.create(KEY, EMPTY, Lifetime())


_GREENLETS = """
import sys, time
import gevent
if sys.argv[2] == "patched before":
    from gevent import monkey
    monkey.patch_all()
from ringsession import codec, sqlite_store
from ringsession.stores import Lifetime
from ringsession.testing import change, key_of
empty = codec.encode({})
store = sqlite_store(sys.argv[1], timeout=1)
store.create(key_of("a"), empty, Lifetime())
if sys.argv[2] == "patched after":
    from gevent import monkey
    monkey.patch_all()
import sqlite3

def request(number):
    try:
        store.patch(key_of("a"), None, change(empty, a=number))
    except sqlite3.OperationalError:
        pass
    return time.monotonic() - started

beats = []

def beat():
    while True:
        beats.append(time.monotonic())
        gevent.sleep(0.01)

lock = sqlite3.connect(sys.argv[1], isolation_level=None)
lock.execute("BEGIN IMMEDIATE")
beating = gevent.spawn(beat)
gevent.sleep(0.05)
started = time.monotonic()
requests = [gevent.spawn(request, number) for number in range(20)]
gevent.joinall(requests)
beats.append(time.monotonic())
stopped = max(later - sooner for sooner, later in zip(beats, beats[1:]))
print(min(r.value for r in requests), max(r.value for r in requests), stopped)
lock.execute("COMMIT")
assert gevent.spawn(store.patch, key_of("a"), None, change(empty, a=1)).get() is True
"""


@pytest.mark.parametrize("how", ["patched before", "patched after", "not patched"])
def test_greenlets_that_wait_for_a_locked_file_let_the_worker_go_on(
    how: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _GREENLETS, tmp_path / "sessions.db", how],
        capture_output=True,
        timeout=100,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    shortest, longest, stopped = map(float, done.stdout.split())
    assert shortest >= 1
    assert longest < 10  # in turns, 20 requests would take 20 s
    assert stopped < 5  # seconds in which nothing else ran
