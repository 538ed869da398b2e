"""Every order of the steps of concurrent requests, on every server-side store."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from ringsession import sqlite_store
from tests.interleavings import Walk, distinct_orders, explore
from tests.stores.networked import SERVERS, make_store
from tests.test_interleavings import PAIRS, TRIPLES, WholeSessionStore


@pytest.fixture(scope="module")
def pairs() -> list[Walk]:
    return distinct_orders(PAIRS)


@pytest.fixture(scope="module")
def triples() -> list[Walk]:
    return distinct_orders(random.Random(1).sample(TRIPLES, 12))


@pytest.fixture(params=["sqlite", *(pytest.param(n, marks=pytest.mark.server) for n in SERVERS)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        yield sqlite_store(tmp_path / "sessions.db")
        return
    store = make_store(request.getfixturevalue(request.param))
    yield store
    getattr(store, "close", lambda: None)()


def test_all_orders_of_two_requests_of_four_steps_keep_the_contract_in_memory(
    pairs: list[Walk], capsys: Any
) -> None:
    walked = sum(stands_for for *_, stands_for in pairs)  # `distinct_orders` has walked them all
    with capsys.disabled():
        print(f"\n{walked} orders of two requests, {len(pairs)} of which differ for a store")
    assert walked == 2080 * 70


def test_all_orders_of_two_requests_of_four_steps_keep_the_contract(
    store: Any, pairs: list[Walk], capsys: Any
) -> None:
    walked, broken = explore(lambda: store, pairs)
    with capsys.disabled():
        print(
            f"\n{store!r}: {walked} orders of two requests, {len(pairs)} of which differ for a store"
        )
    assert (walked, broken) == (2080 * 70, [])


def test_sampled_orders_of_three_requests_keep_the_contract(
    store: Any, triples: list[Walk]
) -> None:
    assert explore(lambda: store, triples) == (12 * 1680, [])


def test_a_store_that_writes_whole_sessions_breaks_some_of_them(pairs: list[Walk]) -> None:
    without_swap = [walk for walk in pairs if not any("swap" in script for script in walk[0])]
    _, broken = explore(WholeSessionStore, without_swap)
    assert len(broken) > 100
