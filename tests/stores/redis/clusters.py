"""A cluster of Valkey servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import redis

from tests import servers
from tests.servers import Server
from tests.serving import free_port, wait_until

SLOTS = 16_384


@contextmanager
def start_cluster() -> Iterator[list[Server]]:
    """Start three primaries that share the 16,384 slots."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(3):
            bus = str(free_port())
            node = servers.valkey("--cluster-enabled", "yes", "--cluster-port", bus)
            stack.callback(node.stop)
            nodes.append((node.start(), bus))
        clients = [stack.enter_context(redis.Redis(port=node.port)) for node, _ in nodes]
        for number, client in enumerate(clients):
            first, last = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0][0].port, nodes[0][1])
        wait_until(lambda: all(_agrees(client) for client in clients))
        yield [node for node, _ in nodes]


def _agrees(client: Any) -> bool:
    said = client.execute_command("CLUSTER INFO")
    return bool(said["cluster_state"] == "ok" and said["cluster_known_nodes"] == "3")
