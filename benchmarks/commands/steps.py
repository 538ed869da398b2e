"""What each step of a request costs, and what its unavoidable parts take by themselves; in
microseconds.

    python -m benchmarks steps [--rounds N]

Stacks around a bare WSGI app that differ by one layer, and then by what the app does to its
session, in interleaved rounds in one
process: what a stack takes over the bare app, and over the row before it in the same round
(medians). The parts run in a loop, which keeps them in the processor's caches as no request does.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter, time
from typing import Any

from benchmarks.commands.overhead import (
    CALLS,
    DATA,
    Environ,
    make_environ,
    new,
    read,
    seconds,
    session_cookie,
    untouched,
    write,
)
from ringsession import (
    cookie_store,
    from_wsgi,
    memory_store,
    to_wsgi,
    wrap_cookies,
    wrap_flash,
    wrap_session,
)
from ringsession.stores.cookie.seal import Keyring, Opened, open_sealed, seal
from ringsession.codec import decode, encode
from ringsession.middleware.cookies import find_cookie
from ringsession.stores import Lifetime
from ringsession.stores.server_side import hash_id

KEY = "benchmark-key-of-32-characters!!"
App = Callable[..., Any]


def stacks(store: Any) -> tuple[list[tuple[str, App]], Environ]:
    """Each with a step more than the one before; and an environ with a session's cookie."""

    def around(app: App) -> App:
        return to_wsgi(wrap_cookies(wrap_session(wrap_flash(from_wsgi(app)), store=store)))

    plain = from_wsgi(untouched)
    found = [
        ("`to_wsgi(from_wsgi(app))`", to_wsgi(lambda request: plain(request))),
        ("`wrap_cookies`", to_wsgi(wrap_cookies(plain))),
        ("`wrap_session`", to_wsgi(wrap_cookies(wrap_session(plain, store=store)))),
        ("`wrap_flash`: an untouched request", around(untouched)),
        ("cookie found, session loaded and decoded: a read", around(read)),
        ("change found, encoded, stored: a write", around(write)),
    ]
    return found, make_environ(session_cookie(around(new), make_environ(None)))


def measure(store: Any, rounds: int) -> dict[str, tuple[float, float]]:
    """row -> what it takes over the bare app, and over the row before it."""
    rows, environ = stacks(store)
    times = []
    for _ in range(rounds):
        bare = seconds(untouched, environ)
        nets = [0.0, *(seconds(app, environ) - bare for _, app in rows)]
        times.append([(net, net - before) for before, net in zip(nets, nets[1:])])
    result = {}
    for (name, _), column in zip(rows, zip(*times)):
        net, more = (statistics.median(figures) / CALLS * 1e6 for figures in zip(*column))
        result[name] = net, more
    return result


def parts() -> dict[str, float]:
    """What no session on that store can do without, the way that it is done here."""
    value, record, keyring = "x" * 43, encode(DATA), Keyring(KEY)
    header = make_environ(f"ring-session={value}")["HTTP_COOKIE"]
    key, store, now = hash_id(value, "ring-session") or "", memory_store(), int(time() * 1000)
    store.create(key, record, Lifetime())
    contents = Opened(False, b"i" * 16, now, 0, 0, now, now, 1_800_000, 0, record[1:].encode())
    sealed = seal(keyring, "ring-session", contents)
    calls: dict[str, Callable[[], object]] = {
        "find the cookie in its header": lambda: find_cookie(header, "ring-session"),
        "check an id and hash it": lambda: hash_id(value, "ring-session"),
        "load from memory": lambda: store.load(key),
        "decode a session": lambda: decode(record),
        "encode a session": lambda: encode(DATA),
        "open a sealed cookie": lambda: open_sealed(keyring, "ring-session", sealed, now=now),
        "seal a cookie": lambda: seal(keyring, "ring-session", contents),
    }
    return {name: _microseconds(call) for name, call in calls.items()}


def _microseconds(call: Callable[[], object], calls: int = 1000, rounds: int = 21) -> float:
    times = []
    for _ in range(rounds):
        begin = perf_counter()
        for _ in range(calls):
            call()
        times.append(perf_counter() - begin)
    return statistics.median(times) / calls * 1e6


def main(arguments: list[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser("python -m benchmarks steps", description=__doc__)
    parser.add_argument("--rounds", type=int, default=150)
    options = parser.parse_args(arguments)
    memory = measure(memory_store(), options.rounds)
    sealed = measure(cookie_store(KEY), options.rounds)
    print("| step | memory | of it, this step | sealed | of it, this step |\n|---|---|---|---|---|")
    for name, figures in memory.items():
        cells = (f"{figure:.1f}" for figure in (*figures, *sealed[name]))
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| part | by itself |\n|---|---|")
    for name, taken in parts().items():
        print(f"| {name} | {taken:.1f} |")
