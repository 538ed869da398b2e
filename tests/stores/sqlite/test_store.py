"""The SQLite store: the contract, and a file that threads and processes share."""

from __future__ import annotations

import copy
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ringsession import codec, sqlite_store
from ringsession.stores import Lifetime
from ringsession.testing import StoreContract, change, key_of

EMPTY = codec.encode({})


class TestSqliteStore(StoreContract):
    now = 1_800_000_000.0

    @pytest.fixture(autouse=True)
    def in_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.files = count()

    def make_store(self) -> Any:
        path = self.folder / f"sessions{next(self.files)}.db"
        return sqlite_store(path, clock=lambda: self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("path", ["", ":memory:", b"bytes.db"])
def test_a_path_that_names_no_file_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match="path: expected the path of a file"):
        sqlite_store(path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("what I must not forget " * 100)
    with pytest.raises(ValueError, match="path: expected the path of a SQLite file"):
        sqlite_store(path)
    assert path.read_text() == "what I must not forget " * 100


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path: expected the path of a SQLite file"):
        sqlite_store(tmp_path / "none" / "sessions.db")


def test_a_table_of_another_form_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute("CREATE TABLE ringsession (id, data, expires)")
    connection.close()
    with pytest.raises(ValueError, match="its table ringsession has other columns"):
        sqlite_store(tmp_path / "app.db")


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": None}, {"durable": 1}])
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: Any) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}: expected"):
        sqlite_store(tmp_path / "sessions.db", **options)


def test_the_file_and_what_belongs_to_it_are_the_owners_alone(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "sessions.db")
    store.create(key_of("a"), EMPTY, Lifetime())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"sessions.db": 0o600, "sessions.db-wal": 0o600, "sessions.db-shm": 0o600}


def test_sessions_survive_the_store_and_a_second_one_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    sqlite_store(path).create(key_of("a"), codec.encode({"n": 1}), Lifetime())
    loaded = sqlite_store(path).load(key_of("a"))
    assert loaded is not None and loaded.record == codec.encode({"n": 1})


def test_a_store_copies_as_itself_and_shows_no_data(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "sessions.db")
    store.create(key_of("a"), codec.encode({"secret": "s3cret"}), Lifetime())
    assert copy.deepcopy({"store": store})["store"] is store
    assert repr(store) == f"<sqlite_store {str(tmp_path / 'sessions.db')!r}>"


def test_new_sessions_clear_expired_ones_in_small_batches(tmp_path: Path) -> None:
    now = [0.0]
    store = sqlite_store(tmp_path / "sessions.db", clock=lambda: now[0])
    for number in range(200):
        store.create(key_of(f"old {number}"), EMPTY, Lifetime(60))
    now[0] = 61
    sizes = []
    for number in range(100):
        store.create(key_of(f"new {number}"), EMPTY, Lifetime(None))
        sizes.append(count_rows(tmp_path / "sessions.db"))
    assert max(before - after for before, after in zip([200, *sizes], sizes)) == 63
    assert sizes[-1] == 100


def count_rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        (rows,) = connection.execute("SELECT count(*) FROM ringsession").fetchone()
        return int(rows)
    finally:
        connection.close()


def test_a_file_that_another_program_keeps_locked_is_no_answer_in_time(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path / "sessions.db", timeout=0.1)
    key = key_of("a")
    store.create(key, EMPTY, Lifetime())
    other = sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.patch(key, 0, change(EMPTY, a=1))
        assert store.load(key) is not None  # who reads does not wait for who writes
    finally:
        other.rollback()
        other.close()
    assert store.patch(key, 0, change(EMPTY, a=1))


def test_a_deadline_that_cannot_be_moved_does_not_fail_the_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    store = sqlite_store(tmp_path / "sessions.db", timeout=0.1, clock=lambda: now[0])
    store.create(key_of("a"), EMPTY, Lifetime(600))
    now[0] = 300
    other = sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        loaded = store.load(key_of("a"))
    finally:
        other.rollback()
        other.close()
    assert loaded is not None
    assert (loaded.moved, loaded.expires_in) == (False, 300)
    (line,) = caplog.messages
    assert line.startswith("Could not extend a session's idle timeout: sqlite3.OperationalError at")
    assert line.endswith(": database is locked") and caplog.records[0].exc_info is None


