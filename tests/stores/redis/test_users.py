"""The sessions of a user in Redis, Valkey and a cluster: what each act costs, and what survives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from ringsession import codec, redis_store, user_sessions
from ringsession.stores import Details, Lifetime, StoreUnavailable
from ringsession.stores.ids import hash_cookie_name, hash_owner
from ringsession.testing import key_of
from tests.fault_proxy import FAULTS, FaultProxy
from tests.servers import Server
from tests.stores.networked import PREFIX, make_store, store_at
from tests.stores.redis.test_cluster import Slot, _redis_py
from tests.stores.redis.clusters import start_cluster
from tests.tracing import Client

pytestmark = pytest.mark.server

ANN = hash_owner("ann", "ring-session")
INDEX = f"{PREFIX}user:{ANN}"


def log_in(request: Any) -> None:
    request["session"]["user"] = "ann"


def move(request: Any) -> None:
    request["session"].recreate()


class Counted:
    """A browser of an app with users, whose exchanges are counted."""

    def __init__(self, server: Server, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.store = store_at(server, proxy.port)
        self.browser = Client(self.store, user_key="user")
        write = lambda request: request["session"].update(n=0)  # noqa: E731
        for page in (log_in, write, move, lambda request: {"session": None}):
            self.browser.send(page)  # each script must reach the server once
        user_sessions(self.store).end_all("ann")

    def cost(self, act: Any) -> int:
        self.proxy.taken()
        act()
        return self.proxy.taken()


@pytest.fixture
def counted(valkey: Server) -> Iterator[Counted]:
    make_store(valkey).close()
    with FaultProxy(valkey.port) as proxy:
        counted = Counted(valkey, proxy)
        yield counted
        counted.store.close()


def test_what_the_acts_of_a_user_cost(counted: Counted) -> None:
    send, users = counted.browser.send, user_sessions(counted.store)
    send(lambda request: request["session"].update(n=0))
    costs = {
        "login": counted.cost(lambda: send(log_in)),
        "untouched": counted.cost(lambda: send(lambda request: None)),
        "read": counted.cost(lambda: send(lambda request: request["session"]["user"])),
        "changed": counted.cost(lambda: send(lambda request: request["session"].update(n=1))),
        "move": counted.cost(lambda: send(move)),
        "list": counted.cost(lambda: users.list("ann")),
        "logout": counted.cost(lambda: send(lambda request: {"session": None})),
        "end of all": counted.cost(lambda: users.end_all("ann")),
    }
    assert costs == {
        "login": 4,  # it reads first; enlists, stores the new session, claims the anonymous one
        "untouched": 0,
        "read": 1,
        "changed": 2,
        "move": 5,  # as a login; then it drops the old session from the index
        "list": 2,  # the index, and all sessions together
        "logout": 3,  # it reads first; ends the session, and drops it from the index
        "end of all": 1,  # nobody is left
    }


BREAKS = [fault for fault in FAULTS if fault != "delay"]


@pytest.mark.parametrize("fault", BREAKS)
def test_an_end_of_all_that_fails_is_completed_by_the_next_call(
    counted: Counted, fault: str
) -> None:
    users, failed = user_sessions(counted.store), 0
    for skip in range(6):  # its exchanges: the index, four sessions, the index again
        browsers = [Client(counted.store, user_key="user") for _ in range(4)]
        for browser in browsers:
            browser.send(log_in)
        counted.proxy.arm(fault, skip=skip, times=2)  # a call repeats what failed once
        with pytest.raises(StoreUnavailable):
            users.end_all("ann")
        counted.proxy.disarm()
        failed += 1
        users.end_all("ann")
        assert [browser.read() for browser in browsers] == [{}] * 4
        assert users.list("ann") == []
    assert counted.proxy.fired == 2 * failed


@pytest.mark.parametrize("fault", BREAKS)
def test_an_end_of_all_whose_connection_breaks_once_is_complete(
    counted: Counted, fault: str
) -> None:
    users = user_sessions(counted.store)
    for skip in range(6):
        browsers = [Client(counted.store, user_key="user") for _ in range(4)]
        for browser in browsers:
            browser.send(log_in)
        counted.proxy.arm(fault, skip=skip)
        assert users.end_all("ann") == 4
        assert [browser.read() for browser in browsers] == [{}] * 4
    assert counted.proxy.fired == 6


# What the browser may find after a login of which one exchange failed twice: the session as
# before, or, where it was claimed already, none.
LOGIN_FAILURES = {"read": [{"cart": 1}], "enlist": [{"cart": 1}], "create": [{"cart": 1}]}
LOGIN_FAILURES |= {"claim": [{"cart": 1}, {}]}


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("exchange", LOGIN_FAILURES)
def test_a_login_that_fails_leaves_everything_as_before(
    counted: Counted, exchange: str, fault: str
) -> None:
    users, skip = user_sessions(counted.store), list(LOGIN_FAILURES).index(exchange)
    browser = Client(counted.store, user_key="user")
    browser.send(lambda request: request["session"].update(cart=1))
    counted.proxy.arm(fault, skip=skip, times=2)
    assert browser.send(log_in)["status"] == 503
    counted.proxy.disarm()
    assert browser.read() in LOGIN_FAILURES[exchange]
    assert len(users.list("ann")) == 0 or exchange in ("create", "claim"), "no cookie leads there"
    users.end_all("ann")
    assert users.list("ann") == []
    assert browser.send(log_in)["status"] == 200 and len(users.list("ann")) == 1


@pytest.mark.parametrize("fault", BREAKS)
def test_a_login_and_a_move_go_on_where_a_connection_breaks_once(
    counted: Counted, fault: str
) -> None:
    users = user_sessions(counted.store)
    for skip in range(5):
        browser = Client(counted.store, user_key="user")
        browser.send(lambda request: request["session"].update(cart=1))
        for page in (log_in, move):
            counted.proxy.arm(fault, skip=skip)
            assert browser.send(page)["status"] == 200
            counted.proxy.disarm()
            assert browser.read() == {"cart": 1, "user": "ann"}
            assert len(users.list("ann")) == 1
        browser.send(lambda request: {"session": None})
        assert users.list("ann") == []


def _details(handle: str, **facts: Any) -> Details:
    return Details(hash_cookie_name("ring-session"), owner=ANN, handle=handle, **facts)


def test_an_index_keeps_no_session_that_was_moved_or_ended(
    counted: Counted, valkey: Server
) -> None:
    for _ in range(3):
        counted.browser.send(log_in)
        for _ in range(5):
            counted.browser.send(move)
        with redis.Redis(port=valkey.port) as client:
            (entry,) = client.hvals(INDEX)
        assert entry.count(b":") == 1, "one session of one login"
        counted.browser.send(lambda request: {"session": None})
    with redis.Redis(port=valkey.port) as client:
        assert client.exists(INDEX) == 0


def test_an_index_loses_the_logins_that_have_ended_by_themselves(valkey: Server) -> None:
    store = make_store(valkey)
    lifetime = Lifetime(1800, None)
    for number in range(40):
        details = _details(f"{number:032x}")
        assert store.create(key_of(f"old {number}"), codec.encode({}), lifetime, details)
    with redis.Redis(port=valkey.port) as client:
        for number in range(40):
            client.delete(f"{PREFIX}{key_of(f'old {number}')}")  # as its idle timeout would
        for handle, entry in client.hgetall(INDEX).items():
            head, _, enlisted = entry.rpartition(b":")
            client.hset(INDEX, handle, b"%b:%d" % (head, int(enlisted) - 61_000))
        for number in range(40):
            details = _details(f"{1000 + number:032x}")
            store.create(key_of(f"new {number}"), codec.encode({}), lifetime, details)
        handles = {handle.decode() for handle in client.hkeys(INDEX)}
        new = {f"{1000 + number:032x}" for number in range(40)}
        assert new <= handles and len(handles) < 60
        year = 365 * 86_400 * 1000
        assert year < client.pttl(INDEX) <= 400 * 86_400 * 1000
    assert len(store.find_sessions(ANN)) == 40
    store.close()


def test_a_bound_session_ends_after_400_days(valkey: Server) -> None:
    store = make_store(valkey)
    store.create(key_of("a"), codec.encode({}), Lifetime(None, None), _details("0" * 32))
    (row,) = store.find_sessions(ANN)
    assert abs(row.ends - row.began - 400 * 86_400) < 1
    store.close()


def test_a_create_long_after_its_enlisting_is_refused(valkey: Server) -> None:
    store = make_store(valkey)
    enlist = store._enlist

    def enlist_a_minute_ago(*arguments: Any) -> Any:
        now, *sample = enlist(*arguments)
        return [b"%d" % (int(now) - 61_000), *sample]

    store._enlist = enlist_a_minute_ago
    with pytest.raises(StoreUnavailable, match="the clocks of two nodes differ by more than 30 s"):
        store.create(key_of("a"), codec.encode({}), Lifetime(1800, 3600), _details("0" * 32))
    store._enlist = enlist
    assert store.find_sessions(ANN) == []
    store.close()


def test_everyone_ends_though_a_prefix_has_special_characters(valkey: Server) -> None:
    make_store(valkey).close()
    odd, other = (redis_store(valkey.url, prefix=prefix) for prefix in ("a[b]*?\\-^:", "a:"))
    browsers = [Client(store) for store in (odd, other)]
    for browser in browsers:
        browser.send(lambda request: request["session"].update(n=1))
    assert [user_sessions(store).end_everyone() for store in (odd,)] == [1]
    assert [browser.read() for browser in browsers] == [{}, {"n": 1}]
    assert (odd.count_sessions(), other.count_sessions()) == (0, 1)
    for store in (odd, other):
        store.close()


def test_everyone_ends_though_a_session_moves_past_the_scan(valkey: Server) -> None:
    store = make_store(valkey)
    browsers = [Client(store) for _ in range(30)]
    for browser in browsers:
        browser.send(lambda request: request["session"].update(n=1))
    from ringsession.stores.redis.scan import Scan

    look, moves = Scan._look, iter(range(2))

    def look_and_move(self: Any, node: Any, names: list[bytes]) -> Any:
        if next(moves, None) is not None:
            for browser in browsers[:5]:
                browser.send(move)
        return look(self, node, names)

    Scan._look = look_and_move  # type: ignore[method-assign]
    try:
        assert user_sessions(store).end_everyone() == 30
    finally:
        Scan._look = look  # type: ignore[method-assign]
    assert [browser.read() for browser in browsers] == [{}] * 30
    store.close()


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Server]]:
    with start_cluster() as nodes:
        yield nodes


@pytest.fixture
def cluster(nodes: list[Server], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("ringsession.stores.redis.connections._SECONDS_PER_TOPOLOGY", 0)
    for node in nodes:
        with redis.Redis(port=node.port) as client:
            client.flushall()
    client = _redis_py(nodes)
    store = redis_store(client)
    yield store
    store.close()
    client.close()


def test_a_users_sessions_on_a_cluster(cluster: Any) -> None:
    users = user_sessions(cluster)
    browsers = [Client(cluster, user_key="user") for _ in range(9)]
    for browser in browsers:
        browser.send(log_in)
    anonymous = Client(cluster)
    anonymous.send(lambda request: request["session"].update(n=1))
    assert len(users.list("ann")) == 9 and cluster.count_sessions() == 10
    assert users.end_all("ann") == 9
    assert [browser.read() for browser in browsers] == [{}] * 9
    assert users.end_everyone() == 1 and cluster.count_sessions() == 0


def test_a_users_sessions_end_while_the_slot_of_one_moves(
    cluster: Any, nodes: list[Server]
) -> None:
    users = user_sessions(cluster)
    browsers = [Client(cluster, user_key="user") for _ in range(3)]
    for browser in browsers:
        browser.send(log_in)
    rows = cluster.find_sessions(ANN)
    slot = Slot(nodes, cluster, rows[0].key)
    slot.announce()
    assert len(users.list("ann")) == 3
    slot.move_the_key()
    assert len(users.list("ann")) == 3
    assert users.end_all("ann") == 3
    assert [browser.read() for browser in browsers] == [{}] * 3
    browsers[0].send(log_in)
    slot.end()
    slot.close()
    assert users.end_everyone() == 1
    assert [browser.read() for browser in browsers] == [{}] * 3
