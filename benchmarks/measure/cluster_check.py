"""A real cluster of three nodes, beside what `slots` predicts of it.

Fills the cluster through the store, looks at each node, moves slots to another node, signs a user
with many logins out, and ends every session.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any, NamedTuple

import redis
from redis.cluster import ClusterNode, RedisCluster

from benchmarks.measure.slots import PREFIX, node_of, session_name, slot, user_name
from benchmarks.measure.store_costs import COOKIE, Costs, make_record
from ringsession import redis_store
from ringsession.stores import Details, Lifetime
from tests.servers import Server
from tests.stores.redis.clusters import start_cluster

NODES = 3
LIFETIME = Lifetime(86_400, 90_000)  # nothing ends while this runs
_THREADS = 4


class Node(NamedTuple):
    """What one node has."""

    keys: int
    octets: int


class Moved(NamedTuple):
    """Slots that went to another node."""

    slots: int
    keys: int
    seconds: float


class Ended(NamedTuple):
    """What the end of every session took."""

    sessions: int
    look: float  # seconds of one look at all keys
    seconds: float


class Cluster:
    """The running cluster, and the store on it."""

    def __init__(self, nodes: list[Server], clients: list[Any], store: Any) -> None:
        self.store = store
        self._ports = [node.port for node in nodes]
        self._clients = clients

    def look(self) -> list[Node]:
        return [
            Node(client.dbsize(), client.info("memory")["used_memory"]) for client in self._clients
        ]

    def move(self, slots: int) -> Moved:
        """Move the first slots of the first node to the second, as `valkey-cli` does it."""
        source, target = self._clients[:2]
        names = [client.execute_command("CLUSTER MYID") for client in self._clients]
        begin, moved = perf_counter(), 0
        for number in range(slots):
            target.execute_command("CLUSTER", "SETSLOT", number, "IMPORTING", names[0])
            source.execute_command("CLUSTER", "SETSLOT", number, "MIGRATING", names[1])
            keys = source.execute_command("CLUSTER", "GETKEYSINSLOT", number, 10_000)
            if keys:
                to = ("127.0.0.1", self._ports[1], "", 0, 5000, "KEYS", *keys)
                source.execute_command("MIGRATE", *to)
            moved += len(keys)
            for client in (target, source, self._clients[2]):
                client.execute_command("CLUSTER", "SETSLOT", number, "NODE", names[1])
        return Moved(slots, moved, perf_counter() - begin)

    def end_everyone(self) -> Ended:
        begin = perf_counter()
        count = self.store.count_sessions()
        look = perf_counter() - begin
        begin = perf_counter()
        ended = self.store.end_all_sessions(COOKIE)
        assert ended == count
        return Ended(ended, look, perf_counter() - begin)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        nodes = stack.enter_context(start_cluster())
        clients = [stack.enter_context(redis.Redis(port=node.port, protocol=2)) for node in nodes]
        start = [ClusterNode("127.0.0.1", node.port) for node in nodes]
        client = RedisCluster(startup_nodes=start, socket_timeout=10)
        stack.callback(client.close)
        store = redis_store(client)
        stack.callback(store.close)
        yield Cluster(nodes, clients, store)


def has_user(number: int, share: float) -> bool:
    """Return whether somebody is signed in, in such a share of sessions.

    >>> [has_user(number, 0.5) for number in range(4)]
    [False, True, False, True]
    """
    return int((number + 1) * share) > int(number * share)


def _details(number: int, share: float) -> Details:
    """Return the facts of one of many sessions. Each user has one session."""
    if not has_user(number, share):
        return Details(COOKIE)
    owner = user_name(number).rpartition(":")[2]
    return Details(COOKIE, owner=owner, handle=f"{number:032x}")


def fill(store: Any, numbers: range, share: float, size: int) -> None:
    """Create these sessions."""

    def create(part: range) -> None:
        for number in part:
            key, record = session_name(number).removeprefix(PREFIX), make_record(size, number)
            assert store.create(key, record, LIFETIME, _details(number, share))

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(create, (numbers[first::_THREADS] for first in range(_THREADS))))


class Predicted(NamedTuple):
    """What one node is to have."""

    plain: int = 0  # sessions without a user
    signed_in: int = 0
    indexes: int = 0

    @property
    def keys(self) -> int:
        return sum(self)

    def octets(self, costs: Costs) -> float:
        """Return the bytes, if an index took as much on another node as beside its session."""
        index = costs.user_octets - costs.octets
        return (self.plain + self.signed_in) * costs.octets + self.indexes * index


def predict(numbers: range, share: float) -> list[Predicted]:
    """Return what each node has of these sessions, by the slots of their names."""
    found = [Predicted()] * NODES

    def add(name: str, kind: Predicted) -> None:
        node = node_of(slot(name), NODES)
        found[node] = Predicted(*map(sum, zip(found[node], kind)))

    for number in numbers:
        signed_in = has_user(number, share)
        add(session_name(number), Predicted(not signed_in, signed_in))
        if signed_in:
            add(user_name(number), Predicted(indexes=1))
    return found


def predict_first_slots(numbers: range, share: float, slots: int) -> int:
    """Return how many keys the first slots have."""
    names = [session_name(number) for number in numbers]
    names += [user_name(number) for number in numbers if has_user(number, share)]
    return sum(slot(name) < slots for name in names)
