"""Several worker processes on one store, and clients each of which knows what it must see."""

from __future__ import annotations

import random
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ringsession import codec
from ringsession.stores import Lifetime
from ringsession.testing import key_of
from tests.serving import ROOT, free_port, running
from tests.stores.networked import SERVERS, make_store

pytestmark = pytest.mark.server
CLIENTS, REQUESTS = 16, 125


class Customer:
    """One client: its cookie, what it did, and how often it was told something else."""

    def __init__(self, number: int, port: int) -> None:
        self.name = f"user{number}"
        self.root = f"http://127.0.0.1:{port}"
        self.cookie = ""
        self.ended: list[str] = []
        self.expected: list[Any] = [None, None, None]
        self.wrong: list[str] = []

    def get(self, path: str, cookie: str) -> str:
        request = urllib.request.Request(self.root + path, headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=30) as answer:
            set_cookie = answer.headers["Set-Cookie"]
            if set_cookie is not None and cookie == self.cookie:
                self.cookie = "" if "Max-Age=0" in set_cookie else set_cookie.split(";")[0]
            return str(answer.read().decode())

    def act(self, choice: random.Random) -> None:
        signed_in = self.expected[0] is not None
        what = choice.choice(["add", "add", "like", "look", "logout", "replay"] if signed_in else ["login", "replay"])  # fmt: skip
        path = {"login": f"/login/{self.name}", "add": f"/add/{choice.randrange(1000)}"}.get(what, f"/{what}")  # fmt: skip
        if what == "replay":  # a session that was ended, from a browser that kept its cookie
            self.check(self.get("/look", choice.choice(self.ended or [""])), [None, None, None])
            return
        before, told = self.cookie, self.get(path, self.cookie)
        if what in ("login", "logout"):
            self.ended += [before] if before else []
            self.expected = [self.name, [], None] if what == "login" else [None, None, None]
            return
        if what == "add":
            self.expected[1] = [*self.expected[1], path.split("/")[2]]
        if what == "like":
            self.expected[2] = (self.expected[2] or 0) + 1
        self.check(told, self.expected)

    def check(self, told: str, expected: list[Any]) -> None:
        if told != repr(expected):
            self.wrong.append(f"expected {expected!r}, got {told}")


@pytest.mark.parametrize("kind", ["sqlite", "valkey"])
def test_every_clients_view_is_consistent_over_four_workers(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sqlite":
        name = f"sqlite:///{tmp_path / 'sessions.db'}"
    else:
        server = request.getfixturevalue(kind)
        make_store(server)
        name = server.url
    monkeypatch.setenv("SESSION_STORE", name)
    port = free_port()
    command = [
        "-m",
        "gunicorn",
        "--workers=4",
        f"--bind=127.0.0.1:{port}",
        "tests.stores.shop:make_app()",
    ]
    customers = [Customer(number, port) for number in range(CLIENTS)]

    def visit(customer: Customer) -> None:
        choice = random.Random(customer.name)
        for _ in range(REQUESTS):
            customer.act(choice)

    with running(command, port, tmp_path), ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(visit, customers))
    assert CLIENTS * REQUESTS == 2000
    assert [customer.wrong for customer in customers] == [[]] * CLIENTS
    assert min(len(customer.ended) for customer in customers) >= 3


@pytest.mark.parametrize("name", SERVERS)
def test_8_processes_keep_800_of_800_writes_and_swaps(
    name: str, request: pytest.FixtureRequest
) -> None:
    program = """
import sys
from ringsession import codec, redis_store, sql_store
from ringsession.testing import change, key_of
url, worker = sys.argv[1:]
store = (redis_store if url.startswith("redis:") else sql_store)(url, timeout=20)
for number in range(100):
    assert store.patch(key_of("a"), None, change(codec.encode({}), **{f"{worker}-{number}": number}))
    assert store.swap(key_of("a"), "n", lambda text: str(int(text or 0) + 1))
"""
    server = request.getfixturevalue(name)
    store, key = make_store(server), key_of("a")
    store.create(key, codec.encode({}), Lifetime())
    command = [sys.executable, "-c", program, server.url]
    workers = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(8)]
    assert [worker.wait(120) for worker in workers] == [0] * 8
    data = codec.decode(store.load(key).record)
    assert (len(data), data["n"]) == (801, 800)
    getattr(store, "close", lambda: None)()
