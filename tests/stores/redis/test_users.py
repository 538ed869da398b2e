"""The sessions of a user in Redis, Valkey and a cluster: what each act costs, and what survives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from ringsession import codec, redis_store, user_sessions
from ringsession.stores import Details, Lifetime, StoreUnavailable
from ringsession.stores.ids import hash_cookie_name, hash_owner
from ringsession.stores.redis.scan import Scan
from ringsession.stores.redis.scripts_users import END
from ringsession.testing import key_of
from tests.fault_proxy import FAULTS, FaultProxy
from tests.servers import Server
from tests.serving import wait_until
from tests.stores.networked import PREFIX, make_store, store_at
from tests.stores.redis.test_cluster import Slot, _redis_py
from tests.stores.redis.clusters import start_cluster
from tests.stores.redis.test_exchange import RIGHTS
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


def sign_in_four(counted: Counted) -> list[Client]:
    browsers = [Client(counted.store, user_key="user") for _ in range(4)]
    for browser in browsers:
        browser.send(log_in)
    return browsers


@pytest.mark.parametrize("fault", BREAKS)
def test_an_end_of_all_that_fails_is_completed_by_the_next_call(
    counted: Counted, fault: str
) -> None:
    users, failed = user_sessions(counted.store), 0
    for skip in range(6):  # its exchanges: the index, four sessions, the index again
        browsers = sign_in_four(counted)
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
        browsers = sign_in_four(counted)
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


def _enlist_a_minute_ago(client: Any) -> None:
    for handle, entry in client.hgetall(INDEX).items():
        head, _, enlisted = entry.rpartition(b":")
        client.hset(INDEX, handle, b"%b:%d" % (head, int(enlisted) - 61_000))


def test_one_timeout_bounds_all_commands_of_a_call(
    valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, deadlines = make_store(valkey), []
    connections, handles = store._connections, [f"{number:032x}" for number in range(20)]
    ask = connections.ask

    def watched(key: bytes, commands: Any, deadline: float) -> Any:
        deadlines.append(deadline)
        return ask(key, commands, deadline)

    monkeypatch.setattr(connections, "ask", watched)
    for handle in handles:
        assert store.create(key_of(handle), codec.encode({}), Lifetime(), _details(handle))
    with redis.Redis(port=valkey.port) as client:
        _enlist_a_minute_ago(client)
        client.delete(*(f"{PREFIX}{key_of(handle)}" for handle in handles))
    for call in (
        lambda: store.create(key_of("a"), codec.encode({}), Lifetime(), _details("a" * 32)),
        lambda: store.destroy(key_of("a")),
    ):
        deadlines.clear()
        assert call()
        assert len(deadlines) > 1 and len(set(deadlines)) == 1
    store.close()


def test_an_index_loses_the_logins_that_have_ended_by_themselves(valkey: Server) -> None:
    store = make_store(valkey)
    lifetime = Lifetime(1800, None)
    for number in range(40):
        details = _details(f"{number:032x}")
        assert store.create(key_of(f"old {number}"), codec.encode({}), lifetime, details)
    with redis.Redis(port=valkey.port) as client:
        for number in range(40):
            client.delete(f"{PREFIX}{key_of(f'old {number}')}")  # as its idle timeout would
        _enlist_a_minute_ago(client)
        for number in range(40):
            details = _details(f"{1000 + number:032x}")
            store.create(key_of(f"new {number}"), codec.encode({}), lifetime, details)
        handles = {handle.decode() for handle in client.hkeys(INDEX)}
        new = {f"{1000 + number:032x}" for number in range(40)}
        assert new <= handles and len(handles) < 60
        assert 399 < client.pttl(INDEX) / 86_400_000 < 400.001
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


@pytest.fixture
def between_steps(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run functions, each once, after the keys of a step were scanned and before they are read."""
    waiting: list[Any] = []
    read = Scan._read

    def act_and_read(self: Any, node: Any, commands: Any) -> Any:
        if waiting:
            waiting.pop(0)()
        return read(self, node, commands)

    monkeypatch.setattr(Scan, "_read", act_and_read)
    return waiting


def _visit(store: Any, count: int) -> list[Client]:
    browsers = [Client(store) for _ in range(count)]
    for browser in browsers:
        browser.send(lambda request: request["session"].update(n=1))
    return browsers


def test_everyone_ends_though_a_session_moves_past_the_scan(
    valkey: Server, between_steps: list[Any]
) -> None:
    store = make_store(valkey)
    browsers = _visit(store, 5)
    between_steps.append(lambda: [browser.send(move) for browser in browsers])
    assert user_sessions(store).end_everyone() == 5
    assert [browser.read() for browser in browsers] == [{}] * 5
    store.close()


