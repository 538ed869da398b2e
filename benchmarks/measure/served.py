"""The apps of throughput_apps under gunicorn, with Valkey and PostgreSQL beside them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from benchmarks.apps.throughput_apps import BARE, NAMES, make_tables
from benchmarks.commands.overhead import DATA
from benchmarks.measure.processes import family, find_server
from tests import servers
from tests.serving import free_port, running

MODES = {
    "sync": ["--worker-class", "sync", "--workers", "2"],
    "threads": ["--worker-class", "gthread", "--workers", "1", "--threads", "8"],
}


class Stores(NamedTuple):
    """The servers that keep sessions."""

    redis_url: str
    sql_url: str
    ports: dict[str, int]  # by name, as in NAMES

    def processes(self, name: str) -> list[int]:
        """Return the ids of the processes of the server that keeps an app's sessions."""
        port = self.ports.get(NAMES[name])
        return family(find_server(port)) if port else []


class Served(NamedTuple):
    """One app under gunicorn."""

    port: int
    cookie: str | None  # of a session that has been seen to be kept

    def workers(self) -> list[int]:
        return family(find_server(self.port))[1:]


@contextmanager
def running_stores() -> Iterator[Stores]:
    with ExitStack() as stack:
        valkey, postgresql = servers.valkey(), servers.postgresql()
        for server in (valkey, postgresql):
            stack.callback(server.stop)
            server.start()
        make_tables(postgresql.url)
        ports = {server.name: server.port for server in (valkey, postgresql)}
        yield Stores(valkey.url, postgresql.url, ports)


@contextmanager
def serving(mode: str, stores: Stores, names: Iterable[str]) -> Iterator[dict[str, Served]]:
    """Serve each app, with a session in it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = {}
        for name in names:
            port = free_port()
            command = ["-m", "gunicorn", *MODES[mode], "--bind", f"127.0.0.1:{port}"]
            command += ["--log-level", "warning", "--graceful-timeout", "2"]
            arguments = (name, stores.redis_url, stores.sql_url)
            app = f"benchmarks.apps.throughput_apps:make_app{arguments!r}"
            stack.enter_context(running([*command, app], port, folder))
            served[name] = Served(port, _begin_session(name, port))
        yield served


def _begin_session(name: str, port: int) -> str | None:
    """Return the cookie of a session that has been seen to be kept."""
    if name == BARE:
        _get(port, "/untouched", None)
        return None
    _, cookie = _get(port, "/new", None)
    _, changed = _get(port, "/write", cookie)
    body, _ = _get(port, "/seen", changed or cookie)
    expected, given = DATA | {"n": 4}, json.loads(body)
    if given != expected:
        raise AssertionError(f"{name}: expected {expected}, got {given}")
    return cookie


def _get(port: int, path: str, cookie: str | None) -> tuple[bytes, str | None]:
    """Return the body, and the cookie that it set."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        body, line = answer.read(), answer.getheader("Set-Cookie")
        if answer.status != 200:
            raise AssertionError(f"{path}: expected 200, got {answer.status}")
        return body, line.split(";")[0] if line else None
    finally:
        connection.close()
