"""What a session costs on each store, beside the least that its client library can do with the same
record.

    python -m benchmarks stores [--rounds N] [--json] [STORE ...]

Interleaved rounds in one process, nothing pinned to a core. A request's microseconds are the
median, over rounds, of (wrapped - bare app) in the same round; a request that writes reads first.
`load` and `patch` are the store's own calls; `bare` is a GET or SELECT by key, a SET or UPDATE by
key, by the library that the store uses, on the same server. Exchanges with the server are counted
by a proxy. Servers are started for this, on loopback.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import Any

from benchmarks.commands.overhead import APPS, DATA, make_environ, session_cookie, untouched
from benchmarks.measure.arguments import add_names
from benchmarks.measure.subjects import NAMES, Subject, open_subject
from ringsession import assoc_in, site_defaults, wrap_defaults
from ringsession.codec import encode
from ringsession.stores import Change, Lifetime
from tests.fault_proxy import FaultProxy

WORKS = ("untouched", "read", "write", "new", "destroy")
Environ = dict[str, Any]
Row = dict[str, float]  # us, own, bare, exchanges


def destroy(environ: Environ, start_response: Callable[..., Any]) -> Any:
    if "ringsession.session" in environ:
        environ["ringsession.session"].destroy()
    return untouched(environ, start_response)


def _ignore(status: str, headers: list[tuple[str, str]]) -> None:
    pass


def _seconds(app: Callable[..., Any], environs: list[Environ]) -> float:
    begin = perf_counter()
    for environ in environs:
        for _ in app(environ, _ignore):
            pass
    return perf_counter() - begin


class Cell:
    """One work on one store."""

    def __init__(self, store: Any, work: str) -> None:
        only = {"cookies": True, "session": site_defaults["session"]}
        config = assoc_in(only, ["session", "store"], store)
        self.work = work
        self.bare = destroy if work == "destroy" else APPS[work]
        self.app = wrap_defaults(self.bare, config)
        self._begin = wrap_defaults(APPS["new"], config)
        self._cookie = self._new_cookie()

    def _new_cookie(self) -> str | None:
        return session_cookie(self._begin, make_environ(None))

    def environs(self, calls: int) -> list[Environ]:
        """So many requests; a session can be destroyed but once."""
        if self.work == "destroy":
            return [make_environ(self._new_cookie()) for _ in range(calls)]
        cookie = None if self.work == "new" else self._cookie
        return [make_environ(cookie) for _ in range(calls)]

    def net(self, calls: int) -> float:
        """Microseconds a request over the bare app's."""
        environs = self.environs(calls)
        plain = [dict(environ) for environ in environs]
        return (_seconds(self.app, environs) - _seconds(self.bare, plain)) / calls * 1e6


def _microseconds(call: Callable[[], object], calls: int) -> float:
    begin = perf_counter()
    for _ in range(calls):
        call()
    return (perf_counter() - begin) / calls * 1e6


def count_exchanges(subject: Subject) -> dict[str, int]:
    """How many exchanges with the server each work has; nothing where there is no server."""
    if subject.port is None or subject.store_at is None:
        return {}
    counted = {}
    with FaultProxy(subject.port) as proxy:
        store = subject.store_at(proxy.port)
        for work in WORKS:
            cell = Cell(store, work)
            cell.net(1)  # the first may have to bring its script to the server
            environs = cell.environs(1)
            proxy.taken()
            _seconds(cell.app, environs)
            counted[work] = proxy.taken()
        getattr(store, "close", lambda: None)()
    return counted


def _own_calls(store: Any, calls: int) -> dict[str, float]:
    """Microseconds of the store's own `load` and `patch`, without a request around them."""
    key, texts = secrets.token_hex(32), [encode({**DATA, "n": n}) for n in range(calls + 1)]
    store.create(key, texts[0], Lifetime())
    taken = 0.0
    for before, after in zip(texts, texts[1:]):
        version, change = store.load(key).version, Change(before, after)
        begin = perf_counter()
        store.patch(key, version, change)
        taken += perf_counter() - begin
    load = _microseconds(partial(store.load, key), calls)
    return {"own read": load, "own write": taken / calls * 1e6}


def _measure_store(subject: Subject, cells: list[Cell], times: dict[str, list[float]]) -> None:
    """One round of one store; what is compared is measured side by side."""
    for cell in cells:
        times.setdefault(cell.work, []).append(cell.net(subject.calls))
        if subject.bare is not None and cell.work in ("read", "write"):
            call = getattr(subject.bare, cell.work)
            times.setdefault(f"bare {cell.work}", []).append(_microseconds(call, subject.calls))
    if hasattr(subject.store, "load"):
        for name, taken in _own_calls(subject.store, subject.calls).items():
            times.setdefault(name, []).append(taken)


def measure(names: list[str], rounds: int) -> dict[str, dict[str, Row]]:
    """store -> work -> its row."""
    table: dict[str, dict[str, Row]] = {}
    with ExitStack() as stack:
        subjects = {n: stack.enter_context(open_subject(n, encode(DATA))) for n in names}
        cells = {n: [Cell(subjects[n].store, work) for work in WORKS] for n in names}
        times: dict[str, dict[str, list[float]]] = {name: {} for name in names}
        for _ in range(rounds):
            for name, subject in subjects.items():
                _measure_store(subject, cells[name], times[name])
        for name, subject in subjects.items():
            exchanges = count_exchanges(subject)
            for work in WORKS:
                row = {"us": statistics.median(times[name][work])}
                for kind in ("own", "bare"):
                    if f"{kind} {work}" in times[name]:
                        row[kind] = statistics.median(times[name][f"{kind} {work}"])
                if work in exchanges:
                    row["exchanges"] = exchanges[work]
                table.setdefault(name, {})[work] = row
    return table


def show(table: dict[str, dict[str, Row]]) -> str:
    """The table as it stands in docs/how-to/stores.md."""
    lines = [f"| store | {' | '.join(WORKS)} | `load` / bare | `patch` / bare |", "|---" * 8 + "|"]
    for name, works in table.items():
        cells = [
            f"{row['us']:.0f}" + (f" ({row['exchanges']:.0f})" if "exchanges" in row else "")
            for row in works.values()
        ]
        calls = [
            " / ".join(
                f"{works[work][kind]:.0f}" for kind in ("own", "bare") if kind in works[work]
            )
            for work in ("read", "write")
        ]
        lines.append(f"| {' | '.join([name, *cells, *calls])} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks stores", description=__doc__)
    add_names(parser, "stores", "STORE", NAMES)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    table = measure(options.stores or list(NAMES), options.rounds)
    if options.json:
        print(json.dumps(table, indent=2))
        return
    print("microseconds a request over the bare app (exchanges with the server)\n")
    print(show(table))


if __name__ == "__main__":
    main()
