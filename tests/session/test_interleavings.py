"""No order of the steps of three requests loses a write or brings a session back; those of two are
in stores/test_orders.py.
"""

from __future__ import annotations

import random
from itertools import combinations_with_replacement, product
from typing import Any

import pytest

from ringsession import memory_store
from ringsession.stores import Change, Details, Lifetime, Loaded
from tests.apart import run_apart
from tests.interleavings import ACTS, Script, every_order, explore

SCRIPTS: list[Script] = [("read", one, other, "commit") for one, other in product(ACTS, ACTS)]

PAIRS = list(combinations_with_replacement(SCRIPTS, 2))
TRIPLES = list(combinations_with_replacement([("read", act, "commit") for act in ACTS], 3))


class WholeSessionStore:
    """Write the whole session, whatever is stored by now, as most other session layers do."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}

    def load(self, key: str, limit: Lifetime = Lifetime()) -> Loaded | None:
        record = self.records.get(key)
        return None if record is None else Loaded(record)

    def create(self, key: str, record: str, lifetime: Lifetime, details: Details) -> bool:
        self.records[key] = record
        return True

    def patch(self, key: str, version: Any, change: Change) -> bool:
        self.records[key] = change.record
        return True

    def claim(self, key: str, version: Any, successor: str) -> bool:
        self.records.pop(key, None)
        return True

    def destroy(self, key: str) -> bool:
        return self.records.pop(key, None) is not None

    def swap(self, key: str, name: str, change: Any) -> str | None:
        raise NotImplementedError("left out of its scripts")

    def sweep(self) -> int:
        return 0


def explore_sampled_triples() -> Any:
    return explore(memory_store, every_order(random.Random(1).sample(TRIPLES, 12)))


def test_sampled_orders_of_three_requests_keep_the_contract() -> None:
    assert run_apart(explore_sampled_triples) == (12 * 1680, [])


@pytest.mark.soak
def test_every_order_of_three_requests_of_three_steps_keeps_the_contract() -> None:
    walked, broken = explore(memory_store, every_order(TRIPLES))
    print(f"memory store: {walked} orders of three requests, {len(broken)} break the contract")
    assert (walked, broken) == (120 * 1680, [])


def test_a_store_that_writes_whole_sessions_breaks_it() -> None:
    scripts = [("read", act, "commit") for act in ACTS if act != "swap"]
    walked, broken = explore(
        WholeSessionStore, every_order(list(combinations_with_replacement(scripts, 2)))
    )
    lost = [
        scripts for scripts, order in broken if not {"logout", "login"} & {s[1] for s in scripts}
    ]
    back = [scripts for scripts, order in broken if "logout" in {s[1] for s in scripts}]
    assert walked == 28 * 20
    assert lost and back
