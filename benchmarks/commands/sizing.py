"""What many sessions need: memory, processors, network, and nodes of a cluster.

    python -m benchmarks sizing [--sessions N ...] [--rate R] [--writes SHARE] [PART ...]

`costs` measures what a session takes on each store and what a call costs its server, in bytes and
processor time. `needs` computes from these what so many live sessions need. `spread` simulates the
slots of a cluster: how evenly sessions, users and requests fall on nodes. `cluster` fills a real
cluster of three and shows each node beside the prediction; it also moves slots and ends every
session. `index` measures the index of a user with many logins.
"""

from __future__ import annotations

import argparse
import random
from functools import cache
from typing import Any

from benchmarks.measure import cluster_check as cluster
from benchmarks.measure import slots
from benchmarks.measure.arguments import add_names
from benchmarks.measure.needs import CPU_SHARE, MEMORY_SHARE, Needs, Terms, find_needs, renewed
from benchmarks.measure.sizing_tables import make_table, show_costs, show_index, show_needs
from benchmarks.measure.sizing_tables import show_spread
from benchmarks.measure.store_costs import Costs, measure_costs
from benchmarks.measure.user_index import measure_index

CLUSTERS = ("valkey", "redis")
DATABASES = ("postgresql", "mariadb")
STORES = ("memory", "sqlite", *CLUSTERS, *DATABASES)
SIZES = (1_000_000, 10_000_000, 100_000_000)
NODES = (3, 6, 12, 48)
LOGINS = (10, 1_000, 10_000)
MOVED_SLOTS = 64


@cache
def _draw(sessions: int, users: int) -> dict[str, Any]:
    """Return what each slot has of the sessions, the users' indexes, and the requests."""
    choice = random.Random(sessions)
    return {
        "sessions": slots.draw_slots(sessions, slots.session_name, choice),
        "users": slots.draw_slots(users, slots.user_name, choice),
        "requests": slots.draw_requests(sessions, choice),
    }


def simulate(sessions: int, terms: Terms, nodes: int) -> dict[str, slots.Spread]:
    """Return how evenly sessions, users' indexes and requests fall on nodes."""
    shares = _draw(sessions, round(sessions * terms.users))
    return {name: slots.spread(each, nodes) for name, each in shares.items()}


def check_cluster(costs: Costs, sessions: int, terms: Terms, size: int) -> str:
    """Fill a real cluster, and return what was predicted and seen.

    A cluster keeps tables of its own for each slot. What they take is found from the first quarter
    of the sessions; the prediction is for all.
    """
    numbers, share = range(sessions), terms.users
    early, late = numbers[: sessions // 4], numbers[sessions // 4 :]
    with cluster.running_cluster() as running:
        empty = running.look()
        cluster.fill(running.store, early, share, size)
        quarter = running.look()
        cluster.fill(running.store, late, share, size)
        seen = running.look()
        moved, ended = running.move(MOVED_SLOTS), running.end_everyone()
    known = sum(node.octets(costs) for node in cluster.predict(early, share))
    taken = sum(now.octets - before.octets for now, before in zip(quarter, empty))
    table = (taken - known) / slots.SLOTS
    rows = []
    for number, predicted in enumerate(cluster.predict(numbers, share)):
        octets = predicted.octets(costs) + table * slots.SLOTS / cluster.NODES
        grown = seen[number].octets - empty[number].octets
        row = [str(number + 1), f"{predicted.keys:,}", f"{seen[number].keys:,}"]
        row += [f"{octets / 1e6:.2f}", f"{grown / 1e6:.2f}", f"{grown / octets:.3f}"]
        rows.append(row)
    first = cluster.predict_first_slots(numbers, share, MOVED_SLOTS)
    lines = [
        make_table("node | keys predicted | seen | MB predicted | seen | seen / predicted", rows),
        f"a slot's own tables take {table:.0f} bytes",
        f"{moved.slots} slots moved to another node in {moved.seconds:.2f} s: {first} keys"
        f" predicted, {moved.keys} seen",
        f"one look at all keys of {ended.sessions:,} sessions took {ended.look:.1f} s;"
        f" end_everyone took {ended.seconds:.1f} s",
    ]
    return "\n\n".join(lines)


def _find_sizes(name: str, costs: Costs, sizes: list[int], terms: Terms) -> dict[int, Needs]:
    """Return the needs of a server; only Redis and Valkey spread sessions over nodes."""
    needs = {}
    for sessions in sizes:
        need = find_needs(costs, sessions, terms)
        if name in CLUSTERS and need.nodes is not None:
            skew = max(each.skew for each in simulate(sessions, terms, need.nodes).values())
            need = find_needs(costs, sessions, terms, skew)
        needs[sessions] = need if name in CLUSTERS else need._replace(nodes=None)
    return needs


def _describe(terms: Terms, size: int) -> str:
    return (
        f"Sessions of {size} bytes, {terms.users:.0%} of them with a user; each makes {terms.rate}"
        f" requests a second: {terms.writes:.0%} write, {terms.new:.0%} begin a session, and"
        f" {renewed(terms.rate):.0%} of the others renew the idle timeout. A node has"
        f" {terms.memory:.0f} GB, of which sessions take {MEMORY_SHARE:.0%}, and"
        f" {terms.cores:.0f} processor for commands, of which they take {CPU_SHARE:.0%}.\n"
    )


PARTS = ("costs", "needs", "spread", "cluster", "index")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks sizing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_names(parser, "parts", "PART", PARTS)
    parser.add_argument("--sessions", type=int, action="append", help="may be repeated")
    parser.add_argument("--size", type=int, default=200, help="bytes of a session's data")
    parser.add_argument("--sample", type=int, default=20_000, help="sessions that are measured")
    parser.add_argument("--check", type=int, default=100_000, help="sessions in the real cluster")
    for name, value in Terms()._asdict().items():
        parser.add_argument(f"--{name}", type=float, default=value, help=f"{value}")
    parser.add_argument("--store", action="append", choices=STORES, help="may be repeated")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    options = _parse(arguments)
    terms = Terms(*(getattr(options, name) for name in Terms._fields))
    parts, sizes = options.parts or list(PARTS), options.sessions or list(SIZES)
    names, costs = options.store or list(STORES), dict[str, Costs]()
    if set(parts) & {"costs", "needs", "cluster"}:
        needed = names if set(parts) & {"costs", "needs"} else ["valkey"]
        costs = {name: measure_costs(name, options.sample, options.size) for name in needed}
    if "costs" in parts:
        print(f"{show_costs(costs)}\n", flush=True)
    if "needs" in parts:
        print(_describe(terms, options.size))
        servers = [name for name in names if name in CLUSTERS + DATABASES]
        found = {name: _find_sizes(name, costs[name], sizes, terms) for name in servers}
        print(f"{show_needs(found)}\n", flush=True)
    if "spread" in parts:
        spreads = {(each, nodes): simulate(each, terms, nodes) for each in sizes for nodes in NODES}
        print(f"{show_spread(spreads)}\n", flush=True)
    if "cluster" in parts:
        print(f"{check_cluster(costs['valkey'], options.check, terms, options.size)}\n", flush=True)
    if "index" in parts:
        print(show_index([measure_index(logins, options.size) for logins in LOGINS]))
