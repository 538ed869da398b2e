"""`python -m ringsession check`: a line for each part of a store, and the exit code."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis as redis_py
import sqlalchemy

from ringsession import sql_store
from tests import servers
from tests.commands.process import Done, make_file, run
from tests.servers import Server
from tests.serving import free_port

CLOCK = "within a second of the clock of this machine"


def check(url: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines, with N for what differs from run to run."""
    done = run("check", url)
    assert done.err == ""
    lines = re.sub(r"\d+(\.\d+)+( ms)?(?!\.\d|:)", r"N\2", done.out)
    return done.code, [" ".join(line.split()) for line in lines.splitlines()]


@pytest.mark.server
@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_a_redis_with_all_rights_is_ok(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    assert check(server.url) == (
        0,
        [
            f"ok store <redis_store redis://127.0.0.1:{server.port}/0 prefix='ringsession:'>",
            "ok server answers in N ms",
            f"ok version {server.name} N",
            "ok eviction policy noeviction",
            f"ok clock {CLOCK}",
            "ok rights complete",
            "ok rights for users complete",
        ],
    )


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A Valkey that throws sessions out, with users who may not do everything."""
    server = servers.valkey("--maxmemory-policy", "allkeys-lru")
    rights = (
        "+get +time +echo +eval +evalsha +exists +set +getrange +setrange +append +pexpireat +del"
        " +select ~ringsession:*"
    ).split()
    try:
        server.start()
        with redis_py.Redis(port=server.port) as client:
            for name, more in (("web", []), ("seeing", ["+info"]), ("weak", ["-append"])):
                words = ["on", ">s3cret", "resetchannels", "-@all", *rights, *more]
                client.execute_command("ACL", "SETUSER", name, *words)
        yield server
    finally:
        server.stop()


def at(server: Server, user: str, password: str = "s3cret") -> str:
    return server.url.replace("//", f"//{user}:{password}@")


UNKNOWN = "not known, since the user may not use INFO; grant +info"
LACKS = "redis_store: the server's ACL refuses"
GRANT = "under 'ringsession:'. Grant the rights in docs/how-to/stores.md"
USERS = "HGETALL, HLEN, PTTL, HGET, HDEL, HRANDFIELD, HSET"


@pytest.mark.server
def test_a_policy_that_throws_sessions_out_is_a_warning(strict: Server) -> None:
    code, lines = check(at(strict, "seeing"))
    problem = "throws out live sessions when the memory is full"
    policy = f"warning eviction policy allkeys-lru {problem}; set noeviction or volatile-ttl"
    assert (code, lines[3]) == (0, policy)


@pytest.mark.server
def test_rights_that_are_missing_are_named(strict: Server) -> None:
    code, lines = check(at(strict, "weak"))
    assert (code, lines[2:4], lines[5]) == (
        1,
        [f"warning version {UNKNOWN}", f"warning eviction policy {UNKNOWN}"],
        f"error rights {LACKS} APPEND {GRANT}",
    )
    code, lines = check(at(strict, "web"))
    assert code == 0  # only an app with a user_key needs the others
    assert lines[5] == "ok rights complete"
    assert lines[6] == f"warning rights for users {LACKS} {USERS} {GRANT}"


@pytest.mark.server
def test_a_wrong_password_is_an_error_that_does_not_show_it(strict: Server) -> None:
    code, lines = check(at(strict, "web", "wr0ng"))
    assert (code, lines[1:]) == (
        1,
        [
            "error server redis_store: the server refused the connection: invalid username-password"
            " pair or user is disabled"
        ],
    )


@pytest.mark.server
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_is_ok_once_it_has_its_table(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS ringsession"))
    before = check(server.url)
    sql_store(server.url).create_table()
    after = check(server.url)
    same = [
        "ok server answers in N ms",
        f"ok version {server.name} N",
        f"ok clock {CLOCK}",
    ]
    create = "create_table() or `python -m ringsession create-table` creates it"
    assert [before[0], *before[1][1:]] == [
        1,
        *same,
        f"error table 'ringsession': it does not exist; {create}",
    ]
    assert [after[0], *after[1][1:]] == [0, *same, "ok table 'ringsession' has all columns"]
    assert "ringsession:" not in after[1][0]  # the password of MariaDB's user


@pytest.mark.parametrize("start", ["postgresql+psycopg://a:s3cret@", "redis://:s3cret@"])
def test_a_server_that_is_down_is_one_error(start: str) -> None:
    done = run("check", f"{start}127.0.0.1:{free_port()}/0", "--json")
    store, server = json.loads(done.out)
    assert (done.code, done.err, store["level"], store["part"]) == (1, "", "ok", "store")
    assert (server["level"], server["part"]) == ("error", "server")
    assert "efused" in server["text"] and "s3cret" not in done.out


@pytest.mark.posix
def test_a_sqlite_file_is_ok(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    assert run("check", make_file(path)) == Done(
        0,
        f"ok  store         <sqlite_store '{path}'>\n"
        "ok  file          exists\n"
        "ok  table         'ringsession' has all columns\n"
        "ok  journal mode  wal\n",
        "",
    )


def test_a_sqlite_file_that_is_missing_is_an_error_and_stays_missing(tmp_path: Path) -> None:
    code, lines = check(f"sqlite:///{tmp_path / 'none.db'}")
    text = "no such file or directory; the app creates it when it opens the store"
    assert (code, lines[1:]) == (1, [f"error file {text}"])
    assert list(tmp_path.iterdir()) == []


OPENS = "the app creates it when it opens the store"
OLDER = "key, record, version, expires, ends, idle, refresh"


@pytest.mark.posix
@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("CREATE TABLE other (a)", f"it does not exist; {OPENS}"),
        ("CREATE TABLE ringsession (a)", "it has other columns"),
        (
            f"CREATE TABLE ringsession ({OLDER})",
            "an older release made it; the app replaces it, which ends its sessions",
        ),
    ],
    ids=["missing", "other", "older"],
)
def test_a_sqlite_file_of_another_form_is_an_error_and_stays_as_it_is(
    statement: str, fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    path.chmod(0o644)
    before = path.read_bytes()
    assert check(f"sqlite:///{path}")[1][1:] == [
        "warning file mode 644 lets other users of the machine in; set 600",
        f"error table 'ringsession': {fault}",
        "warning journal mode expected wal, got delete; the app sets it when it opens the store",
    ]
    assert path.read_bytes() == before


@pytest.mark.posix
def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    path.write_bytes(b"no database" * 100)
    path.chmod(0o600)
    assert check(f"sqlite:///{path}")[1][1:] == [
        "ok file exists",
        "error file file is not a database",
    ]


def test_a_store_without_parts_says_only_its_name() -> None:
    assert run("check", "memory:") == (0, "ok  store  <memory_store with 0 entries>\n", "")
