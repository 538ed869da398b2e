"""Several Valkey servers as one: a cluster whose slots move, and a primary that fails while
Sentinels watch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

from ringsession import codec, redis_store
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.testing import change, key_of
from tests import servers
from tests.servers import Server
from tests.serving import wait_until
from tests.stores.redis.clusters import start_cluster
from tests.stores.networked import PREFIX
from tests.stores.redis.test_exchange import RIGHTS

pytestmark = [pytest.mark.soak, pytest.mark.server]
EMPTY = codec.encode({})


class Writers:
    """Threads that write a key of their own to a session each time, and what became of it."""

    def __init__(self, store: Any, keys: list[str]) -> None:
        self.store = store
        self.keys = keys
        self.acknowledged: dict[str, list[str]] = {key: [] for key in keys}
        self.failed: list[str] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(key,)) for key in keys]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def wait_for(self, more: int) -> None:
        wanted = self.count + more
        wait_until(lambda: self.count >= wanted)

    def _write(self, key: str) -> None:
        number = 0
        while not self._end.is_set():
            number += 1
            try:
                live = self.store.patch(key, None, change(EMPTY, **{f"n{number}": number}))
            except StoreUnavailable as error:
                self.failed.append(type(error).__name__)
                time.sleep(0.01)
            else:
                assert live
                self.acknowledged[key].append(f"n{number}")

    def kept(self) -> dict[str, list[str]]:
        """The keys that stand in each session now."""
        loaded = {key: self.store.load(key) for key in self.keys}
        return {key: list(codec.decode(loaded[key].record)) for key in self.keys}


@pytest.fixture
def cluster() -> Iterator[list[Server]]:
    with start_cluster() as nodes:
        yield nodes


def test_nothing_is_lost_while_a_slot_moves(cluster: list[Server]) -> None:
    start = [ClusterNode("127.0.0.1", node.port) for node in cluster]
    with RedisCluster(startup_nodes=start, socket_timeout=2) as client:
        store = redis_store(client)
        keys = [key_of(f"session {number}") for number in range(4)]
        for key in keys:
            assert store.create(key, EMPTY, Lifetime())
        slot = client.keyslot(f"{PREFIX}{keys[0]}")
        moves = 0
        with Writers(store, keys) as writers:
            for _ in range(20):
                _move_slot(cluster, slot, writers)
                moves += 1
        assert {key: set(names) for key, names in writers.kept().items()} == {
            key: set(names) for key, names in writers.acknowledged.items()
        }
        assert writers.failed == []
        print(f"three-node cluster: a slot moved {moves} times, {writers.count} writes, none lost")


@pytest.mark.parametrize("missing", ["", "asking", "get"])
def test_the_documented_rights_are_enough_in_a_cluster(cluster: list[Server], missing: str) -> None:
    rights = f"{RIGHTS} +cluster|slots +command +asking".split()
    rights = [right for right in rights if right != f"+{missing}"]
    for node in cluster:
        with redis.Redis(port=node.port) as client:
            client.execute_command("ACL", "SETUSER", "web", "on", ">s3cret", *rights)
    start = [ClusterNode("127.0.0.1", node.port) for node in cluster]
    account = {"username": "web", "password": "s3cret"}
    with RedisCluster(startup_nodes=start, socket_timeout=2, **account) as client:
        store = redis_store(client)
        if missing:
            with pytest.raises(ValueError, match="docs/how-to/stores.md"):
                store.check()
        else:
            store.check()
            assert store.create(key_of("a"), EMPTY, Lifetime())
            assert store.destroy(key_of("a"))
        store.close()


def _move_slot(cluster: list[Server], slot: int, writers: Writers) -> None:
    """Move a slot to another node, key by key, as `redis-cli --cluster reshard` does it."""
    clients = [redis.Redis(port=node.port) for node in cluster]
    names = [client.execute_command("CLUSTER MYID") for client in clients]
    owned = [_has_slot(client, name, slot) for client, name in zip(clients, names)]
    source = owned.index(True)
    target = (source + 1) % len(cluster)
    clients[target].execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
    clients[source].execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
    writers.wait_for(20)  # keys that are here still, on a slot that is on its way
    for key in clients[source].execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
        clients[source].execute_command("MIGRATE", "127.0.0.1", cluster[target].port, key, 0, 2000)
    writers.wait_for(20)  # ... that are there already
    for client in (clients[target], clients[source], clients[3 - source - target]):
        client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", names[target])
    writers.wait_for(20)
    for client in clients:
        client.close()


def _has_slot(client: Any, name: bytes, slot: int) -> bool:
    for first, last, (_, _, owner, *_), *_ in client.execute_command("CLUSTER SLOTS"):
        if first <= slot <= last:
            return bool(owner == name)
    return False


@pytest.fixture
def watched() -> Iterator[tuple[Server, list[Server]]]:
    """A primary with a replica, and the three Sentinels that watch them."""
    with ExitStack() as stack:
        primary, replica = servers.valkey(), servers.valkey()
        for server in (primary, replica):
            stack.callback(server.stop)
            server.start()
        with redis.Redis(port=replica.port) as client:
            client.replicaof("127.0.0.1", primary.port)
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        sentinels = [servers.sentinel("sessions", primary.port) for _ in range(3)]
        for sentinel in sentinels:
            stack.callback(sentinel.stop)
            sentinel.start()
        yield primary, sentinels


def test_a_failover_loses_no_more_than_the_last_moments(
    watched: tuple[Server, list[Server]],
) -> None:
    """Replication is asynchronous: what the primary said yes to, and the replica had not heard of,
    is lost.
    """
    primary, sentinels = watched
    _, store = _open_store(sentinels)
    keys = [key_of(f"session {number}") for number in range(4)]
    for key in keys:
        assert store.create(key, EMPTY, Lifetime())
    with Writers(store, keys) as writers:
        writers.wait_for(200)
        primary.kill()
        before = {key: len(names) for key, names in writers.acknowledged.items()}
        killed = time.monotonic()
        writers.wait_for(200)
        seconds = time.monotonic() - killed
    lost = 0
    for key, kept in writers.kept().items():
        names = writers.acknowledged[key]
        missing = [number for number, name in enumerate(names) if name not in kept]
        lost += len(missing)
        # The last ones before the failure, in a row, and none after it.
        assert missing == list(range(before[key] - len(missing), before[key]))
    assert writers.failed
    print(
        f"Sentinel failover in {seconds:.1f} s: of {sum(before.values())} writes that were acknowledged"
        f" before it {lost} lost, of {writers.count - sum(before.values())} after it none"
    )


def _open_store(sentinels: list[Server]) -> tuple[Sentinel, Any]:
    """Return the Sentinel client, and a store on the primary, once each node knows the others."""
    sentinel = Sentinel([("127.0.0.1", node.port) for node in sentinels], socket_timeout=1)
    with redis.Redis(port=sentinels[0].port) as client:
        wait_until(lambda: _knows_all(client))
    return sentinel, redis_store(sentinel.master_for("sessions", socket_timeout=1))


def _knows_all(client: Any) -> bool:
    (state,) = client.sentinel_masters().values()
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)


def test_a_slow_request_overwrites_nothing_that_the_new_primary_acknowledged(
    watched: tuple[Server, list[Server]],
) -> None:
    """The replica lacks one write to each session, and the new primary gets one: the numbers of
    writes are equal.
    """
    primary, sentinels = watched
    sentinel, store = _open_store(sentinels)
    keys = [key_of(f"session {number}") for number in range(150)]
    for key in keys:
        assert store.create(key, EMPTY, Lifetime())
    _stop_replication(primary, sentinel)
    for key in keys:
        assert store.patch(key, store.load(key).version, change(EMPTY, lost=1))
    loaded = {key: store.load(key) for key in keys}  # by 150 requests that are slow
    primary.kill()
    wait_until(lambda: _can_write(store, keys[0]))
    for key in keys:
        assert store.patch(key, store.load(key).version, change(EMPTY, acknowledged=1))
    for key in keys:
        assert store.patch(key, loaded[key].version, change(loaded[key].record, late=1))
    found = [codec.decode(store.load(key).record) for key in keys]
    assert [{**data, "probe": 1} for data in found] == [
        {"acknowledged": 1, "late": 1, "probe": 1} for _ in keys
    ]
    print(f"Sentinel failover with lag: of {len(keys)} writes to the new primary none overwritten")
    store.close()


def _stop_replication(primary: Server, sentinel: Any) -> None:
    """The replica may not connect again, and the primary does not notice."""
    ((host, port),) = sentinel.discover_slaves("sessions")
    with redis.Redis(host=host, port=port) as replica, redis.Redis(port=primary.port) as client:
        replica.config_set("masterauth", "wrong")
        client.client_kill_filter(_type="replica")
        wait_until(lambda: replica.info("replication")["master_link_status"] == "down")


def _can_write(store: Any, key: str) -> bool:
    try:
        return bool(store.patch(key, None, change(EMPTY, probe=1)))
    except StoreUnavailable:
        time.sleep(0.05)
        return False
