"""What a session costs here and elsewhere: net microseconds a request over the same stack without
sessions.

    python -m benchmarks peers [--rounds N] [--seconds N] [--json FILE] [GROUP ...]

Every peer is verified before and after: its counter has counted, its data come back. Rounds are
interleaved in one process. In a round, the net is the median of the calls with sessions less the
median of those without, so that a call which another program interrupted counts for nothing; a
figure is the median over rounds. Everything stands at its defaults; `control` is a stack against
itself, `floor` the hand-written least. Needs benchmarks/requirements.txt. A Valkey is started on
loopback; `taskset -c 0` before the command puts it and us on one core. `python -m benchmarks page`
writes what the file of `--json` holds into the page on performance.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from benchmarks.commands.overhead import CALLS as DUMPS, dump, make_environ
from benchmarks.apps.peer_apps import WORKS, App, Environ, Peer, Place
from benchmarks.measure.arguments import add_names
from tests import servers

GROUPS = ("cookie", "cookie, 1 kB", "memory", "redis", "disk", "site", "control")
CALLS = {"redis": 20, "disk": 20}  # in each round; where nothing is said
MOST_CALLS = 50
PACKAGES = (
    *("beaker", "cachelib", "cryptography", "django", "flask", "flask-session", "flask-talisman"),
    *("flask-wtf", "hiredis", "redis", "ringsession", "starlette", "werkzeug"),
)
Nets = dict[str, dict[str, dict[str, float]]]  # group -> peer -> work -> us


def _ignore(status: str, headers: Any, exc_info: Any = None) -> None:
    pass


def _call(app: App, environ: Environ) -> bytes:
    body = app(environ, _ignore)
    try:
        return b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()


class _Browser:
    """Asks an app, and keeps its cookies."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.jar: dict[str, str] = {}

    def environ(self, path: str) -> Environ:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        return make_environ(cookies or None) | {"PATH_INFO": path}

    def ask(self, path: str) -> bytes:
        body = self.app(self.environ(path), self._start_response)
        try:
            return b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def _start_response(self, status: str, headers: Any, exc_info: Any = None) -> None:
        if not status.startswith("200"):
            raise AssertionError(f"expected 200, got {status}")
        for name, value in headers:
            if isinstance(name, bytes):  # an ASGI app's
                name, value = name.decode(), value.decode()
            if name.lower() == "set-cookie":
                cookie, _, content = value.split(";")[0].partition("=")
                self.jar[cookie.strip()] = content


def verify(peer: Peer) -> _Browser:
    """A browser with a session of this peer's, which has been seen to keep what it should."""
    browser, plain = _Browser(peer.app), _Browser(peer.base)
    if peer.group != "control":
        browser.ask("/new")
        for _ in range(3):
            browser.ask("/write")
        expected, given = peer.data | {"n": 6}, json.loads(browser.ask("/seen"))
        if given != expected:
            raise AssertionError(f"{peer.group}, {peer.name}: expected {expected}, got {given}")
        other = _Browser(peer.app)
        other.ask("/untouched")
        if other.jar:
            raise AssertionError(f"{peer.group}, {peer.name}: a cookie for nothing: {other.jar}")
    for work in WORKS:
        answers = browser.ask(f"/{work}"), plain.ask(f"/{work}")
        if answers != (b"ok", b"ok"):
            raise AssertionError(f"{peer.group}, {peer.name}, {work}: expected ok, got {answers}")
    return browser


def verify_again(peer: Peer, browser: _Browser, writes: int) -> None:
    """After the rounds: its session holds every write, or, where it lives in the cookie, what this
    cookie held.
    """
    if peer.group != "control":
        expected = [peer.data | {"n": n} for n in (7, 7 + writes)]
        given = json.loads(browser.ask("/seen"))
        if given not in expected:
            raise AssertionError(f"{peer.group}, {peer.name}: expected {expected}, got {given}")


