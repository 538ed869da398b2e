"""The contract of a store, on a cluster of three nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from ringsession import redis_store
from ringsession.testing import StoreContract
from tests.servers import Server
from tests.stores.networked import pass_time_in_redis
from tests.stores.redis.clusters import start_cluster
from tests.stores.redis.test_cluster import _redis_py

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Server]]:
    with start_cluster() as nodes:
        yield nodes


class TestOnCluster(StoreContract):
    @pytest.fixture(autouse=True)
    def on_cluster(self, nodes: list[Server]) -> Iterator[None]:
        self.nodes = nodes
        self.opened: list[Any] = []
        yield
        for each in self.opened:
            each.close()

    def make_store(self) -> Any:
        for node in self.nodes:
            with redis.Redis(port=node.port) as client:
                client.flushall()
        client = _redis_py(self.nodes)
        store = redis_store(client)
        self.opened += [store, client]
        return store

    def pass_time(self, seconds: float) -> None:
        for node in self.nodes:
            pass_time_in_redis(node, round(seconds * 1000))
