"""Servers that are killed, that hang, and that answer with errors of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import sqlalchemy

from ringsession import codec
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.testing import change, key_of
from tests import servers
from tests.servers import Server
from tests.serving import wait_until
from tests.stores.networked import make_store, store_at
from tests.tracing import Client

pytestmark = pytest.mark.server
EMPTY = codec.encode({})


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server for one test alone, by the name of its kind and further arguments."""
    kind, *arguments = request.param
    server: Server = getattr(servers, kind)(*arguments)
    try:
        yield server.start()
    finally:
        server.stop()


DURABLE = [("valkey", "--appendonly", "yes", "--appendfsync", "always"), ("postgresql",)]
in_turn = pytest.mark.parametrize("own_server", DURABLE, indirect=True, ids=lambda row: row[0])


@in_turn
def test_what_was_acknowledged_survives_a_killed_server(own_server: Server) -> None:
    store, key = make_store(own_server), key_of("a")
    store.create(key, EMPTY, Lifetime())
    acknowledged: list[str] = []
    failed: list[str] = []
    end = threading.Event()

    def write(worker: int) -> None:
        number = 0
        while not end.is_set():
            number += 1
            name = f"{worker}-{number}"
            try:
                assert store.patch(key, None, change(EMPTY, **{name: number}))
            except StoreUnavailable:
                failed.append(name)
                time.sleep(0.01)
            else:
                acknowledged.append(name)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) >= 50)
    own_server.kill()
    wait_until(lambda: len(failed) >= 4)
    own_server.start()
    before = len(acknowledged)
    wait_until(lambda: len(acknowledged) >= before + 20)
    end.set()
    for thread in threads:
        thread.join(30)
    loaded = store.load(key)
    assert set(acknowledged) - codec.decode(loaded.record).keys() == set()
    getattr(store, "close", lambda: None)()


@pytest.mark.parametrize(
    "own_server",
    [("valkey",), ("postgresql",), ("mariadb",)],
    indirect=True,
    ids=lambda row: row[0],
)
def test_attack_32_a_server_that_hangs_is_a_503_in_time(own_server: Server) -> None:
    patient = signed_in(own_server)
    client = Client(store_at(own_server, own_server.port, timeout=0.2))
    client.cookie = patient.cookie
    client.read()  # it has a connection that works
    own_server.pause()
    try:
        answers = [client.send(lambda request: request["session"].get("n")) for _ in range(2)]
    finally:
        own_server.go_on()  # only now, so that what was answered before was not by the server
    assert [answer["status"] for answer in answers] == [503, 503]
    assert patient.read() == {"n": 1}
    for store in (patient.store, client.store):
        getattr(store, "close", lambda: None)()


@pytest.fixture
def admin(valkey: Server) -> Iterator[Any]:
    with redis.Redis(port=valkey.port) as client:
        yield client


def signed_in(server: Server) -> Client:
    client = Client(make_store(server))
    client.send(lambda request: {"session": {"n": 1}})
    return client


def write(request: Any) -> None:
    request["session"]["n"] = 2


def test_attack_86_scripts_that_the_server_forgot_are_sent_again(
    valkey: Server, admin: Any
) -> None:
    client = signed_in(valkey)
    for page in (write, lambda request: request["session"].swap("n", lambda n: n + 1)):
        admin.script_flush()
        assert client.send(page)["status"] == 200
    assert client.read() == {"n": 3}


def test_attack_86_a_replica_in_the_primarys_place_is_a_503_at_a_write(
    valkey: Server, admin: Any
) -> None:
    client = signed_in(valkey)
    admin.replicaof("127.0.0.1", valkey.port)
    try:
        assert client.send(write)["status"] == 503
    finally:
        admin.replicaof("NO", "ONE")
    assert client.read() == {"n": 1}


def test_attack_86_a_full_server_is_a_503_at_a_write_and_still_reads_and_signs_out(
    valkey: Server, admin: Any
) -> None:
    client = signed_in(valkey)
    admin.config_set("maxmemory", "1")
    try:
        assert client.send(write)["status"] == 503
        assert client.read() == {"n": 1}
        old = client.cookie
        assert client.send(lambda request: {"session": None})["status"] == 200
        assert client.read(old) == {}
    finally:
        admin.config_set("maxmemory", "0")
    assert client.read(old) == {}


