"""What the log shows of a failing statement: its name, the driver's error and its code, and no
value.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy

from ringsession import codec, sql_store
from ringsession.stores import Change, Details, Lifetime, StoreUnavailable
from ringsession.stores.sql.errors import describe_error
from ringsession.testing import change, key_of
from tests.servers import Server
from tests.serving import free_port
from tests.stores.networked import make_store
from tests.tracing import Client

KEY, COOKIE = key_of("live"), "c0ffee" * 5 + "c0"
RECORD = codec.encode({"card": "s3cret 4111", "csrf": "s3cret-token"})
NEW = codec.encode({"card": "s3cret 4222", "csrf": "s3cret-token"})
NAME, VALUE = "card", '"s3cret 4222"'  # no line that a traceback shows holds them
SECRETS = ("s3cret", "4111", "4222", KEY, KEY[:16], COOKIE, "card", "csrf")

OPERATIONS: dict[str, Callable[[Any], object]] = {
    "load": lambda store: store.load(KEY),
    "create": lambda store: store.create(key_of("new"), NEW, Lifetime(), Details(COOKIE)),
    "patch": lambda store: store.patch(KEY, store.version, Change(RECORD, NEW)),
    "claim": lambda store: store.claim(KEY, store.version, key_of("new")),
    "destroy": lambda store: store.destroy(KEY),
    "swap": lambda store: store.swap(KEY, NAME, lambda text: VALUE),
}
WRITES = {name: work for name, work in OPERATIONS.items() if name != "load"}

# What makes every statement, or every write, fail on the server: how, how to undo it, and what
# errors say.
Fault = tuple[list[str], list[str], str]
TRIGGER = "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
ATTACHED = "CREATE TRIGGER tell BEFORE INSERT OR UPDATE ON ringsession FOR EACH ROW EXECUTE FUNCTION tell()"
UNTELL = ["DROP TRIGGER tell ON ringsession", "DROP FUNCTION tell()"]
RAISED = "RAISE EXCEPTION 'card % %', NEW.key, NEW.record USING ERRCODE = '{}', DETAIL = NEW.key;"
EVERYTHING: dict[str, list[Fault]] = {
    "postgresql": [
        (
            ["ALTER TABLE ringsession RENAME TO away"],
            ["ALTER TABLE away RENAME TO ringsession"],
            'UndefinedTable (42P01): relation "ringsession" does not exist',
        ),
        (
            ["ALTER TABLE ringsession RENAME record TO secret"],
            ["ALTER TABLE ringsession RENAME secret TO record"],
            "UndefinedColumn (42703): column ringsession.record does not exist"
            '|UndefinedColumn (42703): column "record" of relation "ringsession" does not exist',
        ),
    ],
    "mariadb": [
        (
            ["ALTER TABLE ringsession RENAME TO away"],
            ["ALTER TABLE away RENAME TO ringsession"],
            "ProgrammingError (1146, 42S02): Table 'ringsession.ringsession' doesn't exist",
        ),
        (
            ["ALTER TABLE ringsession RENAME COLUMN record TO secret"],
            ["ALTER TABLE ringsession RENAME COLUMN secret TO record"],
            "OperationalError (1054, 42S22): Unknown column '",
        ),
    ],
}
WRITING: dict[str, list[Fault]] = {
    "postgresql": [
        (
            ["ALTER TABLE ringsession ADD CONSTRAINT full_up CHECK (version < 0) NOT VALID"],
            ["ALTER TABLE ringsession DROP CONSTRAINT full_up"],
            'CheckViolation (23514): new row for relation "ringsession" violates check constraint ...',
        ),
        (
            [TRIGGER.format("NEW.key = NEW.key || 's3cret'; RETURN NEW;"), ATTACHED],
            UNTELL,
            "StringDataRightTruncation (22001): value too long for type character varying(64)",
        ),
        (
            [TRIGGER.format("PERFORM NEW.key::bigint; RETURN NEW;"), ATTACHED],
            UNTELL,
            "NumericValueOutOfRange|InvalidTextRepresentation (22P02): invalid input syntax for type bigint: ...",
        ),
        (
            [TRIGGER.format(RAISED.format("P0001") + " RETURN NEW;"), ATTACHED],
            UNTELL,
            "RaiseException (P0001)",
        ),
        (
            [TRIGGER.format(RAISED.format("53100") + " RETURN NEW;"), ATTACHED],
            UNTELL,
            "DiskFull (53100)",
        ),
    ],
    "mariadb": [
        (
            [
                "SET check_constraint_checks = 0",
                "ALTER TABLE ringsession ADD CONSTRAINT full_up CHECK (version < 0)",
            ],
            ["ALTER TABLE ringsession DROP CONSTRAINT full_up"],
            "(4025, 23000): CONSTRAINT ...",
        ),
        (
            [
                "CREATE TRIGGER tell BEFORE UPDATE ON ringsession FOR EACH ROW SET NEW.`key` = REPEAT(NEW.`key`, 9)",
                "CREATE TRIGGER tell2 BEFORE INSERT ON ringsession FOR EACH ROW SET NEW.`key` = REPEAT(NEW.`key`, 9)",
            ],
            ["DROP TRIGGER tell", "DROP TRIGGER tell2"],
            "DataError (1406, 22001): Data too long for column 'key' at row ",
        ),
        (
            [
                "CREATE TRIGGER tell BEFORE UPDATE ON ringsession FOR EACH ROW BEGIN DECLARE said TEXT;"
                " SET said = CONCAT('card ', NEW.`key`);"
                " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said; END",
                "CREATE TRIGGER tell2 BEFORE INSERT ON ringsession FOR EACH ROW BEGIN DECLARE said TEXT;"
                " SET said = CONCAT('card ', NEW.`key`);"
                " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said; END",
            ],
            ["DROP TRIGGER tell", "DROP TRIGGER tell2"],
            "OperationalError (1644, 45000)",
        ),
    ],
}
CASES = [
    pytest.param(kind, fault, works, owned, marks=pytest.mark.server)
    for rows, works in ((EVERYTHING, OPERATIONS), (WRITING, WRITES))
    for kind, faults in rows.items()
    for fault in faults
    for owned in (True, False)
]


def everything_said(error: BaseException) -> str:
    """An error as any logger may show it, with whatever it is chained to."""
    shown = [repr(error), str(error.args), *traceback.format_exception(error)]
    for chained in (error.__cause__, error.__context__):
        shown += [] if chained is None else [everything_said(chained)]
    return "\n".join(shown)


@pytest.fixture
def store_of(request: pytest.FixtureRequest) -> Iterator[Callable[[str, bool], Any]]:
    closing: list[Callable[[], None]] = []

    def make(kind: str, owned: bool) -> Any:
        server: Server = request.getfixturevalue(kind)
        store = make_store(server)
        assert store.create(KEY, RECORD, Lifetime(), Details(COOKIE))
        closing.append(store.close)
        if not owned:
            engine = sqlalchemy.create_engine(server.url)
            store = sql_store(engine)
            closing.append(engine.dispose)
        store.version = store.load(KEY).version
        return store

    yield make
    for close in closing:
        close()


@pytest.mark.parametrize(("kind", "fault", "works", "owned"), CASES)
def test_an_error_names_the_statement_and_shows_no_value(
    kind: str,
    fault: Fault,
    works: dict[str, Callable[[Any], object]],
    owned: bool,
    store_of: Any,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = store_of(kind, owned)
    server: Server = request.getfixturevalue(kind)
    caplog.set_level(logging.INFO)
    broken, mended, expected = fault
    run(server, broken)
    try:
        for name, work in works.items():
            with pytest.raises(StoreUnavailable) as caught:
                work(store)
            said = everything_said(caught.value)
            assert str(caught.value).startswith(f"sql_store: {name} failed: ")
            assert any(part in str(caught.value) for part in expected.split("|"))
            assert [secret for secret in SECRETS if secret in said + caplog.text] == []
    finally:
        run(server, mended)
    loaded = store.load(KEY)
    assert loaded.record == RECORD


@pytest.mark.server
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("owned", [True, False])
def test_a_request_whose_statement_fails_logs_no_value(
    kind: str,
    owned: bool,
    store_of: Any,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(store_of(kind, owned))
    client.send(lambda request: {"session": {"card": "s3cret 4111"}})
    server: Server = request.getfixturevalue(kind)
    renamed = "ALTER TABLE ringsession RENAME TO away", "ALTER TABLE away RENAME TO ringsession"
    caplog.clear()

    def break_it(request: Any) -> None:
        request["session"]["card"] = "s3cret 4222"
        run(server, [renamed[0]])

    try:
        assert client.send(break_it)["status"] == 503
        assert client.send(lambda request: {"session": {"card": "s3cret"}})["status"] == 503
    finally:
        run(server, [renamed[1]])
    assert "sql_store: patch failed: " in caplog.text
    assert "s3cret" not in caplog.text and "422" not in caplog.text
    assert str(client.cookie) not in caplog.text


@pytest.mark.server
def test_a_deadline_that_cannot_be_moved_is_one_line_without_a_value(
    postgresql: Server, store_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of("postgresql", True)
    raised = TRIGGER.format(RAISED.format("53100") + " RETURN NEW;")
    run(postgresql, ["UPDATE ringsession SET seen = seen - 120000", raised, ATTACHED])
    try:
        loaded = store.load(KEY)
    finally:
        run(postgresql, UNTELL)
    assert (loaded.record, loaded.moved) == (RECORD, False)
    (line,) = caplog.messages
    assert line.endswith(
        "Could not extend a session's idle timeout: sql_store: load failed: DiskFull (53100)"
    )
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_server_that_is_not_there_is_named_without_the_password(driver: str) -> None:
    port = free_port()
    store = sql_store(f"{driver}://s3cretname:s3cret@127.0.0.1:{port}/web")
    with pytest.raises(StoreUnavailable) as caught:
        store.load(KEY)
    assert "127.0.0.1" in str(caught.value) and "efused" in str(caught.value)
    assert "s3cret" not in everything_said(caught.value)
    store.close()


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql+psycopg://u@127.0.0.1:1/db?connect_timeout=s3cret", "s3cret"),
        ("postgresql+psycopg://u@127.0.0.1:1/db?s3cret=1", "s3cret"),
        ("postgresql+psycopg://u@127.0.0.1:1/db?password=x&sslmode=s3cret", "s3cret"),
        ("postgresql+psycopg://u@127.0.0.1:1/db?options=-cs3cret", "s3cret"),
        ("mysql+pymysql://u@127.0.0.1:1/db?s3cret=1", "s3cret"),
        ("mysql+pymysql://u@127.0.0.1:1/db?charset=s3cret", "s3cret"),
        ("mysql+pymysql://u@127.0.0.1:1/db?read_timeout=s3cret", "s3cret"),
    ],
)
def test_an_option_that_a_driver_refuses_is_not_shown(url: str, secret: str) -> None:
    with pytest.raises((StoreUnavailable, ValueError)) as caught:
        sql_store(url).load(KEY)
    assert secret not in everything_said(caught.value)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('relation "ringsession" does not exist', 'relation "ringsession" does not exist'),
        ("Table 'db.ringsession' doesn't exist", "Table 'db.ringsession' doesn't exist"),
        ("Duplicate entry 's3'cret' for key", "Duplicate entry ..."),
        ('invalid input syntax: "s3cret"', "invalid input syntax: ..."),
        ('near "s3cret', "near ..."),
        ("near 's3cret.ringsession'", "near ..."),
        ("a `s3cret` b", "a ..."),
        ('row {"user":"s3cret"}', "row ..."),
        (f"at {KEY}", "at ..."),
        ("first line\nDETAIL: s3cret", "first line"),
        ("at 127.0.0.1 ([Errno 111] refused)", "at 127.0.0.1 ([Errno 111] refused)"),
        ("x = s3cret", "x ..."),
        ("", ""),
    ],
)
def test_of_a_message_only_plain_words_and_known_names_are_shown(message: str, shown: str) -> None:
    title = f"ValueError: {shown}" if shown else "ValueError"
    assert describe_error(ValueError(message), {"ringsession", "db"}) == title


def run(server: Server, statements: list[str]) -> None:
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


@pytest.mark.server
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_constraint_of_the_applications_own_is_no_key_that_is_taken(
    kind: str, store_of: Any, request: pytest.FixtureRequest
) -> None:
    store, server = store_of(kind, True), request.getfixturevalue(kind)
    run(server, ["ALTER TABLE ringsession ADD COLUMN note INT NOT NULL DEFAULT 1"])
    run(server, ["ALTER TABLE ringsession ALTER COLUMN note DROP DEFAULT"])
    try:
        with pytest.raises(StoreUnavailable, match="create failed"):
            store.create(key_of("new"), NEW, Lifetime())
    finally:
        run(server, ["ALTER TABLE ringsession DROP COLUMN note"])
    assert store.patch(KEY, store.version, change(RECORD, a=1))
