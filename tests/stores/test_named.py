"""Stores by name, and what a config says of one that will not do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy
import valkey as valkey_py
from werkzeug.test import Client

from ringsession import (
    ConfigError,
    assoc_in,
    open_store,
    redis_store,
    response,
    site_defaults,
    sql_store,
    to_wsgi,
    wrap_defaults,
)
from tests.servers import Server
from tests.serving import free_port
from tests.stores.networked import SERVERS, make_store


def count(request: Any) -> Any:
    session = request["session"]
    session["n"] = session.get("n", 0) + 1
    return response(str(session["n"]))


def site(store: Any) -> Any:
    return wrap_defaults(to_wsgi(count), assoc_in(site_defaults, ["session", "store"], store))


def test_sessions_are_in_the_file_that_the_text_names(tmp_path: Path) -> None:
    name = f"sqlite:///{tmp_path / 'sessions.db'}"
    client = Client(site(name))
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]
    again = Client(site(name))
    again.set_cookie("ring-session", client.get_cookie("ring-session").value)  # type: ignore[union-attr]
    assert again.get("/").text == "3"


@pytest.mark.server
@pytest.mark.parametrize("name", SERVERS)
def test_sessions_are_on_the_server_that_the_text_names(
    name: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(name)
    getattr(make_store(server), "close", lambda: None)()
    client = Client(site(server.url))
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]


def test_memory_is_a_store_by_name_too() -> None:
    client = Client(site("memory:"))
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]


NO_STORE = "expected a store, or "
TEXTS = [
    ("mongodb://user:s3cret@host", NO_STORE),
    ("s3cret", NO_STORE),
    ("postgres://u:s3cret@host/db", 'got another text; write "postgresql+psycopg://..."'),
    ("postgres+psycopg://u:s3cret@host/db", 'write "postgresql+psycopg://..."'),
    ("redis", 'got another text; write "redis://localhost:6379/0"'),
    ("redis:s3cret", 'got another text; write "redis://localhost:6379/0"'),
    ("localhost:6379", 'got another text; write "redis://localhost:6379/0"'),
    ("valkey://:s3cret@host/0", 'got another text; write "redis://..."'),
    ("valkeys://:s3cret@host/0", 'got another text; write "rediss://..."'),
    ("sqlite:s3cret.db", 'write "sqlite:///sessions.db", with four slashes for an absolute path'),
    ("sqlite", 'write "sqlite:///sessions.db"'),
    ("s3cret.db", 'write "sqlite:///sessions.db"'),
    ("sqlite:///s3cret.db?mode=ro", 'expected no "?" and no options after the path of the file'),
    ("memory", 'got another text; write "memory:"'),
    ("cookie", "got another text; pass cookie_store(key)"),
    ("mysql", 'got another text; write "mysql+pymysql://user:password@host/database"'),
    ("", NO_STORE),
    ("sqlite://s3cret", NO_STORE),
    ("sqlite:///", "path: expected the path of a file"),
    ("sqlite:////none/s3cret/x.db", "path: expected the path of a SQLite file"),
    ("redis://", NO_STORE),
    ("redis:///0", "redis_store: expected a URL with a host"),
    (
        "redis://host/0?decode_responses=true",
        "redis_store: expected a URL without decode_responses",
    ),
    ("postgresql+psycopg:///s3cret", "sql_store: expected a URL with a host"),
    ("postgresql+psycopg2://u:s3cret@host/db", "for another driver pass an engine"),
    ("postgresql+none://u:s3cret@host/db", "for another driver pass an engine"),
    ("mysql://u:s3cret@host/db", "for another driver pass an engine"),
]


@pytest.mark.parametrize("text, expected", TEXTS)
def test_a_text_that_names_no_store_is_a_config_error(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        site(text)
    message = str(caught.value)
    assert message.startswith('["session"]["store"]: ')
    assert expected in message
    assert "s3cret" not in message or "/none/s3cret" in message  # a path is no secret


@pytest.mark.parametrize(
    "library, text, hint",
    [
        ("sqlalchemy", "postgresql+psycopg://host/db", "pip install 'ringsession[sql]'"),
        ("redis valkey", "redis://host/0", "pip install 'ringsession[redis]'"),
        ("psycopg", "postgresql+psycopg://host/db", "pip install 'psycopg[binary]'"),
        ("pymysql", "mysql+pymysql://host/db", "pip install pymysql"),
    ],
)
def test_a_library_that_is_missing_says_how_to_get_it(library: str, text: str, hint: str) -> None:
    program = f"""
