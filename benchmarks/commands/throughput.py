"""Requests a second, and the slowest of a hundred, under gunicorn: a Flask app with each kind of
session and with none.

    python -m benchmarks throughput [--rounds N] [--seconds N] [--json FILE] [MODE ...]

Servers, Valkey and client share this machine, on loopback. In each mode all apps are served at
once, and loaded in turn; a figure is the median over rounds. Each app's session is seen to be kept
first. Needs benchmarks/requirements.txt, and better has wrk on PATH (Debian: apt-get install wrk):
without it Python threads ask, which take more of the machine from the servers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.measure.load import Load, client_name, load
from benchmarks.commands.overhead import DATA
from benchmarks.apps.throughput_apps import NAMES
from tests import servers
from tests.serving import free_port, running

MODES = {
    "sync": ["--worker-class", "sync", "--workers", "2"],
    "threads": ["--worker-class", "gthread", "--workers", "1", "--threads", "8"],
}
TITLES = {"sync": "2 sync workers", "threads": "1 worker, 8 threads"}
WORKS = ("untouched", "read", "write")
BARE = NAMES[0]
Table = dict[str, dict[str, dict[str, dict[str, float]]]]  # mode -> app -> work -> figures


def _get(port: int, path: str, cookie: str | None) -> tuple[bytes, str | None]:
    """The body, and the cookie that it set."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        body, line = answer.read(), answer.getheader("Set-Cookie")
        if answer.status != 200:
            raise AssertionError(f"{path}: expected 200, got {answer.status}")
        return body, line.split(";")[0] if line else None
    finally:
        connection.close()


def begin_session(name: str, port: int) -> str | None:
    """The cookie of a session that has been seen to be kept."""
    if name == BARE:
        return None
    _, cookie = _get(port, "/new", None)
    _, changed = _get(port, "/write", cookie)
    body, _ = _get(port, "/seen", changed or cookie)
    expected, given = DATA | {"n": 4}, json.loads(body)
    if given != expected:
        raise AssertionError(f"{name}: expected {expected}, got {given}")
    return cookie


@contextmanager
def serving(mode: str) -> Iterator[dict[str, int]]:
    """The port of each app's server."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = servers.valkey()
        stack.callback(server.stop)
        url = server.start().url
        ports = {}
        for name in NAMES:
            port = ports[name] = free_port()
            command = ["-m", "gunicorn", *MODES[mode], "--bind", f"127.0.0.1:{port}"]
            command += ["--log-level", "warning", "--graceful-timeout", "2"]
            app = f"benchmarks.apps.throughput_apps:make_app({name!r}, {url!r})"
            stack.enter_context(running([*command, app], port, folder))
        yield ports


def measure(mode: str, rounds: int, seconds: int) -> dict[str, dict[str, dict[str, float]]]:
    """app -> work -> its figures."""
    loads: dict[tuple[str, str], list[Load]] = {}
    with serving(mode) as ports:
        cookies = {name: begin_session(name, port) for name, port in ports.items()}
        for _ in range(rounds):
            for name, port in ports.items():
                for work in WORKS if name != BARE else WORKS[:1]:
                    given = load(port, f"/{work}", cookies[name], seconds)
                    loads.setdefault((name, work), []).append(given)
    table: dict[str, dict[str, dict[str, float]]] = {}
    for (name, work), runs in loads.items():
        rate, p99 = (statistics.median(column) for column in zip(*runs))
        figures = {"per_second": round(rate, 1), "p99_ms": round(p99, 2)}
        table.setdefault(name, {})[work] = figures
    return table


def show(table: Table) -> str:
    """Return the tables of docs/background/performance.md: requests a second, the share of the bare
    app's, and the p99.
    """
    lines = []
    for mode, apps in table.items():
        bare = apps[BARE][WORKS[0]]["per_second"]
        lines += ["", f"| {TITLES[mode]} | {' | '.join(WORKS)} |", "|---|---|---|---|"]
        for name, works in apps.items():
            cells = [
                f"{row['per_second']:.0f}/s ({row['per_second'] / bare:.2f}),"
                f" {row['p99_ms']:.1f} ms"
                for row in works.values()
            ]
            cells += [""] * (len(WORKS) - len(cells))
            lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines[1:])


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each mode."""
    parser = argparse.ArgumentParser("python -m benchmarks throughput", description=__doc__)
    parser.add_argument("modes", nargs="*", metavar="MODE", help=f"of {', '.join(MODES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each app and work, in a round")
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    table = {
        mode: measure(mode, options.rounds, options.seconds) for mode in options.modes or MODES
    }
    if options.json:
        written = {"client": client_name(), "throughput": table}
        options.json.write_text(json.dumps(written, indent=2) + "\n")
    print(f"requests a second (of those without a session), p99; load by {client_name()}\n")
    print(show(table))
