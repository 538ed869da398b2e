"""What is found out about a server when an app is wrapped: a ConfigError for what waiting cannot
cure, one line for the rest, and no connection that workers would share.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import sqlalchemy
from werkzeug.test import Client

from ringsession import ConfigError, assoc_in, redis_store, response, site_defaults, sql_store
from ringsession import to_wsgi, wrap_defaults
from tests import servers
from tests.servers import Server
from tests.serving import free_port, wait_until
from tests.stores.networked import SERVERS, make_store

server_test = pytest.mark.server


def visit(request: Any) -> Any:
    session = request["session"]
    session["n"] = session.get("n", 0) + 1
    return response(str(session["n"]))


def site(store: Any) -> Client:
    return Client(
        wrap_defaults(to_wsgi(visit), assoc_in(site_defaults, ["session", "store"], store))
    )


def refusal(store: Any) -> str:
    """The ConfigError that the wrapping ends with, without a secret."""
    with pytest.raises(ConfigError) as caught:
        site(store)
    text = str(caught.value)
    assert text.startswith('["session"]["store"]: ')
    assert "s3cret" not in text and "\n" not in text
    return text


# -- a server that does not answer

NOWHERE = ["redis", "postgresql+psycopg", "mysql+pymysql"]


@pytest.mark.parametrize("scheme", NOWHERE)
def test_a_server_that_is_down_is_one_warning_and_a_503_is_one_error(
    scheme: str, caplog: Any
) -> None:
    port = free_port()
    caplog.set_level(logging.INFO)
    client = site(f"{scheme}://web:s3cret@127.0.0.1:{port}/0")
    (warned,) = caplog.records
    assert (warned.levelname, warned.exc_info) == ("WARNING", None)
    text = warned.getMessage()
    assert text.startswith("cannot reach <")
    assert f"127.0.0.1:{port}" in text
    assert "requests will get 503 until it answers" in text
    caplog.clear()
    client.set_cookie("ring-session", "a" * 43)
    assert client.get("/cart?token=s3cret").status_code == 503
    (failed,) = caplog.records
    assert (failed.levelname, failed.exc_info) == ("ERROR", None)
    line = failed.getMessage()
    assert "\n" not in line and " method=GET path=/cart seconds=" in line
    assert f"127.0.0.1:{port}" in line and "efused" in line
    assert "s3cret" not in text + line


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", NOWHERE)
def test_a_server_that_hangs_ends_no_wrapping_and_keeps_none_waiting(
    scheme: str, silent: int, caplog: Any
) -> None:
    make = redis_store if scheme == "redis" else sql_store
    site(make(f"{scheme}://web@127.0.0.1:{silent}/0", timeout=0.3))
    (text,) = caplog.messages
    assert "requests will get 503 until it answers" in text


# -- an option that nobody knows

UNKNOWN = [
    ("redis://127.0.0.1:1/0?socket_timout=1", 'did you mean "socket_timeout"?'),
    ("rediss://127.0.0.1:1/0?ssl_ca_cert=x", 'did you mean "ssl_ca_certs"?'),
    ("redis://127.0.0.1:1/0?s3cret=1", "unknown option"),
    ("redis://127.0.0.1:1/zero", "expected a number of a database"),
    ("redis://127.0.0.1:1/0?socket_timeout=soon", "socket_timeout"),
    ("postgresql+psycopg://u@127.0.0.1:1/db?conect_timeout=1", 'did you mean "connect_timeout"?'),
    ("postgresql+psycopg://u@127.0.0.1:1/db?s3cret=1", "unknown option"),
    ("postgresql+psycopg://u@127.0.0.1:1/db?sslmode=maybe", "does not accept an option"),
    ("postgresql+psycopg://u@127.0.0.1:1/db?connect_timeout=s3cret", "does not accept an option"),
    ("mysql+pymysql://u@127.0.0.1:1/db?read_timout=1", 'did you mean "read_timeout"?'),
    ("mysql+pymysql://u@127.0.0.1:1/db?s3cret=1", "unknown option"),
    ("mysql+pymysql://u@127.0.0.1:1/db?charset=latin99", "does not accept an option"),
    ("mysql+pymysql://u@127.0.0.1:1/db?read_timeout=-1", "does not accept an option"),
]


@pytest.mark.parametrize(("url", "expected"), UNKNOWN)
def test_an_unknown_option_in_the_url_is_a_config_error(url: str, expected: str) -> None:
    assert expected in refusal(url)


KNOWN = [
    "redis://127.0.0.1:1/0?socket_timeout=1&socket_keepalive=yes&max_connections=5&protocol=3",
    "rediss://127.0.0.1:1/0?ssl_cert_reqs=none",
    "postgresql+psycopg://u@127.0.0.1:1/db?sslmode=prefer&prepare_threshold=0&keepalives=1",
    "mysql+pymysql://u@127.0.0.1:1/db?charset=utf8mb4&read_timeout=1",
]


@pytest.mark.parametrize("url", KNOWN)
def test_a_known_option_is_taken(url: str, caplog: Any) -> None:
    site(url)
    assert "cannot reach" in caplog.text


# -- Redis and Valkey


@server_test
@pytest.mark.parametrize("name", ["valkey", "redis"])
def test_redis_refused_credentials_and_a_database_out_of_range(
    name: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(name)
    at = f"127.0.0.1:{server.port}"
    assert "refused the connection" in refusal(f"redis://nobody:s3cret@{at}/0")
    assert "refused the connection" in refusal(f"redis://:s3cret@{at}/0")
    assert "DB index is out of range" in refusal(f"redis://{at}/99")


@server_test
def test_redis_without_the_password_that_it_asks_for() -> None:
    server = servers.redis("--requirepass", "s3cret")
    server.is_ready = server._listens
    try:
        server.start()
        assert "NOAUTH" in refusal(f"redis://127.0.0.1:{server.port}/0")
    finally:
        server.stop()


POLICIES = {
    "noeviction": False,
    "volatile-ttl": False,
    "allkeys-lru": True,
    "allkeys-random": True,
    "volatile-lru": True,
    "volatile-lfu": True,
}


@server_test
@pytest.mark.parametrize("name", ["valkey", "redis"])
def test_an_eviction_policy_that_loses_sessions_is_a_warning(
    name: str, request: pytest.FixtureRequest, caplog: Any
) -> None:
    server: Server = request.getfixturevalue(name)
    warned = {}
    with redis_py.Redis(port=server.port) as admin:
        try:
            for policy in POLICIES:
                admin.config_set("maxmemory-policy", policy)
                caplog.clear()
                site(server.url)
                warned[policy] = any(policy in message for message in caplog.messages)
                assert len(caplog.records) == warned[policy]
        finally:
            admin.config_set("maxmemory-policy", "noeviction")
    assert warned == POLICIES


@server_test
def test_a_user_who_may_not_ask_for_info_is_checked_without(redis: Server, caplog: Any) -> None:
    rights = "resetchannels -@all +get +time +echo +eval +evalsha +exists +set +getrange +setrange"
    rights += " +append +pexpireat +del +select ~ringsession:*"
    with redis_py.Redis(port=redis.port) as admin:
        admin.execute_command("ACL", "SETUSER", "few", "reset", "on", ">s3cret", *rights.split())
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            client = site(f"redis://few:s3cret@127.0.0.1:{redis.port}/0")
            assert client.get("/").text == "1"
        finally:
            admin.config_set("maxmemory-policy", "noeviction")
            admin.execute_command("ACL", "DELUSER", "few")
    assert caplog.messages == []


@server_test
def test_a_scheme_of_a_unix_socket_is_taken(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"ringsession-{os.getpid()}"  # a socket's path has at most 107 bytes
    folder.mkdir()
    server = servers.valkey("--unixsocket", str(folder / "s"))
    try:
        server.start()
        client = site(f"unix://{folder / 's'}?db=1")
        assert [client.get("/").text, client.get("/").text] == ["1", "2"]
    finally:
        server.stop()
        shutil.rmtree(folder)


# -- databases


@server_test
def test_postgresql_without_the_database_the_role_or_the_right_password() -> None:
    server = servers.postgresql()
    try:
        server.start()
        at = f"127.0.0.1:{server.port}"
        make_store(server).close()
        engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.exec_driver_sql("CREATE ROLE web LOGIN PASSWORD 'right'")
            admin.exec_driver_sql("CREATE DATABASE closed")
            admin.exec_driver_sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
            hba = server.folder / "data" / "pg_hba.conf"
            hba.write_text(f"host all web 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
            admin.exec_driver_sql("SELECT pg_reload_conf()")
        start = "postgresql+psycopg://"
        assert "database does not exist" in refusal(f"{start}ringsession@{at}/nope")
        assert "refuses the user" in refusal(f"{start}s3cretname@{at}/postgres")
        wait_until(lambda: "refuses the user" in refusal(f"{start}web:s3cret@{at}/postgres"))
        assert "refuses the user" in refusal(f"{start}web@{at}/postgres")
        assert "may not use the database" in refusal(f"{start}web:right@{at}/closed")
        # localhost may be two addresses, of which only one answers.
        local = f"localhost:{server.port}"
        assert "database does not exist" in refusal(f"{start}ringsession@{local}/nope")
    finally:
        server.stop()


@server_test
def test_mariadb_without_the_database_the_user_or_the_right_password(mariadb: Server) -> None:
    at, start = f"127.0.0.1:{mariadb.port}", "mysql+pymysql://"
    assert "refuses the user" in refusal(f"{start}ringsession:s3cret@{at}/ringsession")
    assert "refuses the user" in refusal(f"{start}s3cretname@{at}/ringsession")
    assert "may not use the database" in refusal(f"{start}ringsession:ringsession@{at}/nope")
    sock = mariadb.folder / "socket"
    assert "database does not exist" in refusal(f"{start}root@/nope?unix_socket={sock}")


@server_test
def test_an_engine_of_the_applications_own_is_checked_too(mariadb: Server) -> None:
    url = f"mysql+pymysql://ringsession:s3cret@127.0.0.1:{mariadb.port}/ringsession"
    engine = sqlalchemy.create_engine(url)
    assert "refuses the user" in refusal(sql_store(engine))
    engine.dispose()


@server_test
def test_a_database_that_is_too_old_is_a_config_error() -> None:
    server = servers.mariadb()
    start = server.command
    server.command = lambda folder, port: [*start(folder, port), "--version=10.1.48-MariaDB"]
    try:
        server.start()
        assert "MariaDB 10.3 or newer, got 10.1" in refusal(server.url)
    finally:
        server.stop()


@server_test
def test_mariadb_over_a_unix_socket(mariadb: Server) -> None:
    sock = mariadb.folder / "socket"
    url = f"mysql+pymysql://root@/ringsession?unix_socket={sock}"
    store = sql_store(url)
    store.create_table()
    client = site(store)
    assert [client.get("/").text, client.get("/").text] == ["1", "2"]
    assert repr(store) == "<sql_store mysql+pymysql://***@/ringsession?***>"
    store.close()


@pytest.fixture
def with_socket() -> Iterator[tuple[Server, Path]]:
    folder = Path("/tmp") / f"ringsession-pg-{os.getpid()}"
    folder.mkdir()
    server = servers.postgresql()
    start = server.command
    server.command = lambda place, port: [
        *start(place, port),
        f"-cunix_socket_directories={folder}",
    ]
    if server.user:
        shutil.chown(folder, "nobody")
    try:
        yield server.start(), folder
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@server_test
def test_postgresql_over_a_unix_socket_and_with_several_hosts(
    with_socket: tuple[Server, Path], silent: int, caplog: Any
) -> None:
    server, folder = with_socket
    begin = "postgresql+psycopg://ringsession@/postgres?host="
    more = "&target_session_attrs=read-write"
    urls = [
        f"{begin}{folder}&port={server.port}",
        f"{begin}127.0.0.1:{free_port()}&host=127.0.0.1:{server.port}{more}",
        f"{begin}127.0.0.1,127.0.0.1&port={free_port()},{server.port}{more}",
        # The first host hangs, and must leave time for the second one.
        f"{begin}127.0.0.1:{silent}&host=127.0.0.1:{server.port}{more}",
    ]
    sql_store(urls[0]).create_table()
    for url in urls:
        caplog.clear()
        with closing(sql_store(url, timeout=5)) as store:
            client = site(store)
            assert [client.get("/").text, client.get("/").text] == ["1", "2"]
            assert repr(store) == f"<sql_store {url.replace('ringsession@', '***@')}>"
        assert caplog.messages == []


HOSTLESS = [
    "postgresql+psycopg:///web",
    "postgresql+psycopg:///web?host=",
    "postgresql+psycopg:///web?host=a b",
    "mysql+pymysql:///web",
    "mysql+pymysql:///web?unix_socket=",
]


@pytest.mark.parametrize("url", HOSTLESS)
def test_a_url_names_a_host_or_a_socket(url: str) -> None:
    assert "expected a URL with a host" in refusal(url)


# -- what workers would share


@server_test
@pytest.mark.parametrize("name", SERVERS)
def test_no_connection_that_was_opened_at_wrap_is_left(
    name: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(name)
    getattr(make_store(server), "close", lambda: None)()
    before = _connections_to(server.port)
    app = site(server.url)
    assert _connections_to(server.port) <= before
    assert app.get("/").text == "1"
    assert _connections_to(server.port) > before


def _connections_to(port: int) -> int:
    """How many open sockets of this process lead to a port."""
    wanted, count = f":{port:04X}", 0
    inodes = set()
    for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(wanted) and fields[3] == "01":
            inodes.add(f"socket:[{fields[9]}]")
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}") in inodes
        except FileNotFoundError:
            pass
    return count