def test_everyone_is_looked_for_again_on_a_new_connection(
    valkey: Server, between_steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cursor means nothing to a server that was started again."""
    store, passes, pass_ = make_store(valkey), [], Scan._end_found

    def watched(self: Any, *arguments: Any) -> Any:
        passes.append(pass_(self, *arguments))
        return passes[-1]

    monkeypatch.setattr(Scan, "_end_found", watched)
    _visit(store, 3)

    def end_connections() -> None:
        with redis.Redis(port=valkey.port) as client:
            client.client_kill_filter(_type="normal", skipme=True)

    assert user_sessions(store).end_everyone() == 3
    assert passes == [(3, False), (0, True)]
    passes.clear()
    _visit(store, 1)
    between_steps += [lambda: None, lambda: None, end_connections]
    assert user_sessions(store).end_everyone() == 1
    assert passes == [(1, False), (0, False), (0, True)]
    store.close()


def test_everyone_is_not_surely_ended_where_a_pass_is_longer_than_a_tombstone_lives(
    valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(valkey)
    browsers = _visit(store, 3)
    monkeypatch.setattr("ringsession.stores.redis.scan._LONGEST_PASS", 0)
    with pytest.raises(StoreUnavailable, match="ended 3 sessions, but one look at all keys takes"):
        user_sessions(store).end_everyone()
    assert [browser.read() for browser in browsers] == [{}] * 3
    store.close()


def test_a_planted_tombstone_is_no_session_that_was_ended(valkey: Server) -> None:
    store = make_store(valkey)
    assert store.create(key_of("a"), codec.encode({}), Lifetime(), _details("0" * 32))
    absent, present = store._call(key_of("b")), store._call(key_of("a"))
    answers = [call.run(END, again) for call in (absent, present) for again in (b"0", b"1", b"0")]
    assert answers == [0, 0, 0, 1, 1, 0]
    assert not store.create(key_of("b"), codec.encode({}), Lifetime(), _details("1" * 32))
    store.close()


def test_a_session_stands_in_the_index_until_its_end_though_it_was_created_late(
    valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(valkey)
    insert = store._insert

    def insert_late(*arguments: Any) -> Any:
        time.sleep(0.6)
        return insert(*arguments)

    monkeypatch.setattr(store, "_insert", insert_late)
    assert store.create(key_of("a"), codec.encode({}), Lifetime(1800, 0.5), _details("0" * 32))
    assert store.end_sessions(ANN) == 1
    store.close()


# As docs/how-to/stores.md gives them.
USER_RIGHTS = "hget hset hdel hgetall hlen hrandfield pttl".split()


@pytest.fixture(params=["valkey", "redis"])
def limited(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """Return an administrator's client, and a store whose rights are those of `redis_store`."""
    server = request.getfixturevalue(request.param)
    with redis.Redis(port=server.port) as admin:
        admin.flushall()
        admin.execute_command("ACL", "SETUSER", "web", "reset", "on", ">s3cret", *RIGHTS.split())
        store = redis_store(f"redis://web:s3cret@127.0.0.1:{server.port}/0", timeout=5)
        yield admin, store
        store.close()
        admin.execute_command("ACL", "DELUSER", "web")


def _grant(admin: Any, names: list[str]) -> None:
    admin.execute_command("ACL", "SETUSER", "web", *(f"+{name}" for name in names))


def test_the_documented_rights_are_enough_for_users(limited: tuple[Any, Any]) -> None:
    admin, store = limited
    _grant(admin, USER_RIGHTS)
    store.check()
    store.check_users()
    users = user_sessions(store)
    browsers = [Client(store, user_key="user", user_limit=18) for _ in range(20)]
    for browser in browsers:
        browser.send(log_in)
    browsers[19].send(move)
    browsers[18].send(lambda request: {"session": None})
    assert len(users.list("ann")) == 17
    assert users.end_all("ann") == 17
    with pytest.raises(StoreUnavailable, match="NOPERM"):
        users.end_everyone()
    _grant(admin, ["scan"])
    browsers[0].send(log_in)
    assert (store.count_sessions(), users.end_everyone(), store.count_sessions()) == (1, 1, 0)


@pytest.mark.parametrize("missing", USER_RIGHTS)
def test_a_right_that_users_need_is_asked_for_only_where_an_app_has_users(
    limited: tuple[Any, Any], missing: str
) -> None:
    admin, store = limited
    _grant(admin, [name for name in USER_RIGHTS if name != missing])
    store.check()
    Client(store)
    expected = (
        f"refuses {missing.upper()} under 'ringsession:'. Grant the rights in docs/how-to/stores.md"
    )
    with pytest.raises(ValueError, match=expected):
        store.check_users()
    with pytest.raises(ValueError, match=expected):
        Client(store, user_key="user")


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


def test_everyone_of_a_cluster_is_surely_ended_only_where_each_slot_is_seen(
    cluster: Any, nodes: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = cluster._connections
    every_node = connections.nodes
    _visit(cluster, 9)
    with monkeypatch.context() as patch:
        patch.setattr("ringsession.stores.redis.scan._LONGEST", 0.2)
        patch.setattr(connections, "nodes", lambda deadline: every_node(deadline)[:2])
        with pytest.raises(StoreUnavailable, match="a session may be left"):
            user_sessions(cluster).end_everyone()
    user_sessions(cluster).end_everyone()
    assert cluster.count_sessions() == 0


def test_the_layout_of_a_cluster_shows_a_slot_that_has_left_and_come_back(
    cluster: Any, nodes: list[Server]
) -> None:
    scan, key = Scan(cluster._connections, PREFIX), key_of("a")
    before = scan._layout()
    assert before is not None and before == scan._layout()
    for number in range(3):  # round the nodes, and back
        slot = Slot(nodes, cluster, key)
        slot.announce()
        assert scan._layout() is None
        slot.end()
        wait_until(lambda: scan._layout() not in (None, before))
        cluster.load(key)  # learns where the slot is now
        slot.close()
    after = scan._layout()
    assert after is not None and before != after
    assert {tuple(slots) for _, *slots in before} == {tuple(slots) for _, *slots in after}