class _Cell(NamedTuple):
    """One work of one peer."""

    peer: Peer
    work: str
    environ: Environ
    calls: int

    def net(self, turn: int) -> float:
        """Microseconds a request over the base; the two take turns at being first."""
        pair = [self.peer.app, self.peer.base]
        taken = {}
        for index in (turn % 2, 1 - turn % 2):
            _call(pair[index], dict(self.environ))  # brings it back into the caches
            times = []
            for environ in [dict(self.environ) for _ in range(self.calls)]:
                begin = perf_counter()
                _call(pair[index], environ)
                times.append(perf_counter() - begin)
            taken[index] = statistics.median(times)
        return (taken[0] - taken[1]) * 1e6


@contextmanager
def open_peers(groups: list[str]) -> Iterator[list[Peer]]:
    """All peers of these groups, with a server and a folder for what they keep."""
    names = ("apps", "floors", "apps_flask", "apps_django", "apps_starlette")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = servers.valkey()
        stack.callback(server.stop)
        place = Place(folder, server.start().url)
        modules = [import_module(f"benchmarks.apps.peer_{name}") for name in names]
        found = [stack.enter_context(module.open_peers(place)) for module in modules]
        peers = [peer for part in found for peer in part if peer.group in groups]
        yield sorted(peers, key=lambda peer: GROUPS.index(peer.group))


def _processor() -> str:
    """Return the number and the name of this machine's processors."""
    known = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", known.read_text()) if known.exists() else None
    return f"{os.cpu_count()} x {named[1] if named else platform.processor()}"


def measure(groups: list[str], rounds: int, seconds: float) -> dict[str, Any]:
    """What `--json` writes."""
    with open_peers(groups) as peers:
        browsers = [(peer, verify(peer)) for peer in peers]  # each has written 4 times
        cells = [
            _Cell(peer, work, browser.environ(f"/{work}"), CALLS.get(peer.group, MOST_CALLS))
            for peer, browser in browsers
            for work in WORKS
        ]
        times: list[list[float]] = [[] for _ in cells]
        dumps: list[float] = []
        end = monotonic() + seconds
        while len(dumps) < rounds and monotonic() < end:
            dumps.append(dump() / DUMPS * 1e6)
            for cell, nets in zip(cells, times):
                nets.append(cell.net(len(dumps)))
        for peer, browser in browsers:
            calls = CALLS.get(peer.group, MOST_CALLS) + 1  # with the one that warms
            verify_again(peer, browser, len(dumps) * calls)
    table: Nets = {}
    for cell, nets in zip(cells, times):
        row = table.setdefault(cell.peer.group, {}).setdefault(cell.peer.name, {})
        row[cell.work] = round(statistics.median(nets), 2)
    return {
        "net_us": table,
        "reference_us": round(statistics.median(dumps), 2),
        "rounds": len(dumps),
        "date": date.today().isoformat(),
        "processor": _processor(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }


def show(table: Nets) -> str:
    """Return a table of all figures. Its ratios are to a group's first row."""
    lines = ["| sessions in | peer | untouched | read | write | read, × ours | write, × ours |"]
    lines.append("|---|---|---|---|---|---|---|")
    for group, peers in table.items():
        ours = next((peers[name] for name in peers if name.startswith("ringsession")), None)
        for name, row in peers.items():
            ratios = ["" if ours is None else f"{row[w] / ours[w]:.1f}" for w in ("read", "write")]
            cells = [group, name, *(f"{row[work]:.1f}" for work in WORKS), *ratios]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks peers", description=__doc__)
    add_names(parser, "groups", "GROUP", GROUPS)
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=270, help="no round begins after these")
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    result = measure(options.groups or list(GROUPS), options.rounds, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    print(
        f"net us a request, {result['rounds']} rounds, Python {result['python']};"
        f" json.dumps of the session: {result['reference_us']} us\n"
    )
    print(show(result["net_us"]))
    print("\n" + ", ".join(f"{name} {number}" for name, number in result["versions"].items()))
