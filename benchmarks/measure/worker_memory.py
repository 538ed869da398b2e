"""The memory of gunicorn's workers while they answer many requests: it must not grow.

Requests leave the session untouched, read it, write it, and begin a new one, in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import NamedTuple

from benchmarks.apps.throughput_apps import BARE
from benchmarks.measure.load import make_request, send
from benchmarks.measure.processes import Memory, memory
from benchmarks.measure.served import Served

WORKS = ("untouched", "read", "write", "new")
_WARM_UP = 0.05  # of the requests; caches are full by then, and every code path has run


class Point(NamedTuple):
    """The memory of each worker after so many requests."""

    requests: int
    workers: list[Memory]


def _requests(name: str, served: Served) -> Iterator[bytes]:
    works = WORKS[:1] if name == BARE else WORKS
    cookies = [None if work == "new" else served.cookie for work in works]
    pairs = zip(works, cookies)
    return cycle([make_request(served.port, f"/{work}", cookie) for work, cookie in pairs])


def measure_memory(name: str, served: Served, requests: int) -> list[Point]:
    """Return the memory after the warm-up, half way, and at the end."""
    endless, points, sent = _requests(name, served), [], 0
    workers = served.workers()
    for until in (int(requests * _WARM_UP), requests // 2, requests):
        send(served.port, islice(endless, until - sent))
        sent = until
        points.append(Point(sent, [memory(pid) for pid in workers]))
    if served.workers() != workers:
        raise RuntimeError(f"{name}: gunicorn has replaced a worker")
    return points


def show_memory(table: dict[str, list[Point]]) -> str:
    """Return a table of megabytes, with a row for each worker."""
    first = next(iter(table.values()))
    counts = " | ".join(f"after {point.requests:,}" for point in first)
    lines = [
        f"| RSS (PSS), MB | {counts} | growth in the second half, kB (PSS) |",
        "|---" * (len(first) + 2) + "|",
    ]
    for name, points in table.items():
        for number in range(len(points[0].workers)):
            row = [point.workers[number] for point in points]
            cells = [f"{each.rss / 1e6:.1f} ({each.pss / 1e6:.1f})" for each in row]
            grown = [(row[-1][kind] - row[-2][kind]) / 1e3 for kind in (0, 1)]
            cells.append(f"{grown[0]:.0f} ({grown[1]:.0f})")
            lines.append(f"| {name}, worker {number + 1} | {' | '.join(cells)} |")
    return "\n".join(lines)
