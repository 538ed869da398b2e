"""What a session costs among a million others: the time of a read, and the bytes that each takes.

    python -m benchmarks scale [--sessions N] [STORE ...]

Sessions of 200 bytes are created through the store itself; then reads of random ones are timed in rounds that alternate between a store
with 1,000 sessions and one with all; all are read once before, so that they are where the system keeps what is in use. Bytes are those of the file (sqlite), of the server's memory (valkey), of this process (memory).
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import psutil
import redis

from ringsession import memory_store, redis_store, sqlite_store
from ringsession.codec import encode
from ringsession.stores import Lifetime
from tests import servers

RECORD = encode({"user": "ann", "text": "x" * 170})
FEW = 1_000


class Place(NamedTuple):
    """An empty store, and how many bytes it has taken so far."""

    store: Any
    taken: Callable[[], int]


@contextmanager
def _memory() -> Iterator[Place]:
    yield Place(memory_store(), lambda: psutil.Process().memory_info().rss)


@contextmanager
def _sqlite() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sessions.db")
        with closing(sqlite_store(path)) as store:
            yield Place(store, lambda: os.stat(path).st_size)


@contextmanager
def _valkey() -> Iterator[Place]:
    server = servers.valkey()
    try:
        server.start()
        with redis.Redis(port=server.port) as client:
            store = redis_store(f"redis://127.0.0.1:{server.port}/0")
            yield Place(store, lambda: int(client.info("memory")["used_memory"]))
    finally:
        server.stop()


_OPEN: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "valkey": _valkey,
}


def _key(number: int) -> str:
    return random.Random(number).randbytes(32).hex()  # as evenly spread as hashes are


def fill(store: Any, count: int) -> float:
    """Create so many sessions; the longest that one took, in milliseconds."""
    longest = 0.0
    for number in range(count):
        record = f"{RECORD} "[:-1]  # a text of its own, as every session has
        begin = perf_counter()
        store.create(_key(number), record, Lifetime())
        longest = max(longest, perf_counter() - begin)
    return longest * 1000


def read(store: Any, keys: list[str]) -> float:
    """Microseconds for each of these reads."""
    begin = perf_counter()
    for key in keys:
        assert store.load(key)
    return (perf_counter() - begin) / len(keys) * 1e6


def measure(name: str, sessions: int, rounds: int = 100, reads: int = 200) -> str:
    """A line on one store."""
    choice = random.Random(1)
    with ExitStack() as stack:
        few, many = (stack.enter_context(_OPEN[name]()) for _ in range(2))
        fill(few.store, FEW)
        empty = many.taken()
        longest = fill(many.store, sessions)
        size = (many.taken() - empty) / sessions
        read(many.store, [_key(number) for number in range(sessions)])
        times: list[tuple[float, float]] = []
        for _ in range(rounds):
            among_few = [_key(choice.randrange(FEW)) for _ in range(reads)]
            among_many = [_key(choice.randrange(sessions)) for _ in range(reads)]
            times.append((read(few.store, among_few), read(many.store, among_many)))
    small, large = (statistics.median(column) for column in zip(*times))
    return (
        f"{name}: a read takes {small:.1f} us among {FEW:,} sessions and {large:.1f} us among {sessions:,},"
        f" {large / small:.2f} x (goal 1.5); {size:.0f} bytes a session; the longest creation took {longest:.1f} ms"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each store."""
    parser = argparse.ArgumentParser("python -m benchmarks scale", description=__doc__)
    parser.add_argument("stores", nargs="*", metavar="STORE", help=f"of {', '.join(_OPEN)}")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    for name in options.stores or _OPEN:
        print(measure(name, options.sessions), flush=True)


if __name__ == "__main__":
    main()
