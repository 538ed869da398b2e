"""What the layers cost: net microseconds a request over the bare app, for each kind of work and
store.

    python -m benchmarks overhead [--rounds N] [--json FILE] [--memory]

Interleaved rounds in one process; the net is the median, over rounds, of (wrapped - bare) in the
same round, each by its median call. `control` is the bare app against itself. The first line has
the time of `json.dumps` of the same session, by which runs on two machines can be compared.
`--memory` measures instead what a stored session of 200 bytes costs the memory store.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

from ringsession import assoc_in, cookie_store, memory_store, site_defaults
from ringsession import wrap_defaults
from ringsession.codec import encode
from ringsession.stores import Lifetime

DATA = {
    "user": "ann",
    "name": "Ann Example",
    "n": 3,
    "cart": [1, 2, 3],
    "seen": True,
    "theme": "dark",
}
# About 1 kB, the same session with what was ordered.
LARGE = DATA | {
    "orders": [
        {"id": 1000 + n, "name": f"Article {n}", "price": 19.5 + n, "paid": n % 2 == 0}
        for n in range(16)
    ]
}
CALLS = 200

Environ = dict[str, Any]


def untouched(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def read(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    if "ringsession.session" in environ:
        environ["ringsession.session"]["user"]
    return untouched(environ, start_response)


def write(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    if "ringsession.session" in environ:
        environ["ringsession.session"]["n"] += 1
    return untouched(environ, start_response)


def new(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    if "ringsession.session" in environ:
        environ["ringsession.session"].update(DATA)
    return untouched(environ, start_response)


APPS = {"untouched": untouched, "read": read, "write": write, "new": new}


def make_environ(cookie: str | None) -> Environ:
    """What a server hands over for a browser's request."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/cart/items",
        "QUERY_STRING": "page=2",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
        "HTTP_CONNECTION": "keep-alive",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if cookie is not None:
        environ["HTTP_COOKIE"] = f"theme=dark; {cookie}; _ga=GA1.1.1234567890"
    return environ


def session_cookie(app: Callable[..., Any], environ: Environ) -> str | None:
    """The session's cookie in the answer, as a client sends it back."""
    found: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        found.extend(value for name, value in headers if name == "Set-Cookie")

    list(app(dict(environ), start_response))
    return found[-1].split(";")[0] if found else None


def seconds(app: Callable[..., Any], environ: Environ) -> float:
    """Return CALLS times the median call, which no other program has interrupted.

    Each call has an environ that was just made, as a server's is.
    """

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        pass

    def call() -> None:
        for _ in app(dict(environ), start_response):
            pass

    return _seconds(call)


def _seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(CALLS):
        begin = perf_counter()
        call()
        times.append(perf_counter() - begin)
    return statistics.median(times) * CALLS


def configs() -> dict[str, Any]:
    """One config for each store: cookies, session and flash."""
    only = {"cookies": True, "session": site_defaults["session"]}
    return {
        "memory": assoc_in(only, ["session", "store"], memory_store()),
        "cookie": assoc_in(
            only, ["session", "store"], cookie_store("benchmark-key-of-32-characters!!")
        ),
    }


def cells() -> dict[tuple[str, str], tuple[Callable[..., Any], Callable[..., Any], Environ]]:
    """(store, work) -> (bare app, wrapped app, environ)."""
    made = {}
    for store, config in configs().items():
        cookie = session_cookie(wrap_defaults(new, config), make_environ(None))
        for work, app in APPS.items():
            environ = make_environ(None if work == "new" else cookie)
            made[store, work] = (app, wrap_defaults(app, config), environ)
    cookie = session_cookie(wrap_defaults(new, site_defaults), make_environ(None))
    made["site_defaults", "untouched"] = (untouched, wrap_defaults(untouched), make_environ(cookie))
    made["control", "bare"] = (untouched, untouched, make_environ(None))
    return made


def dump() -> float:
    """Return CALLS times the work by which machines are compared, in seconds."""
    return _seconds(lambda: json.dumps(DATA))


def measure(rounds: int) -> tuple[dict[str, dict[str, float]], float]:
    """Net microseconds for each store and work, and those of the reference."""
    table = cells()
    nets: dict[tuple[str, str], list[float]] = {cell: [] for cell in table}
    dumps = []
    for _ in range(rounds):
        dumps.append(dump())
        for cell, (bare, wrapped, environ) in table.items():
            nets[cell].append(seconds(wrapped, environ) - seconds(bare, environ))
    result: dict[str, dict[str, float]] = {}
    for (store, work), values in nets.items():
        result.setdefault(store, {})[work] = statistics.median(values) / CALLS * 1e6
    return result, statistics.median(dumps) / CALLS * 1e6


def bytes_per_session(count: int = 50_000) -> float:
    """What a session of 200 bytes costs in the memory store, by tracemalloc."""
    record = encode({"user": "ann", "text": "x" * 170})
    keys = [f"{number:064x}" for number in range(count)]
    tracemalloc.start()
    store = memory_store()
    for key in keys:
        store.create(key, (record + " ")[:-1], Lifetime())
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / count


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", metavar="FILE", type=Path)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args(arguments)
    if options.memory:
        print(f"memory_store: {bytes_per_session():.0f} bytes a session of 200 bytes")
        return
    result, reference = measure(options.rounds)
    if options.json:
        written = json.dumps({"net_us": result, "reference_us": reference}, indent=2)
        options.json.write_text(written + "\n")
    print(f"json.dumps of the session: {reference:.1f} us")
    print(f"{'store':14} {'work':10} {'net us':>7}")
    for store, works in result.items():
        for work, net in works.items():
            print(f"{store:14} {work:10} {net:7.1f}")


if __name__ == "__main__":
    main()
