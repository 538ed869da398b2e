"""A connection that fails at every point of every operation: nothing acknowledged is lost, and
nothing comes back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fault_proxy import FAULTS, FaultProxy
from tests.servers import Server
from tests.stores.networked import make_store, store_at
from tests.tracing import Client

pytestmark = pytest.mark.server

START = {"a": 0, "n": 0}
# Seconds; the timeout of the store whose answer is delayed. The other stores have 2 seconds.
SHORT_TIMEOUT = 0.1


def read(request: Any) -> Any:
    assert request["session"]["a"] == 0


def create(request: Any) -> Any:
    return {"session": START}


def patch(request: Any) -> Any:
    request["session"]["a"] = 1


def swap(request: Any) -> Any:
    request["session"].swap("n", lambda n: n + 1)


def destroy(request: Any) -> Any:
    return {"session": None}


def recreate(request: Any) -> Any:
    request["session"]["user"] = "ann"
    request["session"].recreate()


# What may stand under the old and the new id after an answer of 200, and after one of 503. None:
# dead or absent.
LIVE = (START, None)
SIGNED_IN = (None, START | {"user": "ann"})
OUTCOMES: dict[Any, tuple[list[Any], list[Any]]] = {
    read: ([LIVE], [LIVE]),
    patch: ([({"a": 1, "n": 0}, None)], [LIVE, ({"a": 1, "n": 0}, None)]),
    swap: ([({"a": 0, "n": 1}, None)], [LIVE, ({"a": 0, "n": 1}, None)]),
    destroy: ([(None, None)], [LIVE, (None, None)]),
    recreate: ([SIGNED_IN], [LIVE, (None, None)]),
    create: ([(None, START)], [(None, None)]),
}


class Network:
    """A store behind the proxy, the same store without it, and what a run leaves in them."""

    def __init__(self, server: Server, proxy: FaultProxy) -> None:
        self.direct = make_store(server)
        self.through = store_at(server, proxy.port, timeout=20)  # a busy machine is no fault
        self.impatient = store_at(server, proxy.port, timeout=SHORT_TIMEOUT)
        self.proxy = proxy
        client = Client(self.through)
        for page in (create, patch, swap, recreate, destroy):
            client.send(page)  # the first of each may have to bring its script to the server

    def close(self) -> None:
        for store in (self.direct, self.through, self.impatient):
            getattr(store, "close", lambda: None)()

    def exchanges(self, page: Any, first: bool) -> int:
        """How many a request with this page has, when nothing happens."""
        client = self.begin(page, self.through, first)
        self.proxy.taken()
        client.send(page)
        return self.proxy.taken()

    def begin(self, page: Any, store: Any, first: bool) -> Client:
        """A client with a session (none for `create`), whose store has a connection that works.

        first: whether its statements are used for the first time on that connection, and have to be
        prepared.
        """
        if first:
            store.close()
        else:
            self._created(store).send(page)
        client = self._created(store)
        if page is create:
            client.cookie = None
        return client

    def _created(self, store: Any) -> Client:
        client = Client(store)
        for _ in range(50):  # a busy machine may be too slow for a store with a short timeout
            if client.send(create)["status"] == 200:
                break
            time.sleep(0.02)
            client.cookie = None
        return client

    def run(self, page: Any, fault: str, skip: int, first: bool) -> tuple[int, tuple[Any, Any]]:
        """The answer's status, and what is under the old and the new id after it."""
        for _ in range(10 if fault == "delay" else 1):
            client = self.begin(page, self.impatient if fault == "delay" else self.through, first)
            old = client.cookie
            before = self.proxy.fired
            self.proxy.arm(fault, skip=skip, seconds=3 * SHORT_TIMEOUT)
            response = client.send(page)
            self.proxy.disarm()
            if self.proxy.fired == before + 1:
                new = client.cookie if client.cookie != old else None
                return response["status"], (self.under(old), self.under(new))
            # On a busy machine the impatient store gave up before the exchange to be delayed.
            assert response["status"] == 503
        raise AssertionError(f"{fault} never met the exchange number {skip}")

    def under(self, cookie: str | None) -> Any:
        client = Client(self.direct)
        return (client.read(cookie) or None) if cookie else None


@pytest.fixture(params=["valkey", "postgresql", "mariadb"])
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    server: Server = request.getfixturevalue(request.param)
    with FaultProxy(server.port) as proxy:
        network = Network(server, proxy)
        yield network
        network.close()


def harm(network: Network, page: Any, fault: str, runs: int, first: bool = False) -> dict[int, int]:
    """Harm each exchange of the page's request in turn. Return the number of each status."""
    exchanges, seen = network.exchanges(page, first), {200: 0, 503: 0}
    for number in range(runs):
        status, left = network.run(page, fault, number % exchanges, first)
        after_success, after_failure = OUTCOMES[page]
        assert left in (after_success if status == 200 else after_failure)
        seen[status] += 1
    return seen


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("page", OUTCOMES, ids=lambda page: page.__name__)
def test_what_was_acknowledged_is_there_and_what_is_dead_stays_dead(
    network: Network, page: Any, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "ringsession")  # hundreds of expected tracebacks
    seen = harm(network, page, fault, 20)
    if fault == "delay":
        assert seen[503]  # the store gave up in time
    elif page is not swap:
        assert seen == {200: 20, 503: 0}  # a connection that broke is tried again


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "delay"])
@pytest.mark.parametrize("page", OUTCOMES, ids=lambda page: page.__name__)
@pytest.mark.parametrize("network", ["postgresql"], indirect=True)
def test_the_same_where_the_statements_are_being_prepared(
    network: Network, page: Any, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "ringsession")
    seen = harm(network, page, fault, 20, first=True)
    if page is not swap:
        assert seen == {200: 20, 503: 0}


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_a_hundred_runs_of_each_fault_at_each_operation(
    network: Network, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "ringsession")
    for page in OUTCOMES:
        seen = harm(network, page, fault, 100)
        print(
            f"{network.through!r} {fault}, {page.__name__}: {seen[200]} answered, {seen[503]} x 503"
        )
