"""How long requests take while expired sessions are swept from a store under full load.

    python -m benchmarks sweep [--expired N] [--live N] [--workers N] [--rounds N] [STORE ...]

Each worker is a process that reads and writes random live sessions without a pause: four reads
(`load`) for each write (`load` and `patch`). One more process first sleeps, then counts without
touching the store, and then runs `sweep` until every expired session is gone. The counting tells
what another busy process costs the workers, whatever it does. Each figure is the median of the
rounds, and each round fills the store anew. A minute for each store.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any, NamedTuple

import sqlalchemy

from benchmarks.measure.arguments import add_names
from ringsession import open_store, sql_store
from ringsession.codec import encode
from ringsession.stores import Change, Details, Lifetime
from tests import servers

PHASES = ("alone", "beside a busy process", "beside the sweep")
READS_PER_WRITE = 4
SECONDS = 2.0  # of each phase but the last, which ends with the sweep
_RECORDS = [encode({"user": "ann", "n": n, "text": "x" * 160}) for n in (1, 2)]
_LIFETIME = Lifetime(86_400, None)


class Place(NamedTuple):
    """An empty store, which another process can open as well."""

    kind: str
    url: str


@contextmanager
def _sqlite() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        yield Place("sqlite", f"sqlite:///{Path(folder, 'sessions.db')}")


@contextmanager
def _sql(kind: str) -> Iterator[Place]:
    server = getattr(servers, kind)()
    try:
        server.start()
        with closing(sql_store(server.url)) as store:
            store.create_table()
        yield Place(kind, server.url)
    finally:
        server.stop()


_OPEN: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "sqlite": _sqlite,
    "postgresql": partial(_sql, "postgresql"),
    "mariadb": partial(_sql, "mariadb"),
}
_NEW_KEY = {
    "sqlite": "randomblob(32)",
    "postgresql": "md5(random()::text) || md5(random()::text)",
    "mariadb": "sha2(uuid(), 256)",
}


def fill(place: Place, live: int, expired: int) -> list[str]:
    """Replace all sessions by copies of one. Return the keys of the live ones."""
    engine = sqlalchemy.create_engine(place.url)
    with closing(open_store(place.url)) as store:
        table = sqlalchemy.Table("ringsession", sqlalchemy.MetaData(), autoload_with=engine)
        with engine.begin() as connection:
            connection.execute(table.delete())
        store.create("0" * 64, _RECORDS[0], _LIFETIME, Details("c" * 32))
    new: dict[str, Any] = {"key": sqlalchemy.text(_NEW_KEY[place.kind])}
    is_live = table.c.expires > 1
    # SQLAlchemy keeps the number of inserted rows only on demand.
    into = table.insert().execution_options(preserve_rowcount=True)
    with engine.begin() as connection:
        for missing, changed in (
            (live - 1, new),
            (expired, {**new, "expires": sqlalchemy.text("1")}),
        ):
            row = sqlalchemy.select(*(changed.get(c.name, c) for c in table.c)).where(is_live)
            while missing > 0:
                copy = into.from_select(list(table.c.keys()), row.limit(missing))
                missing -= connection.execute(copy).rowcount
        keys = connection.execute(sqlalchemy.select(table.c.key).where(is_live)).scalars().all()
    engine.dispose()
    return [key if isinstance(key, str) else key.hex() for key in keys]


class Request(NamedTuple):
    """One request of a worker."""

    begin: float
    seconds: float
    is_write: bool


def work(url: str, keys: list[str], ready: Any, over: Any, results: Any) -> None:
    """Read and write until the end, and report each request."""
    done: list[Request] = []
    chance = random.Random(keys[0])
    with closing(open_store(url)) as store:
        store.load(keys[0])
        ready.wait()
        while not over.is_set():
            for number in range(READS_PER_WRITE + 1):
                key, is_write = chance.choice(keys), number == READS_PER_WRITE
                begin, started = monotonic(), perf_counter()
                loaded = store.load(key)
                if is_write:
                    change = Change(loaded.record, _RECORDS[loaded.record == _RECORDS[0]])
                    if not store.patch(key, loaded.version, change):
                        raise AssertionError("patch: expected a live session")
                done.append(Request(begin, perf_counter() - started, is_write))
    results.put(done)


def _count_on(seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        pass


class Round(NamedTuple):
    """The requests of each phase, and what the sweep did."""

    requests: list[list[Request]]
    swept: int
    seconds: float


def run_round(place: Place, expired: int, live: int, workers: int) -> Round:
    """Fill the store, and let the workers run through all phases."""
    keys = fill(place, live, expired)
    with closing(open_store(place.url)) as store:
        spawn = multiprocessing.get_context("spawn")
        ready, over, results = spawn.Barrier(workers + 1), spawn.Event(), spawn.Queue()
        given = (place.url, keys, ready, over, results)
        processes = [spawn.Process(target=work, args=given, daemon=True) for _ in range(workers)]
        for process in processes:
            process.start()
        ready.wait(60)
        marks = [monotonic()]
        for phase in (partial(sleep, SECONDS), partial(_count_on, SECONDS)):
            phase()
            marks.append(monotonic())
        swept = store.sweep()
        marks.append(monotonic())
        over.set()
        done = [request for _ in processes for request in results.get(timeout=60)]
        for process in processes:
            process.join(60)
    if swept != expired:
        raise AssertionError(f"sweep: expected {expired} removed, got {swept}")
    parts = [
        [each for each in done if begin <= each.begin < end] for begin, end in zip(marks, marks[1:])
    ]
    return Round(parts, swept, marks[-1] - marks[-2])


def _figures(requests: list[Request]) -> tuple[float, float, float]:
    """Return the median, the 99th percentile and the longest, in milliseconds."""
    taken = sorted(each.seconds * 1000 for each in requests)
    return statistics.median(taken), taken[len(taken) * 99 // 100], taken[-1]


def show(name: str, rounds: list[Round]) -> Iterator[str]:
    """Yield the rows of the table for one store."""
    for is_write in (False, True):
        for number, phase in enumerate(PHASES):
            parts = [
                [r for r in each.requests[number] if r.is_write is is_write] for each in rounds
            ]
            found = [statistics.median(column) for column in zip(*map(_figures, parts))]
            cells = [name, ("read", "write")[is_write], phase, *(f"{one:.2f}" for one in found)]
            yield f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks sweep", description=__doc__)
    add_names(parser, "stores", "STORE", _OPEN)
    parser.add_argument("--expired", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    print("| store | request | the workers are | p50, ms | p99, ms | longest, ms |")
    print("|---" * 6 + "|")
    for name in options.stores or ["sqlite", "postgresql"]:
        with _OPEN[name]() as place:
            given = (place, options.expired, options.live, options.workers)
            rounds = [run_round(*given) for _ in range(options.rounds)]
        print("\n".join(show(name, rounds)))
        seconds = statistics.median(each.seconds for each in rounds)
        print(f"\n{name}: swept {rounds[0].swept:,} sessions in {seconds:.1f} s\n")
