"""The page on operating an app: its programs, commands and claims."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, session
from werkzeug.test import Client

from ringsession import cookie_store, deep_merge, recreate, site_defaults, text, to_wsgi
from ringsession import sql_store, sqlite_store, user_sessions, wrap_defaults
from ringsession.flask import RingSession
from ringsession.stores import Lifetime
from tests.docs.deployed import FILES, Shop, change, running_shop
from tests.machine import find_program, import_part
from tests.servers import Server
from tests.serving import ROOT, curl, free_port

prometheus_client = import_part("prometheus_client")

PAGE_PATH = ROOT / "docs/how-to/operate.md"
PAGE = PAGE_PATH.read_text("utf-8")
PROGRAMS = {
    name: whole
    for whole, name in re.findall(
        r"^```python\n(# (\S+)\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
    )
}


def console(after: str) -> list[str]:
    """Return the commands of the first console block after a heading."""
    (block,) = re.findall(
        r"^```console\n(.*?)^```$", PAGE.partition(f"\n## {after}\n")[2], re.DOTALL | re.MULTILINE
    )[:1]
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def test_every_example_on_the_page_gives_what_it_shows() -> None:
    failed, tried = doctest.testfile(str(PAGE_PATH), module_relative=False)
    assert (failed, tried > 15) == (0, True)


# -- metrics


@pytest.mark.server
def test_the_metrics_of_all_workers_are_added_up_on_a_port_of_their_own(
    tmp_path: Path, valkey: Server
) -> None:
    assert list(PROGRAMS) == ["metrics.py", "gunicorn.conf.py"]
    (tmp_path / "metrics").mkdir()
    shop = Shop(valkey.url, tmp_path)
    port = free_port()
    shop.environ.update(PROMETHEUS_MULTIPROC_DIR=f"{tmp_path}/metrics", METRICS_PORT=str(port))
    (tmp_path / "metrics.py").write_text(PROGRAMS["metrics.py"])
    with (tmp_path / "app.py").open("a") as app, (tmp_path / "gunicorn.conf.py").open("a") as conf:
        app.write("\nimport metrics\n")
        conf.write(PROGRAMS["gunicorn.conf.py"])
    with running_shop(shop):
        shop.ask("/", "-c", "jar")
        assert shop.post("/login", "user=ann") == 303
        (command,) = [line for line in console("Count the events with Prometheus")]
        url = re.findall(r"http\S+", command)[0].replace("9102", str(port))
        found = curl(url, cwd=tmp_path)
        log = (shop.app.folder / "log").read_text()
    assert "INFO:ringsession.audit:Moved a session to a new id." in log
    lines = [line for line in found.splitlines() if line.startswith("ringsession_events_total")]
    assert sorted(lines) == re.findall(r"^ringsession_events_total\{.*$", PAGE, re.MULTILINE)
    assert len(lines) == 2


def test_systemd_accepts_the_folder_for_the_metrics(tmp_path: Path) -> None:
    (line,) = re.findall(r"`(RuntimeDirectory=.*?)`", PAGE)
    unit = tmp_path / "shop.service"
    text = (FILES / "shop.service").read_text()
    gunicorn = ("/srv/shop/.venv/bin/gunicorn", "/bin/true")
    unit.write_text(change(text, gunicorn, ("RuntimeDirectory=shop", line)))
    command = [find_program("systemd-analyze", package="systemd"), "verify", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# -- commands, on a file


NAME = "__Host-shop"


class Site:
    """A site on a SQLite file in a folder, with one user who is signed in."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "sessions.db"
        self.store = sqlite_store(self.path)
        cookie = {"cookie_name": NAME, "cookie_attrs": {"secure": True}}
        options = {"store": self.store, "user_key": "user", **cookie}
        config = deep_merge(site_defaults, {"session": options})
        self.browser = Client(wrap_defaults(to_wsgi(self.page), config))
        self.get("/login")

    def get(self, path: str) -> str:
        return str(self.browser.get(path, base_url="https://localhost").text)

    @staticmethod
    def page(request: Any) -> Any:
        match request["uri"]:
            case "/login":
                data = {"user": "ann", "address": "1 Main Street"}
                return text("") | {"session": recreate(data)}
            case "/logout":
                return text("") | {"session": None}
        return text(str(request["session"].get("user")))

    def run(self, *lines: str, store: Path | None = None) -> str:
        """Run lines of a console in the folder, and return what the last one prints."""
        script = "\n".join(["set -e", *lines]).replace("python -m", f"{sys.executable} -m")
        url = f"sqlite:///{store or self.path}"
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "RINGSESSION_STORE": url}
        command = ["bash", "-c", script]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def back_up(self) -> Path:
        find_program("sqlite3", package="sqlite3")
        self.run(*console("Back up the store"))
        return self.folder / "copy.db"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_count_is_as_the_page_shows_it(site: Site) -> None:
    commands = console("Count the live sessions")
    assert f"$ {commands[0]}\n{site.run(*commands)}```" in PAGE
    site.get("/logout")
    assert site.run(*commands) == "0 live sessions\n"


def test_the_commands_that_check_a_store_and_sign_a_user_out_run(site: Site) -> None:
    assert site.run(*console("Check the store")).endswith("removed 0 expired sessions\n")
    assert site.run(*console("Sign a user out")).endswith("ended 1 session\n")
    assert site.get("/") == "None"


def test_the_backup_is_whole_and_for_its_owner_alone(site: Site) -> None:
    copy = site.back_up()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert site.run("python -m ringsession count", store=copy) == "1 live session\n"