def test_attack_86_an_evicted_session_is_empty(valkey: Server, admin: Any) -> None:
    client = signed_in(valkey)
    admin.flushdb()
    assert client.read() == {}


def test_attack_86_another_type_at_the_key_is_a_503_and_left_alone(
    valkey: Server, admin: Any
) -> None:
    client = signed_in(valkey)
    (key,) = admin.keys()
    admin.delete(key)
    admin.set(key, "of somebody else")
    assert client.send(write)["status"] == 503
    assert admin.get(key) == b"of somebody else"


@pytest.mark.parametrize("own_server", [("valkey",)], indirect=True)
def test_a_server_that_is_still_loading_is_a_503(own_server: Server) -> None:
    client = signed_in(own_server)
    with redis.Redis(port=own_server.port) as admin:
        admin.mset({f"other {number}": "x" * 2000 for number in range(2000)})
        admin.save()
    own_server.kill()
    slow = servers.valkey("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")  # fmt: skip
    own, slow.folder, slow.port = slow.folder, own_server.folder, own_server.port
    slow.is_ready = lambda: True
    try:
        slow.start()
        wait_until(slow._listens)
        with redis.Redis(port=slow.port) as admin:
            assert admin.info("persistence")["loading"] == 1
            assert client.send(write)["status"] == 503
            wait_until(lambda: admin.info("persistence")["loading"] == 0)
        assert client.read() == {"n": 1}
    finally:
        slow.kill()
        slow.folder = own
        slow.stop()


CONFLICTS = {
    "postgresql": [
        "DROP SEQUENCE IF EXISTS conflicts CASCADE",
        "CREATE SEQUENCE conflicts",
        "CREATE OR REPLACE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('conflicts') % 3 <> 0 THEN RAISE EXCEPTION 'two in each other''s way'"
        " USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER conflict BEFORE UPDATE ON ringsession FOR EACH ROW EXECUTE FUNCTION conflict()",
    ],
    "mariadb": [
        "CREATE OR REPLACE SEQUENCE conflicts",
        "CREATE TRIGGER conflict BEFORE UPDATE ON ringsession FOR EACH ROW BEGIN"
        " IF nextval(conflicts) % 3 <> 0 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {code};"
        " END IF; END",
    ],
}


@pytest.mark.parametrize(
    "name, code",
    [("postgresql", "40001"), ("postgresql", "40P01"), ("mariadb", "1213"), ("mariadb", "1020")],
)
def test_a_statement_that_the_server_undid_for_anothers_sake_is_run_again(
    name: str, code: str, request: pytest.FixtureRequest
) -> None:
    """Deadlocks and serialisation failures, two of three times, as the server itself would raise
    them.
    """
    server: Server = request.getfixturevalue(name)
    client = signed_in(server)
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for statement in CONFLICTS[name]:
            connection.exec_driver_sql(statement.replace("{code}", code).replace("%", "%%"))
    try:
        for page in (write, lambda request: request["session"].swap("n", lambda n: n + 1)):
            assert client.send(page)["status"] == 200
        assert client.read() == {"n": 3}
    finally:
        on = " ON ringsession" if name == "postgresql" else ""
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TRIGGER conflict{on}")
    client.store.close()


def test_writes_are_kept_where_every_transaction_is_serializable(postgresql: Server) -> None:
    engine = sqlalchemy.create_engine(postgresql.url, poolclass=sqlalchemy.NullPool)

    def isolate(level: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER ROLE ringsession SET default_transaction_isolation = '{level}'")  # fmt: skip

    isolate("serializable")
    try:
        store, key = make_store(postgresql), key_of("a")
        store.create(key, EMPTY, Lifetime())

        def work(worker: int) -> None:
            for number in range(25):
                assert store.patch(key, None, change(EMPTY, **{f"{worker}-{number}": number}))

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(codec.decode(store.load(key).record)) == 100
        store.close()
    finally:
        isolate("read committed")
