"""What a read and a write of the Redis store cost, beside the least that the client library can do.

    python -m benchmarks redis_floor [--rounds N] [--calls N]

The floor's read is a GET, its write a GET and a SET with EX, of the same record. The store's read
is `load`, its write `load` and `patch`. Ratios are medians over interleaved rounds in one process.
The server's own time comes from INFO commandstats.
The library uses hiredis or libvalkey where they are installed.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from time import perf_counter
from typing import Any

import redis
import valkey

from ringsession import redis_store
from ringsession.codec import encode
from ringsession.stores import Change, Details, Lifetime
from tests import servers

SIZES = {"200 bytes": 200, "9 kB": 9000}
LIBRARIES = {"redis": redis.Redis, "valkey": valkey.Valkey}


def make_record(size: int, number: int) -> str:
    """Return a record of a size, with a number in it that is another one after each write."""
    record = encode({"user": 17, "n": 100_000 + number % 100_000, "filling": ""})
    return f"{record[:-2]}{'x' * (size - len(record))}{record[-2:]}"


class Pair:
    """A store and a floor on one server."""

    def __init__(self, kind: str, port: int, size: int) -> None:
        self.client = LIBRARIES[kind](port=port, socket_timeout=5)
        self.store = redis_store(LIBRARIES[kind](port=port, socket_timeout=5))
        self.key = secrets.token_hex(32)
        self._texts = (make_record(size, number) for number in count())
        self._record = next(self._texts)
        self.store.create(self.key, self._record, Lifetime(), Details("c" * 32))
        self.client.set(f"floor:{self.key}", self._record.encode(), ex=1800)

    def floor_read(self) -> None:
        self.client.get(f"floor:{self.key}").decode()

    def floor_write(self) -> None:
        self.client.get(f"floor:{self.key}").decode()
        self.client.set(f"floor:{self.key}", next(self._texts).encode(), ex=1800)

    def read(self) -> None:
        self.store.load(self.key)

    def write(self) -> None:
        loaded = self.store.load(self.key)
        self.store.patch(self.key, loaded.version, Change(loaded.record, next(self._texts)))

    def octets(self) -> int:
        """Return the bytes that the session takes in the server."""
        return int(self.client.memory_usage(f"ringsession:{self.key}"))

    def close(self) -> None:
        self.store.close()
        self.client.close()


def _microseconds(call: Callable[[], None], calls: int) -> float:
    begin = perf_counter()
    for _ in range(calls):
        call()
    return (perf_counter() - begin) / calls * 1e6


def _measure(pair: Pair, rounds: int, calls: int) -> dict[str, float]:
    names = ("floor_read", "read", "floor_write", "write")
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            times[name].append(_microseconds(getattr(pair, name), calls))
    figures = {name: statistics.median(taken) for name, taken in times.items()}
    for name in ("read", "write"):
        ratios = [one / floor for one, floor in zip(times[name], times[f"floor_{name}"])]
        figures[f"{name} ratio"] = statistics.median(ratios)
    return figures


def _server_time(pair: Pair, name: str, calls: int) -> float:
    """Return the microseconds of the server's commands for one call."""
    pair.client.config_resetstat()
    for _ in range(calls):
        getattr(pair, name)()
    stats = pair.client.info("commandstats")
    asked = [row["usec"] for key, row in stats.items() if key.split("_")[1] in _OURS]
    return float(sum(asked)) / calls


_OURS = ("get", "time", "echo", "evalsha")


@contextmanager
def _started(kind: str) -> Iterator[Any]:
    server = getattr(servers, kind)()
    try:
        yield server.start()
    finally:
        server.stop()


def measure(kind: str, size: int, rounds: int, calls: int = 100) -> dict[str, float]:
    """Return the microseconds of the store, the floor and the server, and a session's bytes."""
    with _started(kind) as server:
        pair = Pair(kind, server.port, size)
        figures = _measure(pair, rounds, calls)
        for name in ("read", "write"):
            figures[f"server {name}"] = _server_time(pair, name, 2000)
        figures["bytes"] = pair.octets()
        pair.close()
    return figures


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks redis_floor", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--calls", type=int, default=100)
    options = parser.parse_args(arguments)
    fast = [name for name in ("hiredis", "libvalkey") if find_spec(name) is not None]
    print(f"parsers in C: {', '.join(fast) or 'none'}\n")
    print(
        "| server, client | session | read, us (floor) | ratio | write, us (floor) | ratio"
        " | server's time, read / write, us | bytes |"
    )
    print("|---" * 8 + "|")
    for kind in LIBRARIES:
        for name, size in SIZES.items():
            figures = measure(kind, size, options.rounds, options.calls)
            cells = [
                f"{kind}, {kind}-py",
                name,
                f"{figures['read']:.0f} ({figures['floor_read']:.0f})",
                f"{figures['read ratio']:.2f}",
                f"{figures['write']:.0f} ({figures['floor_write']:.0f})",
                f"{figures['write ratio']:.2f}",
                f"{figures['server read']:.1f} / {figures['server write']:.1f}",
                f"{figures['bytes']:.0f}",
            ]
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
