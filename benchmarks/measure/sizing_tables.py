"""The tables of `python -m benchmarks sizing`. Text only; nothing is measured here."""

from __future__ import annotations

from benchmarks.measure.needs import Needs
from benchmarks.measure.slots import Spread
from benchmarks.measure.store_costs import CALLS, Costs
from benchmarks.measure.user_index import Index
from tests.fault_proxy import Traffic


def make_table(head: str, rows: list[list[str]]) -> str:
    return "\n".join(
        [f"| {head} |", "|---" * len(rows[0]) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    )


def show_costs(costs: dict[str, Costs]) -> str:
    """Return the bytes of a session, the processor time of a call, and what it sends."""
    octets = [
        [name, f"{each.octets:.0f}", f"{each.used:.0f}", f"{each.user_octets:.0f}"]
        for name, each in costs.items()
    ]
    times = [
        [name, *(f"{each.calls[call].cpu:.0f}" for call in CALLS)] for name, each in costs.items()
    ]
    sent = [
        [name, *(_show_traffic(each.calls[call].traffic) for call in CALLS)]
        for name, each in costs.items()
        if each.calls["load"].traffic.exchanges
    ]
    names = " | ".join(CALLS)
    return "\n\n".join(
        [
            make_table("bytes | new | after a write | new, with a user", octets),
            make_table(f"processor time, µs | {names}", times),
            make_table(f"bytes on the network (exchanges) | {names}", sent),
        ]
    )


def _show_traffic(traffic: Traffic) -> str:
    return f"{traffic.sent + traffic.received} ({traffic.exchanges})"


def show_needs(found: dict[str, dict[int, Needs]]) -> str:
    rows = [
        [
            name,
            f"{sessions:,}",
            f"{need.requests:,.0f}",
            f"{need.octets / 1e9:,.1f}",
            f"{need.calls:,.0f}",
            f"{need.cores:,.1f}",
            f"{need.network * 8 / 1e6:,.0f}",
            f"{need.nodes or ''}",
        ]
        for name, sizes in found.items()
        for sessions, need in sizes.items()
    ]
    head = "store | sessions | requests/s | GB | exchanges/s | processors | Mbit/s | nodes"
    return make_table(head, rows)


def show_spread(found: dict[tuple[int, int], dict[str, Spread]]) -> str:
    rows = [
        [f"{sessions:,}", f"{nodes}", *(f"{each.skew:.3f}" for each in spreads.values())]
        for (sessions, nodes), spreads in found.items()
    ]
    head = "the fullest node beside the mean: sessions in all | nodes | sessions | users | requests"
    return make_table(head, rows)


def show_index(found: list[Index]) -> str:
    rows = [
        [
            *(f"{each.logins:,}", f"{each.octets:,}"),
            *(f"{value:.2f}" for value in (each.login, each.find, each.end)),
            *(f"{value:.2f}" for value in (each.whole_find, each.whole_end)),
        ]
        for each in found
    ]
    head = "logins of one user | bytes of the index | longest command of a login, ms | `list`, ms"
    return make_table(f"{head} | `end_all`, ms | the whole `list`, s | `end_all`, s", rows)
