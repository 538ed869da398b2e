"""Run the programs of the page on writing a store on a real Memcached."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import assoc_in, deep_merge, site_defaults, text, to_wsgi, wrap_defaults
from ringsession.config import ConfigError
from ringsession.stores import Store
from tests.machine import import_part
from tests import servers
from tests.servers import Server
from tests.serving import ROOT

import_part("pymemcache")

pytestmark = pytest.mark.server
PAGE = (ROOT / "docs/how-to/write-a-store.md").read_text("utf-8")
STORE = (ROOT / "examples/memcached_store.py").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PROGRAMS = {match[1]: block for block in BLOCKS if (match := re.match(r"# (\S+)\.py\n", block))}
ADDRESS = "127.0.0.1:11211"


@pytest.fixture
def folder(
    memcached: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> Iterator[Path]:
    """A folder with the page's programs and the store, on the server of the tests."""
    for name, program in PROGRAMS.items():
        assert ADDRESS in program
        (tmp_path / f"{name}.py").write_text(program.replace(ADDRESS, memcached.url), "utf-8")
    shutil.copy(ROOT / "examples/memcached_store.py", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("three_functions", "app", "flask_app"):
        module: Any = sys.modules.pop(name, None)
        store = getattr(module, "store", None)
        if store is not None:
            getattr(store, "client", store).close()
    sys.modules.pop("memcached_store", None)


def test_every_block_is_a_program_or_a_part_of_the_store() -> None:
    assert list(PROGRAMS) == ["three_functions", "test_memcached_store", "app", "flask_app"]
    parts = [block for block in BLOCKS if block not in PROGRAMS.values()]
    assert len(parts) == 6
    assert [part for part in parts if part not in STORE] == []


def test_the_server_starts_as_the_page_says() -> None:
    (line,) = re.findall(r"^\$ (memcached .*)$", PAGE, re.MULTILINE)
    asked = shlex.split(line.replace("11211", "PORT"))
    program, *started = servers.memcached("-M").command(ROOT, 11211)
    assert sorted(started) == sorted(word.replace("PORT", "11211") for word in asked[1:])


@pytest.mark.parametrize("name", ["three_functions", "app", "flask_app"])
def test_both_stores_count_visits_also_in_flask(folder: Path, name: str) -> None:
    client = Client(import_module(name).app)
    assert [client.get("/").text for _ in range(3)] == ["Visit 1\n", "Visit 2\n", "Visit 3\n"]


def test_three_functions_keep_types_and_take_any_key(folder: Path) -> None:
    store = import_module("three_functions").store
    key = store.write_session(None, {"point": (1, b"\xff")})
    assert store.read_session(key) == {"point": (1, b"\xff")}
    assert store.read_session("../\ud800 \0" + "x" * 1000) is None
    store.delete_session(key)
    assert store.read_session(key) is None


def race(store: Any) -> list[list[str]]:
    """Return what is left of two writes at the same time, and of a write after the logout."""
    browsers: list[Client] = []

    def handler(request: Any) -> Any:
        session, uri = request["session"], request["uri"]
        if uri == "/logout":
            return text("") | {"session": None}
        if uri.startswith("/slow"):
            session.get("user")  # loads the session
            browsers[1].get(uri.removeprefix("/slow"))
        if uri != "/":
            session[uri] = 1
        return text(" ".join(sorted(session)))

    app = wrap_defaults(to_wsgi(handler), assoc_in(site_defaults, ["session", "store"], store))
    browsers[:] = Client(app), Client(app), Client(app)
    found = []
    for other in ("/fast", "/logout"):
        browsers[0].delete_cookie("ring-session")
        browsers[0].get("/user")
        cookie = browsers[0].get_cookie("ring-session")
        for browser in browsers[1:]:
            browser.set_cookie("ring-session", cookie.value)
        browsers[0].get(f"/slow{other}")
        found.append(browsers[2].get("/").text.split())
    return found


def test_three_functions_lose_a_write_and_bring_a_session_back(folder: Path) -> None:
    store = import_module("three_functions").store
    assert race(store) == [["/slow/fast", "/user"], ["/slow/logout", "/user"]]


def test_the_protocol_loses_no_write_and_brings_no_session_back(folder: Path) -> None:
    assert race(import_module("app").store) == [["/fast", "/slow/fast", "/user"], []]


def test_the_table_has_the_methods_of_the_protocol() -> None:
    named = re.findall(r"^\| `(\w+)\(.*?\)` \|", PAGE, re.MULTILINE)
    methods = [name for name in vars(Store) if not name.startswith("_")]
    assert named == [*methods, "check"]


def test_a_config_with_users_is_refused(folder: Path) -> None:
    config = {"session": {"store": import_module("app").store, "user_key": "user"}}
    with pytest.raises(ConfigError, match="expected a server-side store that finds users"):
        wrap_defaults(to_wsgi(lambda request: text("")), deep_merge(site_defaults, config))


def test_the_contract_passes_as_the_page_shows(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "test_memcached_store.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    (shown,) = re.findall(r"^\$ pytest test_memcached_store.py\n(.*)$", PAGE, re.MULTILINE)
    assert f"\n{shown} in " in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("seconds, calls", [(0, 1), (120, 2)])
def test_most_reads_write_nothing(folder: Path, seconds: int, calls: int) -> None:
    store = import_module("app").store
    assert store.create(
        "a" * 63 + str(calls), "1{}", import_module("ringsession.stores").Lifetime()
    )
    before, own = asked(store), store.clock()
    store.clock = lambda: own + seconds
    store.load("a" * 63 + str(calls))
    assert asked(store) - before == calls


def asked(store: Any) -> int:
    """Return how many commands for an item the server has got."""
    with store._connection() as client:
        stats: dict[bytes, int] = client.stats()
    return stats[b"cmd_get"] + stats[b"cmd_set"]
