"""The Redis store in a cluster while slots move, step by step; test_cluster.py adds load."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.cluster import ClusterNode, RedisCluster
from valkey.cluster import ClusterNode as ValkeyNode, ValkeyCluster

from ringsession import codec, redis_store
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.stores.redis import exchange as _redis_exchange
from ringsession.stores.redis.failures import Refused
from ringsession.stores.redis.replies import ErrorReply
from ringsession.testing import change, key_of
from tests.servers import Server
from tests.stores.redis.clusters import start_cluster
from tests.stores.networked import PREFIX

pytestmark = pytest.mark.server
EMPTY = codec.encode({})


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Server]]:
    with start_cluster() as nodes:
        yield nodes


def _redis_py(nodes: list[Server]) -> Any:
    start = [ClusterNode("127.0.0.1", node.port) for node in nodes]
    return RedisCluster(startup_nodes=start, socket_timeout=5)


def _valkey_py(nodes: list[Server]) -> Any:
    start = [ValkeyNode("127.0.0.1", node.port) for node in nodes]
    return ValkeyCluster(startup_nodes=start, socket_timeout=5)


@pytest.fixture(params=[_redis_py, _valkey_py], ids=["redis-py", "valkey-py"])
def store(
    nodes: list[Server], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setattr("ringsession.stores.redis.connections._SECONDS_PER_TOPOLOGY", 0)
    for node in nodes:
        with redis.Redis(port=node.port) as client:
            client.flushall()
    client = request.param(nodes)
    store = redis_store(client)
    yield store
    store.close()
    client.close()


class Slot:
    """The slot of one session, and how it moves."""

    def __init__(self, nodes: list[Server], store: Any, key: str) -> None:
        self.clients = [redis.Redis(port=node.port) for node in nodes]
        self.ports = [node.port for node in nodes]
        self.names = [client.execute_command("CLUSTER MYID") for client in self.clients]
        self.key = f"{PREFIX}{key}"
        self.number = store._connections._client.keyslot(self.key)
        owner = store._connections._client.get_node_from_key(self.key)
        self.source = self.ports.index(owner.port)
        self.target = (self.source + 1) % 3

    def announce(self) -> None:
        """Say that the slot is on its way; its keys are still where they were."""
        source, target = self.names[self.source], self.names[self.target]
        self._set(self.target, "IMPORTING", source)
        self._set(self.source, "MIGRATING", target)

    def move_the_key(self) -> None:
        to = ("127.0.0.1", self.ports[self.target], self.key, 0, 2000)
        self.clients[self.source].execute_command("MIGRATE", *to)

    def end(self) -> None:
        for number in (self.target, self.source, 3 - self.source - self.target):
            self._set(number, "NODE", self.names[self.target])

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _set(self, number: int, *words: object) -> None:
        self.clients[number].execute_command("CLUSTER", "SETSLOT", self.number, *words)


def test_each_step_of_a_slots_move_is_followed(nodes: list[Server], store: Any) -> None:
    key, slot = key_of("a"), Slot(nodes, store, key_of("a"))
    assert store.create(key, EMPTY, Lifetime())
    for number, step in enumerate((slot.announce, slot.move_the_key, slot.end)):
        step()
        loaded = store.load(key)
        assert codec.decode(loaded.record).get("n", -1) == number - 1
        assert store.patch(key, loaded.version, change(loaded.record, n=number))
        assert store.patch(key, None, change(EMPTY, other=number))
        assert store.swap(key, "n", lambda text: text or "") == str(number)
    assert codec.decode(store.load(key).record) == {"n": 2, "other": 2}
    assert store.destroy(key)
    slot.close()


def test_a_key_that_is_absent_in_a_moving_slot_is_absent(nodes: list[Server], store: Any) -> None:
    key, slot = key_of("b"), Slot(nodes, store, key_of("b"))
    slot.announce()
    assert store.load(key) is None
    assert store.create(key, EMPTY, Lifetime())
    assert store.load(key).record == EMPTY
    slot.end()
    assert store.claim(key, store.load(key).version, key_of("new"))
    slot.close()


def test_a_check_is_answered(store: Any) -> None:
    store.check()


def test_a_report_is_one_of_all_nodes(store: Any, nodes: list[Server]) -> None:
    with redis.Redis(port=nodes[1].port) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        found = [(each.level, each.part) for each in store.report()]
        client.config_set("maxmemory-policy", "noeviction")
    assert found == [
        ("ok", "server"),
        ("ok", "version"),
        ("warning", "eviction policy"),
        ("ok", "clock"),
        ("ok", "rights"),
        ("ok", "rights for users"),
    ]


REPLIES: dict[str, tuple[str, str]] = {
    "CLUSTERDOWN": ("CLUSTERDOWN Hash slot not served", "the server answered: CLUSTERDOWN"),
    "endless redirects": ("MOVED 1 :{port}", "the cluster redirected 8 times"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_cluster_that_cannot_answer_is_unavailable(
    name: str, nodes: list[Server], store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real cluster never redirects endlessly; one that is down takes half a minute to say so."""
    text, expected = REPLIES[name]
    reply = ErrorReply(text.format(port=nodes[0].port))

    def ask(*given: object) -> None:
        raise Refused(reply)

    monkeypatch.setattr(_redis_exchange.Server, "ask", ask)
    with pytest.raises(StoreUnavailable, match=expected):
        store.load(key_of("c"))


def test_a_slot_that_nobody_has_is_unavailable(store: Any) -> None:
    slots = store._connections._client.nodes_manager.slots_cache
    number = store._connections._client.keyslot(f"{PREFIX}{key_of('d')}")
    del slots[number]
    with pytest.raises(StoreUnavailable, match="no node of the cluster has the slot"):
        store.load(key_of("d"))
    assert store.load(key_of("d")) is None  # it has looked again


@pytest.mark.parametrize("is_seen", [True, False])
def test_connections_that_broke_are_made_anew(
    is_seen: bool, nodes: list[Server], store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.create(key_of("e"), EMPTY, Lifetime())
    if not is_seen:
        monkeypatch.setattr(_redis_exchange.Connection, "is_clean", lambda connection: True)
    for node in nodes:
        with redis.Redis(port=node.port) as client:
            client.client_kill_filter(_type="normal", skipme=True)
    assert store.load(key_of("e")).record == EMPTY


def test_nodes_that_are_gone_are_forgotten_and_a_failed_look_changes_nothing(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = store._connections
    assert store.load(key_of("f")) is None
    (name,) = connections._servers
    connections._servers["10.0.0.1:6379"] = connections._servers[name]
    monkeypatch.setattr(connections._topology, "_work", lambda: 1 // 0)
    connections._look_again(time.monotonic() + 5)
    assert set(connections._servers) == {name, "10.0.0.1:6379"}
    monkeypatch.undo()
    connections._last_look = 0.0
    connections._look_again(time.monotonic() + 5)
    connections._look_again(time.monotonic() + 5)  # too soon for another look
    assert set(connections._servers) == {name}
    assert store.load(key_of("f")) is None
