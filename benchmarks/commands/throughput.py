"""Sessions under gunicorn: requests a second, times, processor time, and the workers' memory.

    python -m benchmarks throughput [--rounds N] [--seconds N] [--work WORK] [MODE ...]
    python -m benchmarks throughput memory [--requests N] [--app APP]

One page with each kind of session, in Flask and Django. Servers, stores and client share this
machine, on loopback, so compare the rows only. All apps are served at once and loaded in turn; a
figure is the median over rounds. Each app's session is seen to be kept first. The processor time is
that of all gunicorn's workers, and of all processes of the store's server, for one request.
`memory` sends many requests to each app of ringsession, and tells the memory of each worker.
Needs benchmarks/requirements.txt; uses wrk if it is on PATH (Debian: apt-get install wrk).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.apps.throughput_apps import BARE, NAMES
from benchmarks.measure.arguments import add_names
from benchmarks.measure.load import client_name, load
from benchmarks.measure.processes import cpu_seconds
from benchmarks.measure.served import MODES, Served, Stores, running_stores, serving
from benchmarks.measure.worker_memory import measure_memory, show_memory

TITLES = {"sync": "2 sync workers", "threads": "1 worker, 8 threads"}
WORKS = ("untouched", "read", "write")
MEMORY = "memory"


class Figures(NamedTuple):
    """What one app did in one work."""

    per_second: float
    p50_ms: float
    p99_ms: float
    workers_us: float  # processor time for a request
    store_us: float


Table = dict[str, dict[str, Figures]]  # work -> app -> figures


def _load(name: str, served: Served, stores: Stores, work: str, seconds: int) -> Figures:
    def cpu() -> tuple[float, float]:
        # Looked up each time: PostgreSQL starts a process for each new connection.
        return cpu_seconds(served.workers()), cpu_seconds(stores.processes(name))

    before = cpu()
    run = load(served.port, f"/{work}", served.cookie, seconds)
    taken = [(late - early) / run.requests * 1e6 for early, late in zip(before, cpu())]
    return Figures(run.per_second, run.p50_ms, run.p99_ms, *taken)


def measure(mode: str, stores: Stores, works: list[str], rounds: int, seconds: int) -> Table:
    """Load each app with each work, in interleaved rounds."""
    runs: dict[tuple[str, str], list[Figures]] = {}
    with serving(mode, stores, NAMES) as served:
        for _ in range(rounds):
            for name, app in served.items():
                for work in works if name != BARE else ["untouched"]:
                    figures = _load(name, app, stores, work, seconds)
                    runs.setdefault((work, name), []).append(figures)
    table: Table = {}
    for (work, name), each in runs.items():
        table.setdefault(work, {})[name] = Figures(*map(statistics.median, zip(*each)))
    return table


def show(title: str, table: Table) -> str:
    """Return a table for each work; the app without sessions, untouched, is in the first row."""
    bare = {BARE: table["untouched"][BARE]}
    lines = []
    for work, apps in table.items():
        if apps.keys() == bare.keys():
            continue  # nobody asked for this work
        lines += ["", f"| {title}: {work} | requests a second | p50, ms | p99, ms |"]
        lines[-1] += " gunicorn's CPU, µs | the store's CPU, µs |"
        lines.append("|---" * 6 + "|")
        for name, row in (bare | apps).items():
            store = f"{row.store_us:.0f}" if NAMES[name] else ""
            cells = [f"{row.per_second:.0f}", f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}"]
            cells += [f"{row.workers_us:.0f}", store]
            lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def _print_memory(stores: Stores, names: list[str], requests: int) -> dict[str, Any]:
    table = {}
    for name in names:
        with serving("sync", stores, [name]) as served:
            table[name] = measure_memory(name, served[name], requests)
    print(show_memory(table), flush=True)
    return {
        name: [(point.requests, *map(tuple, point.workers)) for point in points]
        for name, points in table.items()
    }


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_names(parser, "modes", "MODE", [*MODES, MEMORY])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each app and work, in a round")
    parser.add_argument("--work", action="append", choices=WORKS, help="may be repeated")
    parser.add_argument("--requests", type=int, default=20_000, help="of each app, for memory")
    parser.add_argument("--app", action="append", choices=NAMES, help="for memory; may be repeated")
    parser.add_argument("--json", metavar="FILE", type=Path)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each mode and work."""
    options = _parse(arguments)
    ours = [name for name in NAMES if name.startswith("ringsession")]
    written: dict[str, Any] = {"client": client_name()}
    with running_stores() as stores:
        for mode in options.modes or [*MODES, MEMORY]:
            if mode == MEMORY:
                names = options.app or [BARE, *ours]
                written[mode] = _print_memory(stores, names, options.requests)
                continue
            table = measure(
                mode, stores, options.work or list(WORKS), options.rounds, options.seconds
            )
            written[mode] = table
            print(f"{client_name()} sends the requests\n{show(TITLES[mode], table)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(written, indent=2) + "\n")
