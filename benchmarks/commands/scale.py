"""What a session costs among a million others: the time of a read, and the bytes that each takes.

    python -m benchmarks scale [--sessions N] [STORE ...]

Sessions of 200 bytes are created through the store itself; then random ones are read in rounds that
alternate between a store with 1,000 sessions and one with all: by a request (net microseconds over
the bare app), and by the store's own `load`. SQLite's file is read once before, so that it is where
the system keeps what is in use. The clocks of memory and SQLite stand still, since a session's
first read in a minute moves its deadline too, which with a million sessions most reads would do.
Bytes are those of the file (sqlite), of the server's memory (valkey), of this process (memory). At
the end the memory store's sessions all expire, and the longest of the 10,000 creations that begin
to clear them away is told. Four to five minutes for all three.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import psutil
import redis

from benchmarks.commands.overhead import make_environ
from benchmarks.commands.overhead import read as read_app
from benchmarks.measure.arguments import add_names
from ringsession import assoc_in, memory_store, redis_store, site_defaults, sqlite_store
from ringsession import wrap_defaults
from ringsession.codec import encode
from ringsession.stores import Lifetime
from ringsession.stores.ids import hash_id
from tests import servers

RECORD = encode({"user": "ann", "text": "x" * 170})
LIFETIME = Lifetime()  # one for all, as a session layer has it
FEW = 1_000


class Place(NamedTuple):
    """Return an empty store, the bytes it takes so far, and a function that ends all sessions."""

    store: Any
    taken: Callable[[], int]
    expire: Callable[[], None] | None = None
    writers: int = 1  # threads that fill it


@contextmanager
def _memory() -> Iterator[Place]:
    clock = [0.0]

    def expire() -> None:
        clock[0] += 10_000

    store = memory_store(max_sessions=None, clock=lambda: clock[0])
    yield Place(store, lambda: psutil.Process().memory_info().rss, expire)


@contextmanager
def _sqlite() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sessions.db")
        with closing(sqlite_store(path, clock=lambda: 0.0)) as store:
            yield Place(store, lambda: len(path.read_bytes()))


@contextmanager
def _valkey() -> Iterator[Place]:
    server = servers.valkey()
    try:
        server.start()
        with redis.Redis(port=server.port) as client:
            store = redis_store(f"redis://127.0.0.1:{server.port}/0")
            yield Place(store, lambda: int(client.info("memory")["used_memory"]), writers=4)
    finally:
        server.stop()


_OPEN: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "valkey": _valkey,
}


def _id(number: int) -> str:
    """What a cookie holds."""
    return urlsafe_b64encode(sha256(b"%d" % number).digest()).decode().rstrip("=")


def _key(number: int) -> str:
    key = hash_id(_id(number), "ring-session")
    assert key is not None  # an id of ours is always well formed
    return key


def _create(store: Any, numbers: range) -> float:
    """Create these sessions; the longest that one took, in milliseconds."""
    longest = 0.0
    for number in numbers:
        key, record = _key(number), f"{RECORD} "[:-1]  # a text of its own, as every session has
        begin = perf_counter()
        assert store.create(key, record, LIFETIME)
        longest = max(longest, perf_counter() - begin)
    return longest * 1000


def _fill(place: Place, sessions: int) -> None:
    shares = [range(first, sessions, place.writers) for first in range(place.writers)]
    with ThreadPoolExecutor(place.writers) as threads:
        list(threads.map(partial(_create, place.store), shares))


class _Reader:
    """Reads random sessions of a store that has so many."""

    def __init__(self, store: Any, sessions: int) -> None:
        only = {"cookies": True, "session": site_defaults["session"]}
        self._app = wrap_defaults(read_app, assoc_in(only, ["session", "store"], store))
        self._load = store.load
        self._choice = random.Random(1)
        self._sessions = sessions

    def _some(self, count: int) -> list[int]:
        return [self._choice.randrange(self._sessions) for _ in range(count)]

    def by_requests(self, count: int) -> float:
        """Net microseconds a request."""
        environs = [make_environ(f"ring-session={_id(number)}") for number in self._some(count)]
        plain = [dict(environ) for environ in environs]
        times = []
        for app, asked in ((self._app, environs), (read_app, plain)):
            begin = perf_counter()
            for environ in asked:
                for _ in app(environ, lambda status, headers: None):
                    pass
            times.append(perf_counter() - begin)
        return (times[0] - times[1]) / count * 1e6

    def by_load(self, count: int) -> float:
        """Microseconds a call of the store's own."""
        keys = [_key(number) for number in self._some(count)]
        begin = perf_counter()
        for key in keys:
            assert self._load(key)
        return (perf_counter() - begin) / count * 1e6


class Scale(NamedTuple):
    """A figure among few sessions and one among many, for a request and for `load`; what a session
    takes.
    """

    request: tuple[float, float]
    load: tuple[float, float]
    size: float  # bytes
    pause: float | None  # ms, the longest creation while all others expire


def measure(name: str, sessions: int, rounds: int = 100, reads: int = 100) -> Scale:
    """What this store costs among so many."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(_OPEN[name]()) for _ in range(2))
        _fill(few, FEW)
        empty = many.taken()
        _fill(many, sessions)
        size = (many.taken() - empty) / sessions
        readers = _Reader(few.store, FEW), _Reader(many.store, sessions)
        times: dict[str, list[tuple[float, ...]]] = {"by_requests": [], "by_load": []}
        for _ in range(rounds):
            for way, column in times.items():
                column.append(tuple(getattr(reader, way)(reads) for reader in readers))
        pause = None
        if many.expire is not None:
            many.expire()
            gc.freeze()  # a collection among so many objects is a pause of another kind
            pause = _create(many.store, range(sessions, sessions + 10_000))
    request, load = (
        (statistics.median(small), statistics.median(large))
        for small, large in (zip(*column) for column in times.values())
    )
    return Scale(request, load, size, pause)


def show(name: str, sessions: int, scale: Scale) -> str:
    """A line on one store."""
    ways = [
        f"{way} takes {small:.1f} us among {FEW:,} sessions and {large:.1f} us among {sessions:,},"
        f" {large / small:.2f} x"
        for way, (small, large) in (
            ("a request that reads", scale.request),
            ("`load`", scale.load),
        )
    ]
    pause = (
        ""
        if scale.pause is None
        else f"; the longest creation among expired ones took {scale.pause:.1f} ms"
    )
    return f"{name}: {'; '.join(ways)}; {scale.size:.0f} bytes a session{pause}"


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each store."""
    parser = argparse.ArgumentParser("python -m benchmarks scale", description=__doc__)
    add_names(parser, "stores", "STORE", _OPEN)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    for name in options.stores or _OPEN:
        print(show(name, options.sessions, measure(name, options.sessions)), flush=True)


if __name__ == "__main__":
    main()
