"""The extension behind real servers: processes, threads, greenlets, and Flask's own that starts
anew.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.machine import import_part
from tests.serving import free_port, running, wait_until
from tests.stores.networked import make_store

pytestmark = pytest.mark.server

GUNICORN = ("-m", "gunicorn", "--bind=127.0.0.1:{port}")
SERVERS = {
    "two processes": (*GUNICORN, "--workers=2", "tests.flask.served:make_app()"),
    "threads": (
        *("-m", "waitress", "--listen=127.0.0.1:{port}", "--threads=8"),
        *("--call", "tests.flask.served:make_app"),
    ),
    "greenlets": (*GUNICORN, "--worker-class=gevent", "tests.flask.served:make_app()"),
}


class Browser:
    """A client that keeps the session's cookie."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.cookie = cookie

    def get(self, path: str) -> str:
        headers = {"Cookie": self.cookie} if self.cookie else {}
        asked = urllib.request.Request(self.root + path, headers=headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            if (line := answer.headers["Set-Cookie"]) is not None:
                self.cookie = "" if "Max-Age=0" in line else line.partition(";")[0]
            return str(answer.read().decode())

    def look(self) -> Any:
        return json.loads(self.get("/look"))


class Site(NamedTuple):
    """A running server, and what it runs in."""

    port: int
    server: str


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A server with its store; it must not have complained when it ends."""
    (server, store), port = request.param, free_port()
    if server == "greenlets":
        import_part("gevent")
    if store == "valkey":
        valkey = request.getfixturevalue("valkey")
        make_store(valkey)
        store = valkey.url
    arguments = [part.format(port=port) for part in SERVERS[server]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SESSION_STORE", "" if store == "cookie" else store)
        with running(arguments, port, tmp_path_factory.mktemp("server")) as log:
            yield Site(port, server)
            printed = log.read_text()
    assert [word for word in ("Traceback", "Warning", "ERROR") if word in printed] == [], printed


SHARED = [
    ("two processes", "valkey"),
    ("threads", "memory:"),
    ("threads", "valkey"),
    ("greenlets", "memory:"),
    ("greenlets", "valkey"),
]
SEALED = [("two processes", "cookie"), ("greenlets", "cookie")]
on_each = pytest.mark.parametrize("site", SHARED + SEALED, indirect=True, ids="-".join)
on_each_shared = pytest.mark.parametrize("site", SHARED, indirect=True, ids="-".join)


def signed_in(site: Site) -> Browser:
    browser = Browser(site.port)
    browser.get("/login/ann")
    first = {"session": {"user": "ann"}, "messages": ["welcome ann"]}
    assert browser.look() == first
    return browser


@on_each
def test_a_login_lasts_until_the_logout(site: Site) -> None:
    browser = signed_in(site)
    assert [browser.look() for _ in range(20)] == [
        {"session": {"user": "ann"}, "messages": []}
    ] * 20
    assert [browser.get("/count") for _ in range(20)] == [str(n) for n in range(1, 21)]
    browser.get("/logout")
    assert browser.cookie == ""
    assert browser.look() == {"session": {}, "messages": []}


@on_each_shared
def test_a_cookie_that_was_kept_signs_nobody_in_after_the_logout(site: Site) -> None:
    browser = signed_in(site)
    kept = Browser(site.port, browser.cookie)
    browser.get("/logout")
    looks = [Browser(site.port, kept.cookie).look() for _ in range(20)]
    assert looks == [{"session": {}, "messages": []}] * 20


@on_each_shared
def test_a_stream_takes_the_messages_that_it_shows(site: Site) -> None:
    browser = Browser(site.port)
    browser.get("/login/ann")
    assert [browser.get("/stream") for _ in range(2)] == ["welcome ann for ann", " for ann"]
    assert browser.look() == {"session": {"user": "ann"}, "messages": []}


@on_each_shared
def test_a_client_that_goes_away_in_a_stream_gets_the_messages_later(site: Site) -> None:
    browser = Browser(site.port)
    browser.get("/login/ann")
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as client:
        client.sendall(
            f"GET /long HTTP/1.1\r\nHost: a\r\nCookie: {browser.cookie}\r\n\r\n".encode()
        )
        received = b""
        while b"welcome ann" not in received:
            received += client.recv(4096)
    wait_until(lambda: browser.get("/closed") == "1")
    assert [browser.look()["messages"] for _ in range(2)] == [["welcome ann"], []]


@on_each_shared
def test_two_requests_at_once_see_each_others_swaps_and_keep_their_writes(site: Site) -> None:
    browser = signed_in(site)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Browser(site.port, browser.cookie).get, "/wait")
        while "started" not in browser.look()["session"]:
            assert not waiting.done()
            time.sleep(0.05)
        other = json.loads(browser.get("/set/word"))
        waited = json.loads(waiting.result(30))
    assert waited["word"] == 1
    assert (waited["process"] != other["process"]) == (site.server == "two processes")
    assert browser.look()["session"] == {"user": "ann", "started": 1, "word": 1, "waited": 1}


@on_each_shared
def test_what_many_requests_write_at_once_is_all_there(site: Site) -> None:
    browser, keys = signed_in(site), [f"k{number}" for number in range(40)]
    paths = [path for key in keys for path in (f"/set/{key}", "/like")]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: Browser(site.port, browser.cookie).get(path), paths))
    assert browser.look()["session"] == {"user": "ann", "likes": 40, **dict.fromkeys(keys, 1)}


# -- flask run --debug

APP = """
from flask import Flask, session
from ringsession.flask import RingSession

app = Flask(__name__)
app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
RingSession(app)

@app.get("/")
def home():
    session["n"] = session.get("n", 0) + 1
    return f"VERSION {session['n']}"
"""


def test_a_sealed_session_survives_that_flask_run_loads_its_app_anew(tmp_path: Path) -> None:
    port, module = free_port(), tmp_path / "reloaded.py"
    module.write_text(APP.replace("VERSION", "old"))
    arguments = ["-m", "flask", "--app", str(module), "run", "--debug", "-p", str(port)]
    with running(arguments, port, tmp_path):
        browser = Browser(port)
        assert [browser.get("/"), browser.get("/")] == ["old 1", "old 2"]
        module.write_text(APP.replace("VERSION", "another"))
        visits = 2
        for _ in range(300):
            try:
                text, visits = browser.get("/"), visits + 1
            except (OSError, HTTPException):  # the old one ended, or ends inside its answer
                text = ""
            if text.startswith("another"):
                break
            time.sleep(0.1)
        assert text == f"another {visits}"
