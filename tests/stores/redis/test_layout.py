"""What stands in Redis and Valkey, which operators read: the table of docs/how-to/stores.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis as redis_py

from ringsession import codec, redis_store
from ringsession.stores import Change, Details, Lifetime, StoreUnavailable
from ringsession.stores.redis.scripts_users import MARK
from ringsession.testing import change, key_of
from tests.servers import Server
from tests.stores.networked import PREFIX, make_store, pass_time

pytestmark = pytest.mark.server
COOKIE = "c" * 32
EMPTY = codec.encode({})
HEAD = (
    r"L (?P<version>[0-9a-f]{16}) (?P<seen>\d{13}) (?P<created>\d{13})"
    r" (?P<disposable>[01])(?P<remembered>[01])(?P<deltas>\d{3})"
    r" (?P<idle>\d+|-) (?P<absolute>\d+|-) (?P<cookie>[0-9a-f]{32}|-)"
    r" (?P<began>\d{13}|-) (?P<owner>[0-9a-f]{64}|-) (?P<handle>[0-9a-f]{32}|-)"
    r" (?P<confirmed>\d{13}|=|-)\n(?P<body>.*)"
)
OWNER, HANDLE = "a" * 64, "b" * 32
INDEX = f"{PREFIX}user:{OWNER}"


@pytest.fixture(params=["valkey", "redis"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    with redis_py.Redis(port=server.port) as client:
        yield client


@pytest.fixture
def store(server: Server) -> Iterator[Any]:
    store = make_store(server)
    yield store
    store.close()


def fields(client: Any, key: str) -> dict[str, str]:
    match = re.fullmatch(HEAD, client.get(f"{PREFIX}{key}").decode(), re.DOTALL)
    assert match is not None
    return match.groupdict()


def test_a_session_is_a_head_and_its_record(store: Any, client: Any) -> None:
    key, record = key_of("a"), codec.encode({"user": "ann"})
    before = _now(client)
    assert store.create(key, record, Lifetime(1800, 86400), Details(COOKIE, disposable=True))
    found = fields(client, key)
    assert before <= int(found["created"]) <= _now(client)
    assert found == {
        **{"version": found["version"], "seen": found["created"], "created": found["created"]},
        **{"disposable": "1", "remembered": "0", "deltas": "000"},
        **{"idle": "1800000", "absolute": "86400000", "cookie": COOKIE},
        **{"began": "-", "owner": "-", "handle": "-", "confirmed": "-", "body": record},
    }
    assert 1_799_000 < client.pttl(f"{PREFIX}{key}") <= 1_800_000


def test_a_users_session_has_the_facts_of_its_login(store: Any, client: Any) -> None:
    key, later = key_of("a"), key_of("b")
    login = Details(COOKIE, owner=OWNER, handle=HANDLE, remembered=True, confirms=True)
    assert store.create(key, EMPTY, Lifetime(1800, 86400), login)
    names = ("remembered", "absolute", "began", "owner", "handle", "confirmed")
    found = fields(client, key)
    assert {name: found[name] for name in names} == {
        **{"remembered": "1", "absolute": "86400000", "began": "-"},
        **{"owner": OWNER, "handle": HANDLE, "confirmed": "="},
    }
    times = {"began": 1_700_000_000.5, "confirmed": 1_700_000_001.25}
    moved = Details(COOKIE, owner=OWNER, handle=HANDLE, continues=True, replaces=key, **times)
    assert store.create(later, EMPTY, Lifetime(1800, None), moved)
    found = fields(client, later)
    assert {name: found[name] for name in names} == {
        **{"remembered": "0", "absolute": f"{400 * 86_400_000}", "began": "1700000000500"},
        **{"owner": OWNER, "handle": HANDLE, "confirmed": "1700000001250"},
    }
    assert store.claim(later, store.load(later).version, key_of("c"))
    assert client.get(f"{PREFIX}{later}").decode() == f"M {COOKIE} 1700000000500 {key_of('c')}"
    loaded = store.load(key)
    assert store.patch(key, loaded.version, change(EMPTY, a=1))
    assert store.patch(key, loaded.version, change(EMPTY, b=1))
    assert {name: fields(client, key)[name] for name in names[3:]} == {
        **{"owner": OWNER, "handle": HANDLE, "confirmed": "="}
    }


def test_an_index_has_the_keys_of_each_login(store: Any, client: Any) -> None:
    keys, now = [key_of("a"), key_of("b")], _now(client)
    login = Details(COOKIE, owner=OWNER, handle=HANDLE)
    assert store.create(keys[0], EMPTY, Lifetime(1800, 86400), login)
    again = login._replace(continues=True, replaces=keys[0])
    assert store.create(keys[1], EMPTY, Lifetime(1800, 3600), again)
    (entry,) = client.hgetall(INDEX).items()
    form = rf"\+ (\d{{13}}) {keys[0]}:(\d{{13}}) {keys[1]}:(\d{{13}})"
    match = re.fullmatch(form, entry[1].decode())
    assert entry[0].decode() == HANDLE and match is not None
    ends, *enlisted = map(int, match.groups())
    assert now <= enlisted[0] <= enlisted[1] <= _now(client)
    assert 0 <= ends - 86_460_000 - now < 5_000, "a day, which is the longer time, and a minute"
    assert abs(client.pexpiretime(INDEX) - ends) <= 1
    other = key_of("c")
    assert store.create(other, EMPTY, Lifetime(), login._replace(handle="c" * 32))
    store._index(OWNER).run(MARK, b"one", HANDLE.encode())
    assert client.hget(INDEX, HANDLE) == b"-" + entry[1][1:]
    assert store.end_sessions(OWNER, spare="c" * 32) == 2
    assert client.hkeys(INDEX) == [b"c" * 32]
    assert store.destroy(other) and not client.exists(INDEX)


def test_a_session_without_times_has_no_time_to_live(store: Any, client: Any) -> None:
    key = key_of("a")
    assert store.create(key, EMPTY, Lifetime(None, None))
    found = fields(client, key)
    assert (found["idle"], found["absolute"], client.pttl(f"{PREFIX}{key}")) == ("-", "-", -1)


def test_the_absolute_time_bounds_the_time_to_live(store: Any, client: Any, server: Server) -> None:
    key = key_of("a")
    assert store.create(key, EMPTY, Lifetime(1800, 2000))
    pass_time(server, 600)
    assert store.load(key).moved
    assert 1_398_000 < client.pttl(f"{PREFIX}{key}") <= 1_400_000


def test_tombstones(store: Any, client: Any) -> None:
    for name in ("ended", "moved"):
        assert store.create(key_of(name), EMPTY, Lifetime(), Details(COOKIE))
    assert store.destroy(key_of("ended"))
    assert store.claim(key_of("moved"), store.load(key_of("moved")).version, key_of("new"))
    texts = {name: client.get(f"{PREFIX}{key_of(name)}").decode() for name in ("ended", "moved")}
    assert texts == {"ended": f"D {COOKIE} -", "moved": f"M {COOKIE} - {key_of('new')}"}
    for name in texts:
        assert 59_000 < client.pttl(f"{PREFIX}{key_of(name)}") <= 60_000


def test_a_write_keeps_the_times_and_the_time_to_live(store: Any, client: Any) -> None:
    key = key_of("a")
    assert store.create(key, EMPTY, Lifetime(), Details(COOKIE))
    client.pexpire(f"{PREFIX}{key}", 1_000_000)
    before = fields(client, key)
    assert store.patch(key, store.load(key).version, change(EMPTY, a=1))
    after = fields(client, key)
    assert after == {**before, "version": after["version"], "body": codec.encode({"a": 1})}
    assert after["version"] != before["version"]
    assert 990_000 < client.pttl(f"{PREFIX}{key}") <= 1_000_000


def test_a_write_that_was_overtaken_is_appended(store: Any, client: Any) -> None:
    key, record = key_of("a"), codec.encode({"a": 1, "b": 1})
    assert store.create(key, record, Lifetime())
    version = store.load(key).version
    assert store.patch(key, version, change(record, a=2))
    assert store.patch(key, version, change(record, b=None, é="\n"))
    found = fields(client, key)
    delta = r'[{"\u00e9": "\"\\n\""}, ["b"]]'
    assert (found["deltas"], found["body"]) == ("001", '1{"a":2,"b":1}\n' + delta)
    assert codec.decode(store.load(key).record) == {"a": 2, "é": "\n"}


def test_a_session_that_is_always_overtaken_stays_short(store: Any, client: Any) -> None:
    key = key_of("a")
    assert store.create(key, EMPTY, Lifetime())
    longest = 0
    for number in range(200):
        assert store.patch(key, None, change(EMPTY, **{f"n{number % 10}": number}))
        longest = max(longest, client.strlen(f"{PREFIX}{key}"))
    assert int(fields(client, key)["deltas"]) < 16
    assert longest < 1000
    assert codec.decode(store.load(key).record) == {f"n{n % 10}": n for n in range(190, 200)}


def test_what_another_request_writes_while_deltas_are_folded_is_kept(
    store: Any, client: Any
) -> None:
    """The other request replaces the record, or appends to it."""
    for version_of in (lambda loaded: loaded.version, lambda loaded: None):
        key = key_of(repr(version_of))
        assert store.create(key, EMPTY, Lifetime())
        for number in range(15):
            assert store.patch(key, None, change(EMPTY, **{f"n{number}": number}))
        ask, scripts = store._connections.ask, []

        def overtaken(name: bytes, commands: Any, deadline: float) -> Any:
            replies = ask(name, commands, deadline)
            if commands[0][0] == b"GET":
                store._connections.ask = ask
                loaded = store.load(key)
                assert store.patch(key, version_of(loaded), change(loaded.record, other=1))
            scripts.append(commands[0][0])
            return replies

        store._connections.ask = overtaken
        assert store.patch(key, None, change(EMPTY, n15=15))
        assert b"GET" in scripts
        data = codec.decode(store.load(key).record)
        assert data == {**{f"n{number}": number for number in range(16)}, "other": 1}
        deltas = int(fields(client, key)["deltas"])
        assert deltas == (0 if version_of(store.load(key)) else 1)


def test_a_write_is_done_even_if_its_deltas_cannot_be_folded(store: Any, client: Any) -> None:
    key, ask = key_of("a"), store._connections.ask
    assert store.create(key, EMPTY, Lifetime())

    def fail_to_look(name: bytes, commands: Any, deadline: float) -> Any:
        if commands[0][0] == b"GET":
            raise StoreUnavailable("down")
        return ask(name, commands, deadline)

    store._connections.ask = fail_to_look
    for number in range(16):
        assert store.patch(key, None, change(EMPTY, n=number)) is True
    store._connections.ask = ask
    assert fields(client, key)["deltas"] == "016"
    assert codec.decode(store.load(key).record) == {"n": 15}


def test_a_record_of_a_newer_version_is_kept_whatever_is_appended(store: Any, client: Any) -> None:
    key, record = key_of("a"), "2\nof a newer version"
    assert store.create(key, record, Lifetime())
    for number in range(40):
        assert store.patch(key, None, change(EMPTY, n=number))
    assert store.load(key).record == record


def test_a_read_that_was_slow_does_not_move_the_deadline_back(
    store: Any, client: Any, server: Server
) -> None:
    key, name = key_of("a"), f"{PREFIX}{key_of('a')}"
    assert store.create(key, EMPTY, Lifetime())
    pass_time(server, 120)
    ask = store._connections.ask

    def overtaken(*given: Any) -> Any:
        replies = ask(*given)
        if given[1][0][0] == b"GET":
            store._connections.ask = ask
            assert store.load(key).moved
            client.pexpire(name, 1_900_000)  # as if it had been later
        return replies

    store._connections.ask = overtaken
    assert store.load(key).moved is False
    assert client.pttl(name) > 1_890_000


def test_a_session_of_200_bytes_costs_less_than_500(store: Any, client: Any) -> None:
    key = key_of("a")
    record = codec.encode({"user": 1, "filling": "x" * (200 - len('1{"user":1,"filling":""}'))})
    assert len(record) == 200
    assert store.create(key, record, Lifetime(), Details(COOKIE))
    octets = client.memory_usage(f"{PREFIX}{key}")
    print(f"a session of 200 bytes: {octets} bytes")
    assert octets < 500


def test_a_string_of_somebody_else_is_neither_read_nor_replaced(store: Any, client: Any) -> None:
    key, name = key_of("a"), f"{PREFIX}{key_of('a')}"
    for text in (b"of somebody else", b"", b"L ", b"L " + b"x" * 400):
        client.set(name, text)
        with pytest.raises(Exception, match="a key holds something else"):
            store.load(key)
        assert store.create(key, EMPTY, Lifetime()) is False
        assert store.claim(key, b"0" * 16, key_of("new")) is False
        if not text.startswith(b"L "):
            assert store.patch(key, None, change(EMPTY, a=1)) is False
            assert store.destroy(key) is False
        assert client.get(name) == text


def test_two_prefixes_are_two_stores(server: Server, store: Any) -> None:
    other = redis_store(server.url, prefix="other:")
    assert store.create(key_of("a"), EMPTY, Lifetime())
    assert other.load(key_of("a")) is None
    assert other.create(key_of("a"), codec.encode({"b": 1}), Lifetime())
    assert store.load(key_of("a")).record == EMPTY
    other.close()


def test_a_version_of_an_old_primary_overwrites_nothing_on_a_new_one(
    valkey: Server, redis: Server
) -> None:
    """After a fail-over with lag, two servers may have the same number of writes to a session."""
    old, new = make_store(valkey), make_store(redis)
    key = key_of("a")
    assert old.create(key, EMPTY, Lifetime())
    _copy(valkey, redis, key)
    assert old.patch(key, old.load(key).version, change(EMPTY, lost=1))
    seen = old.load(key)  # by a request that is slow
    assert new.patch(key, new.load(key).version, change(EMPTY, acknowledged=1))
    late = Change(seen.record, codec.encode({"lost": 1, "late": 1}))
    assert new.patch(key, seen.version, late)
    assert codec.decode(new.load(key).record) == {"acknowledged": 1, "late": 1}
    assert new.claim(key, seen.version, key_of("new")) is False
    for store in (old, new):
        store.close()


def _copy(source: Server, target: Server, key: str) -> None:
    name = f"{PREFIX}{key}"
    with redis_py.Redis(port=source.port) as one, redis_py.Redis(port=target.port) as other:
        other.set(name, one.get(name))


def _now(client: Any) -> int:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000
