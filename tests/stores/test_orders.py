"""Every order of the steps of concurrent requests, on every server-side store.

The suite walks a sixteenth of the pairs of requests, and `make soak` the others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from ringsession.stores.named import open_store
from tests.interleavings import Walk, distinct_orders, explore
from tests.servers import Server
from tests.stores.networked import SERVERS, make_store
from tests.session.test_interleavings import PAIRS, TRIPLES, WholeSessionStore

PARTS = 16  # so that each test takes seconds, and a hanging one is told from a long one


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Where the orders are walked in memory, apart from coverage, which would make it three times
    as long.
    """
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


@pytest.fixture(
    scope="module", params=[0, *(pytest.param(n, marks=pytest.mark.soak) for n in range(1, PARTS))]
)
def pairs(request: pytest.FixtureRequest, processes: ProcessPoolExecutor) -> list[Walk]:
    part = PAIRS[request.param :: PARTS]
    return [*chain(*processes.map(distinct_orders, (part[::2], part[1::2])))]


@pytest.fixture(scope="module", params=[3, pytest.param(12, marks=pytest.mark.soak)])
def triples(request: pytest.FixtureRequest, processes: ProcessPoolExecutor) -> list[Walk]:
    sample = random.Random(1).sample(TRIPLES, request.param)
    return processes.submit(distinct_orders, sample).result()


@pytest.fixture(params=["sqlite", *(pytest.param(n, marks=pytest.mark.server) for n in SERVERS)])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What the store is called in a config."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    server: Server = request.getfixturevalue(request.param)
    getattr(make_store(server), "close", lambda: None)()
    return server.url


def explore_by_name(name: str, walks: list[Walk]) -> tuple[int, list[Any]]:
    store = open_store(name)
    try:
        return explore(lambda: store, walks)
    finally:
        getattr(store, "close", lambda: None)()


def explore_apart(
    processes: ProcessPoolExecutor, name: str, walks: list[Walk]
) -> tuple[int, list[Any]]:
    """The same, half of it in each process."""
    both = processes.map(explore_by_name, (name, name), (walks[::2], walks[1::2]))
    (walked, broken), (more, also_broken) = both
    return walked + more, broken + also_broken


def test_all_orders_of_two_requests_of_four_steps_keep_the_contract_in_memory(
    pairs: list[Walk], capsys: Any
) -> None:
    walked = sum(stands_for for *_, stands_for in pairs)  # `distinct_orders` has walked them all
    with capsys.disabled():
        print(f"\n{walked} orders of two requests, {len(pairs)} of which differ for a store")
    assert walked == 2080 * 70 // PARTS


def test_all_orders_of_two_requests_of_four_steps_keep_the_contract(
    name: str, pairs: list[Walk], processes: ProcessPoolExecutor
) -> None:
    walked, broken = explore_apart(processes, name, pairs)
    assert (walked, broken) == (2080 * 70 // PARTS, [])


def test_sampled_orders_of_three_requests_keep_the_contract(
    name: str, triples: list[Walk], processes: ProcessPoolExecutor
) -> None:
    walked, broken = explore_apart(processes, name, triples)
    assert broken == [] and walked in (3 * 1680, 12 * 1680)


def test_a_store_that_writes_whole_sessions_breaks_some_of_them(pairs: list[Walk]) -> None:
    without_swap = [walk for walk in pairs if not any("swap" in script for script in walk[0])]
    _, broken = explore(WholeSessionStore, without_swap)
    assert len(broken) > 100 // PARTS
