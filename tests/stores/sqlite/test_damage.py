"""A file that is damaged, replaced or deleted while the app runs: an error in the log and a 503,
never a page for nobody; and no file that a command of an administrator makes.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import assoc_in, response, site_defaults, sqlite_store, to_wsgi, wrap_defaults
from ringsession.stores import Lifetime
from ringsession.stores.sqlite import file as watched_file
from tests.serving import ROOT


def visit(request: Any) -> Any:
    session = request["session"]
    session["n"] = session.get("n", 0) + 1
    session["padding"] = "x" * 500
    return response(str(session["n"]))


class Site:
    """An app on a file, with some users who have signed in, and a backup without the later half."""

    def __init__(self, folder: Path) -> None:
        self.path, self.backup = folder / "sessions.db", folder / "backup.db"
        self.store = sqlite_store(self.path)
        self.app = wrap_defaults(
            to_wsgi(visit), assoc_in(site_defaults, ["session", "store"], self.store)
        )
        self.users = [Client(self.app) for _ in range(200)]
        self.visit(self.users[:50])
        with (
            closing(sqlite3.connect(self.path)) as source,
            closing(sqlite3.connect(self.backup)) as copy,
        ):
            source.backup(copy)
        self.visit(self.users[50:])

    def visit(self, users: list[Client]) -> Counter[tuple[int, str]]:
        answers = (user.get("/") for user in users)
        return Counter((answer.status_code, answer.text[:7]) for answer in answers)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(watched_file, "_SECONDS_PER_LOOK", 0)
    site = Site(tmp_path)
    yield site
    site.store.close()


def copy_over(site: Site) -> None:
    shutil.copyfile(site.backup, site.path)


def move_over(site: Site) -> None:
    os.replace(site.backup, site.path)


def delete(site: Site) -> None:
    for name in ("", "-wal", "-shm"):
        Path(f"{site.path}{name}").unlink()


def delete_and_make_another(site: Site) -> None:
    delete(site)
    with closing(sqlite3.connect(site.path)) as other:
        other.execute("CREATE TABLE other (n)")


def empty(site: Site) -> None:
    for name in ("", "-wal"):
        Path(f"{site.path}{name}").write_bytes(b"")


def overwrite(site: Site) -> None:
    with closing(sqlite3.connect(site.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with site.path.open("r+b") as file:
        file.write(os.urandom(site.path.stat().st_size))


DAMAGE: list[Callable[[Site], None]] = [
    *(copy_over, move_over, delete, delete_and_make_another, empty, overwrite),
]


@pytest.mark.parametrize("reopened", [False, True], ids=["connected", "reopened"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_user_gets_the_session_or_a_503_and_each_503_is_one_line(
    damage: Any, reopened: bool, site: Site, caplog: Any
) -> None:
    if reopened and damage is copy_over:
        Path(f"{site.path}-wal").stat()  # with the log still there, which belongs to other pages
    damage(site)
    if reopened:
        site.store._connections._own.idle[:] = []
    caplog.set_level(logging.INFO)
    found = site.visit(site.users)
    assert {answer for answer in found} <= {(200, "2"), (503, "503 Ser")}
    assert found[503, "503 Ser"] == len(caplog.records)
    assert {record.levelname for record in caplog.records} <= {"ERROR"}
    assert all("SqliteStore.load failed: sqlite3." in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (move_over, "the file has been replaced or deleted; restart the app"),
        (delete, "the file has been replaced or deleted; restart the app"),
        (overwrite, "database disk image is malformed|file is not a database"),
    ],
)
def test_the_line_says_what_is_wrong_with_the_file(
    damage: Any, words: str, site: Site, caplog: Any
) -> None:
    damage(site)
    site.store.close()
    assert site.users[0].get("/").status_code == 503
    (line,) = caplog.messages
    assert any(each in line for each in words.split("|"))
    assert f"store=<sqlite_store '{site.path}'> method=GET path=/ " in line
    assert site.path.exists() == (damage is not delete)


def test_a_file_that_another_process_compacts_goes_on(site: Site, caplog: Any) -> None:
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('VACUUM'); c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()"
    )
    subprocess.run([sys.executable, "-c", program, site.path], check=True, timeout=60)
    assert site.visit(site.users) == {(200, "2"): 200}
    assert caplog.messages == []


def test_a_file_cut_short_does_not_end_the_process(tmp_path: Path) -> None:
    # A mapping into memory would: the system sends SIGBUS for a page behind the file's end.
    program = """
import os, sys
from tests.stores.sqlite.test_damage import Site, Path
site = Site(Path(sys.argv[1]))
os.truncate(site.path, 4096)
os.truncate(f"{site.path}-wal", 0)
site.store.close()
print(sorted(site.visit(site.users)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[(503, '503 Ser')]\n"), done.stderr


# -- commands of an administrator


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "ringsession", *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["sweep", "create-table"])
def test_a_command_makes_no_file(name: str, tmp_path: Path) -> None:
    done = command(name, f"sqlite:///{tmp_path}/typo.db", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
    if name == "sweep":
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("python -m ringsession sweep: ")
        assert "the file does not exist" in done.stderr and done.stderr.count("\n") == 1


def test_explain_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from ringsession import *\n"
        "app = wrap_defaults(lambda environ, start: [],"
        " {'session': {'store': 'sqlite:///sessions.db'}})\n"
    )
    done = command("explain", "--warn-only", "shop:app", cwd=tmp_path)
    assert (done.returncode, "sqlite:///sessions.db" in done.stdout) == (0, True), done.stderr
    assert not (tmp_path / "sessions.db").exists()


@pytest.mark.posix
def test_sweep_leaves_a_file_and_its_owner_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with closing(sqlite_store(path)) as store:
        store.create("a" * 64, "1{}", Lifetime(0.001))
    if os.geteuid() == 0:
        shutil.chown(path, "nobody")
    before = path.stat()
    done = command("sweep", f"sqlite:///{path}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "removed 1 expired sessions\n"), done.stderr
    after = path.stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert {name.stat().st_uid for name in tmp_path.iterdir()} == {before.st_uid}


# -- the end of the process


@pytest.mark.parametrize("url", ["sqlite", "postgresql+psycopg://a@127.0.0.1:1/x", "redis://a:1/0"])
def test_a_script_that_ends_says_nothing(url: str, tmp_path: Path) -> None:
    program = f"""
import sys
from ringsession import open_store
store = open_store({url!r} if {url!r} != "sqlite" else "sqlite:///{tmp_path}/s.db")
try:
    store.load("a" * 64)
except Exception:
    pass
# The interpreter forgets this function last, when the modules are gone already.
sys.excepthook = lambda *arguments, store=store: None
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