def test_a_plain_copy_of_the_file_misses_the_last_sessions(site: Site) -> None:
    # Not by shutil: a process that opens and closes the file loses SQLite's locks on it.
    site.run("cp sessions.db plain.db")
    count = "python -m ringsession count"
    assert site.run(count, store=site.folder / "plain.db") == "0 live sessions\n"
    assert site.run(count) == "1 live session\n"


def test_a_restored_backup_brings_back_a_session_that_was_ended_until_everyone_is_ended(
    site: Site,
) -> None:
    copy = site.back_up()
    cookie = site.browser.get_cookie(NAME)
    assert cookie is not None
    site.get("/logout")
    site.store.close()
    for end in ("-wal", "-shm"):
        Path(f"{site.path}{end}").unlink(missing_ok=True)
    shutil.move(copy, site.path)
    restored = Site(site.folder)
    restored.browser.set_cookie(NAME, cookie.value, secure=True)
    assert restored.get("/") == "ann"
    (line,) = re.findall(r"^\$ (python -m ringsession end .*--everyone.*)$", PAGE, re.MULTILINE)
    restored.run(line)
    assert restored.get("/") == "None"


def test_what_a_record_holds_is_readable_and_gone_after_end_all(site: Site) -> None:
    find_program("sqlite3", package="sqlite3")
    read = 'sqlite3 sessions.db "SELECT record, hex(owner), hex(handle) FROM ringsession"'
    assert '1{"user":"ann","address":"1 Main Street"}' in site.run(read)
    assert user_sessions(site.store, cookie_name=NAME).end_all("ann") == 1
    assert site.run(read) == "||\n"


# -- keys

OLD, NEW = "the old key of tests, 32 letters.", "the new key of tests, 32 letters."


def key_steps() -> list[tuple[str, list[str]]]:
    """Return the keys of each step in the page's table: the one that seals, and the fallbacks."""
    rows = re.findall(r"^\| (?:today|\d\..*?) \| (\w+) \| ?(\w*) \|$", PAGE, re.MULTILINE)
    keys = {"old": OLD, "new": NEW}
    return [(keys[key], [keys[other]] if other else []) for key, other in rows]


def flask_server(step: tuple[str, list[str]]) -> Any:
    app = Flask("server")
    app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"] = step
    RingSession(app)

    @app.get("/login")
    def login() -> str:
        session["user"] = "ann"
        return ""

    @app.get("/")
    def home() -> str:
        return str(session.get("user"))

    return app


def asked_of_both(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> list[str]:
    """Return what a browser that signs in at one server, and then at the other, is at both."""
    first, second = flask_server(one), flask_server(other)
    found = []
    for login, ask in ((first, second), (second, first)):
        browser = Client(login)
        browser.get("/login")
        browser.application = ask
        found.append(browser.get("/").text)
    return found


def test_no_step_of_a_key_change_signs_out_a_user_while_two_servers_differ() -> None:
    steps = key_steps()
    assert steps == [(OLD, []), (OLD, [NEW]), (NEW, [OLD]), (NEW, [])]
    assert [asked_of_both(*pair) for pair in pairwise(steps)] == [["ann", "ann"]] * 3


def test_the_new_key_first_in_one_step_signs_users_out() -> None:
    today, _, swapped, _ = key_steps()
    assert asked_of_both(today, swapped) == ["ann", "None"]


def test_a_cookie_that_is_in_use_is_sealed_with_the_new_key_within_the_idle_timeout() -> None:
    now = [1_000_000.0]

    def deploy(key: str, others: list[str]) -> Any:
        store = cookie_store(key, fallback_keys=others, clock=lambda: now[0])
        return wrap_defaults(
            to_wsgi(Site.page), deep_merge(site_defaults, {"session": {"store": store}})
        )

    _, announced, swapped, done = key_steps()
    browser = Client(deploy(*announced))
    browser.get("/login")
    browser.application = deploy(*swapped)
    for _ in range(2):
        now[0] += 1000  # less than 1,800
        assert browser.get("/").text == "ann"
    browser.application = deploy(*done)
    assert browser.get("/").text == "ann"


# -- tables and connections


@pytest.mark.server
def test_the_table_can_be_created_twice_while_a_session_lives(postgresql: Server) -> None:
    store = sql_store(postgresql.url, table="operated")
    store.create_table()
    config = deep_merge(site_defaults, {"session": {"store": store}})
    browser = Client(wrap_defaults(to_wsgi(Site.page), config))
    browser.get("/login")
    store.create_table()
    assert browser.get("/").text == "ann"
    store.close()


@pytest.mark.server
@pytest.mark.parametrize("threads, most", [(8, 8), (40, 15)])
def test_a_process_opens_a_connection_for_each_running_request_and_at_most_15(
    postgresql: Server, threads: int, most: int
) -> None:
    name = f"counted{threads}"
    store = sql_store(f"{postgresql.url}?application_name={name}", table="counted", timeout=20)
    store.create_table()
    barrier = threading.Barrier(threads)

    def load() -> None:
        barrier.wait(20)
        for _ in range(5):
            store.load("0" * 64, Lifetime(1800, None))

    workers = [threading.Thread(target=load) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    count = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'"
    psycopg = import_part("psycopg")
    with psycopg.connect(postgresql.url.replace("+psycopg", "")) as connection:
        (held,) = connection.execute(count).fetchone()
    store.close()
    assert 1 <= held <= most
