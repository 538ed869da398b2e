"""The engine that `sql_store` makes for a URL: psycopg or PyMySQL, each with an end to every wait.

Owns the two drivers' own ways. Knows no session, no table and no pool.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ..shown_url import is_host, show_url

# When the call that runs in this thread must have ended, by `time.monotonic()`; a driver asks while
# it waits.
DEADLINE: ContextVar[float] = ContextVar("DEADLINE", default=math.inf)

_POSTPONED = "_POSTPONED"
_ONE_YEAR = 31536000.0  # the longest that PyMySQL allows
_CANCELLING = 0.1  # seconds, to tell a pooler that nobody waits for a statement any more


def make_engine(text: str) -> Engine:
    """Return an engine without a pool. Raises ValueError for a wrong URL, without its secrets."""
    url = _read_url(text)
    driver = url.get_driver_name()
    # Every statement is a transaction, and a connection that failed is closed: there is nothing to
    # roll back.
    options: dict[str, Any] = {"skip_autocommit_rollback": True, "pool_reset_on_return": None}
    if driver == "psycopg":
        options["use_native_hstore"] = False  # it would cost each new connection an exchange
    problem = ""
    try:
        engine = create_engine(
            url, isolation_level="AUTOCOMMIT", poolclass=NullPool, hide_parameters=True, **options
        )
    except ModuleNotFoundError:
        name = "'psycopg[binary]'" if driver == "psycopg" else "pymysql"
        problem = f"sql_store: {driver} is not installed; pip install {name}"
    except (
        SQLAlchemyError,
        ValueError,
        TypeError,
    ):  # an option of the driver's; its value may be a secret
        problem = f"sql_store: expected other options in the URL {show_url(text)}"
    if problem:
        raise ValueError(problem)
    (_bound_psycopg if driver == "psycopg" else _bound_pymysql)(engine)
    return engine


def _read_url(text: str) -> URL:
    try:
        url = make_url(text)
        driver = url.get_driver_name()
    except (ArgumentError, ValueError):
        raise ValueError("sql_store: expected a URL, such as postgresql+psycopg://...") from None
    if not url.host:
        raise ValueError("sql_store: expected a URL with a host")
    if "@" in url.host or "@" in (url.database or ""):
        raise ValueError(
            'sql_store: expected a URL with one "@", before the host;'
            ' write %40 for an "@" in a user name or a password'
        )
    if not (is_host(url.host) or is_host(f"[{url.host}]")):
        raise ValueError(
            "sql_store: expected a URL, such as postgresql+psycopg://..., got another host"
        )
    if driver not in ("psycopg", "pymysql"):
        raise ValueError(
            "sql_store: expected postgresql+psycopg://..., mysql+pymysql://..."
            f" or mariadb+pymysql://..., got {url.drivername};"
            " for another driver pass an engine with timeouts of its own"
        )
    return url


def _left(most: float = math.inf) -> float:
    """Return the seconds until the deadline, and a little after it, since 0 would be no limit."""
    return max(0.001, min(most, DEADLINE.get() - time.monotonic()))


def _bound_pymysql(engine: Engine) -> None:
    pymysql: Any = import_module("pymysql")

    class BoundConnection(pymysql.Connection):  # type: ignore[misc]
        """PyMySQL looks at both before each packet."""

        @property
        def _read_timeout(self) -> float | None:
            return _left(self.__dict__.get("longest_read") or _ONE_YEAR)

        @_read_timeout.setter
        def _read_timeout(self, seconds: float | None) -> None:
            self.__dict__["longest_read"] = seconds

        @property
        def _write_timeout(self) -> float | None:
            return _left(self.__dict__.get("longest_write") or _ONE_YEAR)

        @_write_timeout.setter
        def _write_timeout(self, seconds: float | None) -> None:
            self.__dict__["longest_write"] = seconds

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> Any:
        return BoundConnection(*args, **{"connect_timeout": _left(_ONE_YEAR), **options})


def _bound_psycopg(engine: Engine) -> None:
    psycopg: Any = import_module("psycopg")

    class BoundConnection(psycopg.Connection):  # type: ignore[misc]
        @classmethod
        def _connect_gen(cls, *args: Any, **options: Any) -> Any:
            return _within(super()._connect_gen(*args, **options), _give_up(psycopg))

        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            return super().wait(_within(gen, _give_up(psycopg, self)), *args, **options)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> Any:
        # libpq knows whole seconds, from 2 on; the deadline itself is kept by `_within`.
        given = {"connect_timeout": max(2, math.ceil(_left(86400))), **options}
        threshold = given.pop("prepare_threshold", _POSTPONED)
        connection = BoundConnection.connect(*args, prepare_threshold=None, **given)
        connection.wanted_threshold = threshold
        return connection


def _give_up(psycopg: Any, connection: Any = None) -> Callable[[], None]:
    def give_up() -> None:
        if connection is not None:
            if getattr(connection, "has_no_statement_timeout", False):
                with suppress(Exception):
                    connection.cancel_safe(timeout=_CANCELLING)
            connection.close()
        raise psycopg.OperationalError("no answer in time")

    return give_up


def _within(gen: Any, give_up: Callable[[], None]) -> Generator[Any, Any, Any]:
    """Take the same steps, none of them after the deadline; psycopg asks at least every 0.1 s."""
    deadline, ready = DEADLINE.get(), None
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
        ready = yield wanted
        if not ready and time.monotonic() > deadline:
            give_up()


def set_up(raw: Any, timeout: float) -> None:
    """Make a new connection of psycopg ready: one exchange, which no pooler minds.

    A pooler such as PgBouncer lends the server's connections to one client after the other, so what
    is set there would reach others, and a prepared statement may be missing at the next use. It is
    told by the id of the server's process, which the server knows better than the pooler does.
    """
    if not hasattr(raw, "wanted_threshold"):
        return  # of PyMySQL
    milliseconds = math.ceil(timeout * 1000)
    row = raw.execute(
        f"SELECT CASE WHEN pg_backend_pid() = {raw.info.backend_pid:d}"
        f" THEN set_config('statement_timeout', '{milliseconds:d}', false) END"
    ).fetchone()
    raw.has_no_statement_timeout = row[0] is None
    if raw.wanted_threshold is not _POSTPONED:
        raw.prepare_threshold = _read_threshold(raw.wanted_threshold)
    elif row[0] is not None:
        # Each statement is prepared at its first use: one exchange more then, and no planning ever
        # after.
        raw.prepare_threshold = 0


def _read_threshold(value: Any) -> int | None:
    return None if value in (None, "", "None") else int(value)
