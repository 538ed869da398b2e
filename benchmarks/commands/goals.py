"""Measure what benchmarks/goals.py has goals for, and judge each goal.

    python -m benchmarks goals [--json FILE] [PART ...]

A PART is one of the benchmarks that measure: peers, flask, redis_floor, stores, scale, imports. All
of them take about ten minutes, of which `scale` takes five. Needs benchmarks/requirements.txt and a
redis-server on PATH.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.commands import flask, imports, peers, redis_floor, scale, stores
from benchmarks.goals import GOALS, LOAD, OURS, READ, Figure, judge, show
from benchmarks.measure.arguments import add_names

SESSIONS = 1_000_000
Figures = dict[Figure, float]


def _peers() -> Figures:
    groups = [group for group in peers.GROUPS if group not in ("disk", "control")]
    table = peers.measure(groups, rounds=80, seconds=150)["net_us"]
    return {
        (group, name, work): net
        for group, rows in table.items()
        for name, works in rows.items()
        for work, net in works.items()
    }


def _flask() -> Figures:
    logging.disable()
    table = flask.measure(rounds=20)
    logging.disable(logging.NOTSET)
    return {
        ("Flask", name, work): net for name, works in table.items() for work, net in works.items()
    }


def _redis_floor() -> Figures:
    figures = redis_floor.measure("redis", redis_floor.SIZES["200 bytes"], rounds=60)
    return {
        ("Redis", "server", "its own time for a read"): figures["server read"],
        **{("Redis", "store", work): figures[work] for work in ("read", "write")},
        **{("Redis", "floor", work): figures[f"floor_{work}"] for work in ("read", "write")},
    }


def _stores() -> Figures:
    table = stores.measure(["sqlite", "valkey"], rounds=20)
    return {
        ("valkey", READ, "exchanges"): table["valkey"]["read"]["exchanges"],
        ("sqlite", "patch", "store"): table["sqlite"]["write"]["own"],
        ("sqlite", "patch", "bare UPDATE"): table["sqlite"]["write"]["bare"],
    }


def _scale() -> Figures:
    figures: Figures = {}
    sizes = (f"{scale.FEW:,} sessions", f"{SESSIONS:,} sessions")
    for store in ("memory", "sqlite", "valkey"):
        # A process of its own: bytes are read off it, and a million sessions leave its memory in
        # pieces.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            measured = process.submit(scale.measure, store, SESSIONS).result()
        for subject, times in ((READ, measured.request), (LOAD, measured.load)):
            figures |= {(store, subject, size): time for size, time in zip(sizes, times)}
        figures[store, "a session of 200 bytes", "bytes"] = measured.size
        if measured.pause is not None:  # milliseconds
            pause = (store, "longest new session while all expire", sizes[1])
            figures[pause] = measured.pause * 1000
    return figures


def _imports() -> Figures:
    measured = imports.measure(21)
    return {
        ("import", OURS, "ms"): measured.ours,
        ("import", "its two libraries", "ms"): measured.libraries,
    }


MEASURE: dict[str, Callable[[], Figures]] = {
    "peers": _peers,
    "flask": _flask,
    "redis_floor": _redis_floor,
    "stores": _stores,
    "scale": _scale,
    "imports": _imports,
}


def main(arguments: list[str] | None = None) -> None:
    """Print each goal, the number that was measured, and whether the goal is missed."""
    parser = argparse.ArgumentParser("python -m benchmarks goals", description=__doc__)
    add_names(parser, "parts", "PART", GOALS)
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    parts = options.parts or list(GOALS)
    results = [result for part in parts for result in judge(GOALS[part], MEASURE[part]())]
    if options.json:
        rows = [{**result._asdict(), "is_met": result.is_met} for result in results]
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    print(show(results))
