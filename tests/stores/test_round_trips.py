"""How many round trips an operation costs, counted at the connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fault_proxy import FaultProxy
from tests.servers import Server
from tests.stores.networked import SERVERS, make_store, pass_time, store_at
from tests.tracing import Client

pytestmark = pytest.mark.server


def change(request: Any) -> None:
    request["session"]["n"] += 1


def read(request: Any) -> None:
    request["session"]["n"]


def swap(request: Any) -> None:
    request["session"].swap("n", lambda n: n + 1)


def recreate(request: Any) -> None:
    request["session"].recreate()


def destroy(request: Any) -> Any:
    return {"session": None}


def create(request: Any) -> Any:
    return {"session": {"n": 0, "cart": []}}


class Counted:
    """A client whose requests' round trips are counted."""

    def __init__(self, server: Server, proxy: FaultProxy, store: Any) -> None:
        self.server = server
        self._proxy = proxy
        self.client = Client(store)
        # The first of each may have to bring its script to the server, or to prepare its statement
        # there.
        for page in (create, change, swap, recreate, destroy, create):
            self.send(page)
        pass_time(server, 120)
        self.send(read)  # moves the deadline

    def send(self, page: Any) -> int:
        self._proxy.taken()
        response = self.client.send(page)
        assert response["status"] == 200
        return self._proxy.taken()

    @property
    def is_sql(self) -> bool:
        return not self.server.url.startswith("redis")


@pytest.fixture(params=SERVERS)
def counted(request: pytest.FixtureRequest) -> Iterator[Counted]:
    server: Server = request.getfixturevalue(request.param)
    getattr(make_store(server), "close", lambda: None)()
    with FaultProxy(server.port) as proxy:
        store = store_at(server, proxy.port)
        yield Counted(server, proxy, store)
        getattr(store, "close", lambda: None)()


def test_what_a_request_costs(counted: Counted) -> None:
    costs = {
        "untouched": counted.send(lambda request: None),
        "read": counted.send(read),
        "read, and could have changed": counted.send(lambda request: request["session"]["cart"]),
        "changed": counted.send(change),
        "swap": counted.send(swap),
        "recreate": counted.send(recreate),
        "destroy": counted.send(destroy),
        "read what is gone": counted.send(lambda request: request["session"].get("n")),
        "create": counted.send(create),
    }
    assert costs == {
        "untouched": 0,
        "read": 1,
        "read, and could have changed": 1,
        "changed": 2,  # it read first
        "swap": 3,  # it read first; then its own read and write
        "recreate": 3,  # it read first; then it stores the new session and claims the old one
        "destroy": 2,  # it read first
        "read what is gone": 0,  # the client has no cookie any more
        "create": 1,
    }


def test_a_read_that_moves_the_deadline(counted: Counted) -> None:
    pass_time(counted.server, 120)
    assert [counted.send(read), counted.send(read)] == [2, 1]


def test_the_first_use_of_a_statement_costs_one_more_on_a_connection_to_postgresql(
    counted: Counted,
) -> None:
    with FaultProxy(counted.server.port) as proxy:
        store = store_at(counted.server, proxy.port)
        client = Client(store)
        client.cookie = counted.client.cookie
        client.read()  # connects
        costs = []
        for page in (change, change):
            proxy.taken()
            client.send(page)
            costs.append(proxy.taken())
        getattr(store, "close", lambda: None)()
    assert costs == [3 if "postgresql" in counted.server.url else 2, 2]


def test_a_conflict_costs_two_more_in_sql_and_one_in_redis(counted: Counted) -> None:
    direct = store_at(counted.server, counted.server.port)
    carts = iter([["tea"], ["tea", "milk"]])

    def overtaken(request: Any) -> None:
        change(request)
        other = Client(direct)
        other.cookie = counted.client.cookie
        other.send(lambda request: request["session"].update(cart=next(carts)))

    counted.send(overtaken)  # may have to bring its script to the server
    assert counted.send(overtaken) == (4 if counted.is_sql else 3)
    assert counted.client.read() == {"n": 2, "cart": ["tea", "milk"]}
    getattr(direct, "close", lambda: None)()
