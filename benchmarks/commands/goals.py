"""Measure what a session costs, and print each figure beside the goal for it.

    python -m benchmarks goals [--json FILE]

One run of `overhead`, `peers`, `stores` (SQLite, Valkey), `scale` (memory) and `imports`, three to
four minutes. docs/background/performance.md shows the figures of one run, without the goals. A goal
in microseconds is multiplied by what `json.dumps` of the session takes here over what it took where
the goals were set; ratios, counts and bytes stand as they are. Needs benchmarks/requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.commands import imports, overhead, peers, scale, stores

SESSIONS = 1_000_000
_SITE, _DJANGO = "ringsession, site_defaults", "Django's default middleware"

# (what, group of `peers`, ours, other, work, most): ours at most so many times the other.
_BESIDE = (
    ("`site_defaults`, untouched, beside Django's", "site", _SITE, _DJANGO, "untouched", 0.5),
    ("memory, read, beside Beaker's", "memory", "ringsession", "Beaker", "read", 0.45),
    ("memory, write, beside Beaker's", "memory", "ringsession", "Beaker", "write", 0.6),
    ("sealed, read, beside Starlette's signed", "cookie", "ringsession", "Starlette", "read", 1),
    ("sealed, write, beside Starlette's signed", "cookie", "ringsession", "Starlette", "write", 1),
    ("sealed 1 kB, read, beside its floor", "cookie, 1 kB", "ringsession", "floor", "read", 2),
    ("sealed 1 kB, write, beside its floor", "cookie, 1 kB", "ringsession", "floor", "write", 2),
)
_STORES = {"memory": "memory", "cookie": "sealed", "site_defaults": "`site_defaults`"}


class Goal(NamedTuple):
    """At most so much of a unit; `factor` is by how much this machine is slower, 1 where that does
    not matter.
    """

    what: str
    most: float
    got: float
    unit: str = " x"
    factor: float = 1

    @property
    def is_met(self) -> bool:
        return self.got <= self.most * self.factor

    def row(self) -> str:
        """Its line of the table."""
        most = f"{self.most:g}{self.unit}"
        if self.factor != 1:
            most += f" (here {self.most * self.factor:.1f})"
        digits = 2 if self.unit == " x" else 1
        result = "met" if self.is_met else "missed"
        return f"| {self.what} | {most} | {self.got:.{digits}f} | {result} |"


def _overhead(nets: dict[str, dict[str, float]], factor: float) -> Iterator[Goal]:
    for store, works in overhead.GOALS.items():
        for work, most in works.items():
            yield Goal(f"{_STORES[store]}, {work}", most, nets[store][work], " us", factor)


def _beside(nets: peers.Nets) -> Iterator[Goal]:
    for what, group, ours, other, work, most in _BESIDE:
        yield Goal(what, most, nets[group][ours][work] / nets[group][other][work])


def _on_stores(table: dict[str, dict[str, stores.Row]], factor: float) -> Iterator[Goal]:
    read = table["valkey"]["read"]
    yield Goal("Redis, read, commands", 1, read["exchanges"], "")
    yield Goal("Redis, read, beside a bare GET", 1.3, read["us"] / read["bare"])
    for work, most in (("read", 30), ("write", 60)):
        yield Goal(f"SQLite, {work}", most, table["sqlite"][work]["us"], " us", factor)


def _at_scale(measured: scale.Scale) -> Iterator[Goal]:
    few, many = measured.request
    yield Goal(f"memory, read, {SESSIONS:,} beside {scale.FEW:,} sessions", 1.3, many / few)
    yield Goal("memory, a session of 200 bytes", 650, measured.size, " bytes")
    if measured.pause is not None:
        yield Goal("memory, longest pause while sessions expire", 5, measured.pause, " ms")


def measure() -> tuple[list[Goal], float]:
    """All goals; and `json.dumps` of the session, in microseconds."""
    nets, reference = overhead.measure(rounds=200)
    factor = reference / overhead.REFERENCE
    groups = ["cookie", "cookie, 1 kB", "memory", "site"]
    beside = peers.measure(groups, rounds=80, seconds=120)["net_us"]
    on_stores = stores.measure(["sqlite", "valkey"], rounds=60)
    # A process of its own: bytes are read off it, and a million sessions leave its memory in
    # pieces.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        at_scale = process.submit(scale.measure, "memory", SESSIONS).result()
    return [
        *_overhead(nets, factor),
        *_beside(beside),
        *_on_stores(on_stores, factor),
        *_at_scale(at_scale),
        Goal("`import ringsession`, beside its two libraries", 1.3, imports.measure(21).ratio),
    ], reference


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks goals", description=__doc__)
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    goals, reference = measure()
    if options.json:
        options.json.write_text(json.dumps([goal._asdict() for goal in goals], indent=2) + "\n")
    print(
        f"json.dumps of the session: {reference:.1f} us,"
        f" {reference / overhead.REFERENCE:.2f} x the reference\n"
    )
    print("| | at most | measured | |\n|---|---|---|---|")
    print(*(goal.row() for goal in goals), sep="\n")