@pytest.mark.posix
def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    program = f"""
import resource, signal, sqlite3
from ringsession import codec, sqlite_store
from ringsession.stores import Lifetime
from ringsession.testing import key_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))  # files that cannot grow past 8 MiB
store = sqlite_store({str(tmp_path / "sessions.db")!r})
kept = 0
try:
    while True:
        store.create(key_of(str(kept)), codec.encode({{"n": kept, "text": "x" * 1000}}), Lifetime())
        kept += 1
except sqlite3.OperationalError as error:
    print(kept)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=True, text=True
    )
    kept = int(done.stdout)
    store = sqlite_store(tmp_path / "sessions.db")
    found = [store.load(key_of(str(number))) for number in range(kept + 1)]
    assert kept > 100
    assert [loaded is not None for loaded in found] == [True] * kept + [False]
    assert store.create(key_of("more"), EMPTY, Lifetime())


def test_8_processes_keep_800_of_800_writes_and_swaps(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    program = """
import sys
from ringsession import codec, sqlite_store
from ringsession.testing import change, key_of
store, worker = sqlite_store(sys.argv[1], timeout=20), sys.argv[2]
for number in range(100):
    assert store.patch(key_of("a"), None, change(codec.encode({}), **{f"{worker}-{number}": number}))
    assert store.swap(key_of("a"), "n", lambda text: str(int(text or 0) + 1))
"""
    store = sqlite_store(path)
    store.create(key_of("a"), EMPTY, Lifetime())
    workers = [
        subprocess.Popen([sys.executable, "-c", program, path, str(number)]) for number in range(8)
    ]
    assert [worker.wait(120) for worker in workers] == [0] * 8
    loaded = store.load(key_of("a"))
    assert loaded is not None and loaded.record is not None
    data = codec.decode(loaded.record)
    assert (len(data), data["n"]) == (801, 800)


@pytest.mark.posix
def test_a_forked_process_opens_connections_of_its_own(tmp_path: Path) -> None:
    program = f"""
import os
from ringsession import codec, sqlite_store
from ringsession.stores import Lifetime
from ringsession.testing import change, key_of
store, empty = sqlite_store({str(tmp_path / "sessions.db")!r}), codec.encode({{}})
store.create(key_of("a"), empty, Lifetime())
children = []
for worker in range(4):
    child = os.fork()
    if child == 0:
        for number in range(50):
            assert store.patch(key_of("a"), None, change(empty, **{{f"{{worker}}-{{number}}": number}}))
        os._exit(0)
    children.append(child)
for number in range(50):
    assert store.patch(key_of("a"), None, change(empty, **{{f"parent-{{number}}": number}}))
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
print(len(codec.decode(store.load(key_of("a")).record)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=True, text=True
    )
    assert done.stdout == "250\n"


def test_many_first_users_at_once_make_one_table(tmp_path: Path) -> None:
    start, failed = threading.Barrier(8), []

    def begin(number: int) -> None:
        start.wait()
        try:
            sqlite_store(tmp_path / "sessions.db").create(key_of(str(number)), EMPTY, Lifetime())
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert count_rows(tmp_path / "sessions.db") == 8


@pytest.mark.parametrize(
    "spoil", ["DROP TABLE ringsession", "ALTER TABLE ringsession DROP COLUMN idle"]
)
def test_no_error_and_no_log_line_shows_a_record_or_a_key(
    spoil: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = sqlite_store(tmp_path / "sessions.db")
    record, key = codec.encode({"user": "s3cret"}), key_of("s3cret")
    store.create(key, record, Lifetime())
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as connection:
        connection.execute(spoil)
    calls: list[Callable[[], object]] = [
        lambda: store.load(key),
        lambda: store.create(key, record, Lifetime()),
        lambda: store.patch(key, 0, change(record, user="s3cret too")),
        lambda: store.claim(key, 0, key_of("new")),
        lambda: store.destroy(key),
        lambda: store.swap(key, "user", lambda text: '"s3cret"'),
    ]
    shown = []
    for call in calls:
        try:
            call()
        except sqlite3.Error as error:
            shown += [str(error), repr(error)]
    assert shown
    told = " ".join([*shown, caplog.text]).lower()
    assert not [secret for secret in ("s3cret", key, key[:16]) if secret in told]