import importlib.abc, importlib.util, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {library.split()!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in {library.split()!r} else find_spec(name)
sys.meta_path.insert(0, Missing())
from ringsession import ConfigError, wrap_defaults
try:
    wrap_defaults(lambda environ, start_response: [], {{"session": {{"store": {text!r}}}}})
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith('["session"]["store"]: ')
    assert hint in done.stdout


def test_a_database_that_is_not_there_yet_is_no_config_error(caplog: Any) -> None:
    client = Client(site(f"postgresql+psycopg://web:s3cret@127.0.0.1:{free_port()}/web"))
    assert "requests will get 503 until it answers" in caplog.text
    assert client.get("/").status_code == 503
    assert "s3cret" not in caplog.text


@pytest.mark.server
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_a_table_that_is_missing_is_a_config_error(
    name: str, request: pytest.FixtureRequest
) -> None:
    store = sql_store(request.getfixturevalue(name).url, table="nobody_made_it")
    with pytest.raises(ConfigError, match="'nobody_made_it': it does not exist; create_table()"):
        site(store)
    store.close()


BAD_TABLES = {
    "postgresql": [
        ("key varchar(64), record bytea", "key: expected a binary collation"),
        (
            'key varchar(64) COLLATE "C", record text',
            "record: expected bytea or longblob, got text",
        ),
        ('key varchar(64) COLLATE "C", data bytea', "expected the columns"),
    ],
    "mariadb": [
        ("`key` varchar(64) COLLATE utf8mb4_general_ci, record longblob", "key: expected a binary"),
        ("`key` varchar(64) COLLATE ascii_bin, record blob", "record: expected bytea or longblob"),
    ],
}


@pytest.mark.server
@pytest.mark.parametrize(
    "name, columns, expected", [(n, *row) for n, rows in BAD_TABLES.items() for row in rows]
)
def test_attack_87_a_table_of_another_form_is_a_config_error(
    name: str, columns: str, expected: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(name)
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
    times = ", ".join(
        f"{column} bigint" for column in ("version", "expires", "ends", "idle", "refresh")
    )
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS other_form"))
        connection.execute(sqlalchemy.text(f"CREATE TABLE other_form ({columns}, {times})"))
    store = sql_store(server.url, table="other_form")
    with pytest.raises(ConfigError, match=expected):
        site(store)
    with pytest.raises(ValueError, match=expected):
        store.create_table()
    store.close()


CLIENTS = [
    (lambda: redis.Redis(decode_responses=True), ValueError, "decode_responses=False"),
    (lambda: redis.Redis(socket_timeout=None), ValueError, "with a socket_timeout"),
    (lambda: valkey_py.Valkey(), ValueError, "with a socket_timeout"),
    (lambda: redis.asyncio.Redis(), TypeError, "got an asyncio client"),
    (lambda: object(), TypeError, "expected a client or a URL, got object"),
]


@pytest.mark.parametrize("make, error, expected", CLIENTS)
def test_a_client_that_will_not_do_is_refused_at_once(make: Any, error: Any, expected: str) -> None:
    with pytest.raises(error, match=expected):
        redis_store(make())


ENGINES = [
    (
        lambda: sqlalchemy.create_engine("sqlite://"),
        ValueError,
        "gives each thread its own connection, got one with a SingletonThreadPool",
    ),
    (lambda: sqlalchemy.create_engine("sqlite:///x.db"), ValueError, "there is sqlite_store"),
    (lambda: object(), TypeError, "expected an Engine or a URL, got object"),
]


@pytest.mark.parametrize("make, error, expected", ENGINES)
def test_an_engine_that_will_not_do_is_refused_at_once(
    make: Any, error: Any, expected: str
) -> None:
    with pytest.raises(error, match=expected):
        sql_store(make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: redis_store("redis://host", prefix=""),
        lambda: redis_store("redis://host", timeout=0),
        lambda: redis_store(redis.Redis(socket_timeout=1), timeout=1),
        lambda: sql_store("mysql+pymysql://host/db", table="a b"),
        lambda: sql_store("mysql+pymysql://host/db", timeout=-1),
        lambda: sql_store(sqlalchemy.create_engine("mysql+pymysql://host/db"), timeout=1),
    ],
)
def test_options_that_mean_nothing_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="^(prefix|table|timeout): expected"):
        make()


def test_no_repr_shows_a_password() -> None:
    stores = [
        open_store("redis://:s3cret@host/0"),
        open_store("postgresql+psycopg://u:s3cret@host/db"),
    ]
    assert [repr(store) for store in stores] == [
        "<redis_store redis://host:6379/0 prefix='ringsession:'>",
        "<sql_store postgresql+psycopg://***@host/db>",
    ]


@pytest.mark.server
@pytest.mark.parametrize("library", [redis.Redis, valkey_py.Valkey])
def test_a_client_of_either_library_will_do(valkey: Server, library: Any) -> None:
    with library(port=valkey.port, socket_timeout=2) as client:
        client.flushdb()
        answers = Client(site(redis_store(client, prefix="web:")))
        assert [answers.get("/").text for _ in range(2)] == ["1", "2"]
        (key,) = client.keys()
        assert key.startswith(b"web:") and len(key) == 4 + 64


@pytest.mark.server
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_the_applications_engine_will_do(name: str, request: pytest.FixtureRequest) -> None:
    engine = sqlalchemy.create_engine(request.getfixturevalue(name).url)
    store = sql_store(engine)
    store.create_table()
    client = Client(site(store))
    with (
        engine.connect() as own
    ):  # the application's transaction neither sees ours nor is ended by it
        own.execute(sqlalchemy.text("CREATE TEMPORARY TABLE own (n int)"))
        own.execute(sqlalchemy.text("INSERT INTO own VALUES (1)"))
        assert [client.get("/").text for _ in range(2)] == ["1", "2"]
        own.rollback()
        # MariaDB commits at a CREATE, so that only the row after it is undone on both.
        tables = own.execute(sqlalchemy.text("SELECT 1"))
        assert tables.scalar() == 1
    engine.dispose()
