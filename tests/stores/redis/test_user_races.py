"""Races of logins, moves and ends of sessions on Valkey, and on a cluster whose slots move."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from ringsession import codec, redis_store
from ringsession.stores.redis import scripts_users, users
from ringsession.stores.redis.scripts import make_script
from ringsession.stores import Details
from ringsession.stores.ids import new_handle
from ringsession.testing import key_of
from tests.servers import Server
from tests.stores.networked import PREFIX, make_store
from tests.stores.redis.clusters import SLOTS, start_cluster
from tests.stores.redis.test_cluster import _redis_py
from tests.stores.user_race import COOKIE, LIFETIME, USERS, measure_creates, run_race

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Server]]:
    with start_cluster() as nodes:
        yield nodes


class SlotMover:
    """A thread that moves the slots of the users' indexes, and others, from node to node."""

    def __init__(self, nodes: list[Server]) -> None:
        self.moves = 0
        self._clients = [redis.Redis(port=node.port) for node in nodes]
        self._ports = [node.port for node in nodes]
        self._names = [client.execute_command("CLUSTER MYID") for client in self._clients]
        self._at = {}
        for owner in USERS:
            slot = self._clients[0].execute_command("CLUSTER KEYSLOT", f"{PREFIX}user:{owner}")
            self._at[slot] = min(slot * 3 // SLOTS, 2)
        self._until = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> SlotMover:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._until.set()
        self._thread.join(60)
        for slot, node in self._at.items():
            while node != slot * 3 // SLOTS:  # as the cluster began
                node = self._move(slot, node)
        for client in self._clients:
            client.close()

    def _run(self) -> None:
        while not self._until.is_set():
            for slot, node in self._at.items():
                self._at[slot] = self._move(slot, node)
                self.moves += 1
                self._until.wait(0.05)

    def _move(self, slot: int, node: int) -> int:
        """Move a slot to the next node, as `redis-cli --cluster reshard` does it."""
        other = (node + 1) % 3
        source, target = self._clients[node], self._clients[other]
        target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", self._names[node])
        source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", self._names[other])
        self._until.wait(0.02)
        while keys := source.execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
            for key in keys:
                to = ("127.0.0.1", self._ports[other], key, 0, 5000)
                source.execute_command("MIGRATE", *to)
        self._until.wait(0.02)
        for client in (target, source, self._clients[3 - node - other]):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", self._names[other])
        return other


@contextmanager
def on_valkey(server: Server) -> Iterator[list[Any]]:
    make_store(server).close()
    yield [redis_store(server.url, timeout=20) for _ in range(2)]


@contextmanager
def on_cluster(nodes: list[Server]) -> Iterator[list[Any]]:
    for node in nodes:
        with redis.Redis(port=node.port) as client:
            client.flushall()
    clients = [_redis_py(nodes) for _ in range(2)]
    yield [redis_store(client) for client in clients]
    for client in clients:
        client.close()


def find_wrong(seen: dict[str, int]) -> dict[str, int]:
    """Return what must not have happened, of what a race saw."""
    wrong = ("accepted after", "ended without cause")
    assert seen["ends"] and seen["logins"] and seen["moves"]
    return {name: n for name, n in seen.items() if n and (name in wrong or "failed" in name)}


def test_no_ended_session_is_accepted_again(valkey: Server) -> None:
    with on_valkey(valkey) as stores:
        assert find_wrong(run_race(stores, 2)) == {}


def test_no_ended_session_is_accepted_again_while_slots_move(nodes: list[Server]) -> None:
    with on_cluster(nodes) as stores, SlotMover(nodes) as mover:
        assert find_wrong(run_race(stores, 4)) == {}
    assert mover.moves > 10


@pytest.mark.soak
def test_no_ended_session_is_accepted_again_in_a_long_race(valkey: Server) -> None:
    with on_valkey(valkey) as stores:
        seen = run_race(stores, 30)
    print(f"valkey: {seen}")
    assert find_wrong(seen) == {}


@pytest.mark.soak
def test_no_ended_session_is_accepted_again_in_a_long_race_on_a_cluster(
    nodes: list[Server],
) -> None:
    with on_cluster(nodes) as stores, SlotMover(nodes) as mover:
        seen = run_race(stores, 30)
    print(f"cluster of three, a slot moved {mover.moves} times: {seen}")
    assert find_wrong(seen) == {}


@pytest.mark.soak
def test_the_race_notices_that_the_fence_is_missing(
    valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = "if entry and string.sub(entry, 1, 1) ~= '+' or not entry and ARGV[3] == '1'"
    text = scripts_users.ENLIST.text.decode()
    assert fence in text
    monkeypatch.setattr(users, "ENLIST", make_script(text.replace(fence, "if false")))
    with on_valkey(valkey) as stores:
        seen = run_race(stores, 10)
    print(f"valkey, without the fence: {seen}")
    assert seen["accepted after"] > 0


@pytest.mark.soak
def test_what_a_users_session_costs(valkey: Server) -> None:
    store = make_store(valkey)
    print(f"valkey: {measure_creates(store)}")
    print(f"valkey: {measure_memory(store, valkey)}")
    store.close()


def measure_memory(store: Any, server: Server, logins: int = 10) -> str:
    """Return the bytes of a session without and with a user, and of its part of the index."""
    record = codec.encode({"user": "ann", "cart": "x" * 180})
    owner = USERS[0]
    store.create(key_of("nobody"), record, LIFETIME, Details(COOKIE))
    with redis.Redis(port=server.port) as client:
        sizes = {"nobody's": client.memory_usage(f"{PREFIX}{key_of('nobody')}")}
        for number in range(logins):
            details = Details(COOKIE, owner=owner, handle=new_handle())
            store.create(key_of(f"login {number}"), record, LIFETIME, details)
            if number == 0:
                sizes["a user's"] = client.memory_usage(f"{PREFIX}{key_of('login 0')}")
                sizes["an index of one login"] = client.memory_usage(f"{PREFIX}user:{owner}")
        sizes[f"of {logins}"] = client.memory_usage(f"{PREFIX}user:{owner}")
    store.end_sessions(owner)
    return "bytes: " + ", ".join(f"{name} {size}" for name, size in sizes.items())
