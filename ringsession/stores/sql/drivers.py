"""Make an engine for a URL, in which every wait of the driver has a deadline.

This module has all code that is special to psycopg or PyMySQL.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from ..shown_url import show_url
from .urls import NOT_ACCEPTED, check_options, read_url

# The deadline of the call that runs in this thread, by `time.monotonic()`. The drivers check it
# while they wait.
DEADLINE: ContextVar[float] = ContextVar("DEADLINE", default=math.inf)
# The seconds for each host of a URL that has several: one that hangs leaves time for the others.
_SHARE: ContextVar[float] = ContextVar("_SHARE", default=math.inf)

_POSTPONED = "_POSTPONED"
_ONE_YEAR = 31536000.0  # the longest that PyMySQL allows
_CANCELLING = 0.1  # seconds to wait while cancelling a statement behind a pooler


def make_engine(text: str) -> Engine:
    """Return an engine without a pool. Raises ValueError for an invalid URL."""
    url = read_url(text)
    driver = url.get_driver_name()
    # Each statement is its own transaction, and a connection that failed is closed, so there is
    # never anything to roll back.
    options: dict[str, Any] = {"skip_autocommit_rollback": True, "pool_reset_on_return": None}
    if driver == "psycopg":
        options["use_native_hstore"] = False  # it would need an exchange for each new connection
    problem = ""
    try:
        engine = create_engine(
            url, isolation_level="AUTOCOMMIT", poolclass=NullPool, hide_parameters=True, **options
        )
    except ModuleNotFoundError:
        name = "'psycopg[binary]'" if driver == "psycopg" else "pymysql"
        problem = f"sql_store: {driver} is not installed; pip install {name}"
    except (SQLAlchemyError, ValueError, TypeError):
        # The message of the exception is not shown: an option's value may be a secret.
        problem = f"{NOT_ACCEPTED} {show_url(text)}"
    if problem:
        raise ValueError(problem)
    check_options(engine, show_url(text))
    (_bound_psycopg if driver == "psycopg" else _bound_pymysql)(engine)
    return engine


def _left(most: float = math.inf) -> float:
    """Return the seconds until the deadline, at least 0.001, since 0 would mean no limit."""
    return max(0.001, min(most, DEADLINE.get() - time.monotonic()))


def _bound_pymysql(engine: Engine) -> None:
    pymysql: Any = import_module("pymysql")

    class BoundConnection(pymysql.Connection):  # type: ignore[misc]
        """PyMySQL reads both timeouts before each packet."""

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
            until = time.monotonic() + _SHARE.get()
            return _within(super()._connect_gen(*args, **options), _give_up(psycopg), until)

        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            return super().wait(_within(gen, _give_up(psycopg, self)), *args, **options)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> Any:
        # libpq takes whole seconds, at least 2. `_within` keeps the exact deadline.
        wanted = {"connect_timeout": max(2, math.ceil(_left(86400))), **options}
        threshold = wanted.pop("prepare_threshold", _POSTPONED)
        _SHARE.set(_left() / (1 + str(wanted.get("host", "")).count(",")))
        connection = BoundConnection.connect(*args, prepare_threshold=None, **wanted)
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


def _within(
    gen: Any, give_up: Callable[[], None], until: float = math.inf
) -> Generator[Any, Any, Any]:
    """Run psycopg's generator, which wakes up at least every 0.1 s, until the deadline."""
    deadline, ready = min(DEADLINE.get(), until), None
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
        ready = yield wanted
        if not ready and time.monotonic() > deadline:
            give_up()


def set_up(raw: Any, timeout: float) -> None:
    """Set a new psycopg connection's `statement_timeout` and `prepare_threshold`, in one exchange.

    Both stay as they are behind a pooler such as PgBouncer. It lends the server's connections to
    one client after another, so a setting would reach other clients, and a prepared statement may
    be missing at its next use. Behind a pooler, the server's process id differs from the id that
    the client was told.
    """
    if not hasattr(raw, "wanted_threshold"):
        return  # PyMySQL needs none of this
    milliseconds = math.ceil(timeout * 1000)
    row = raw.execute(
        f"SELECT CASE WHEN pg_backend_pid() = {raw.info.backend_pid:d}"
        f" THEN set_config('statement_timeout', '{milliseconds:d}', false) END"
    ).fetchone()
    raw.has_no_statement_timeout = row[0] is None
    if raw.wanted_threshold is not _POSTPONED:
        raw.prepare_threshold = _read_threshold(raw.wanted_threshold)
    elif row[0] is not None:
        # Prepare each statement at its first use. That takes one more exchange, and later uses need
        # no planning.
        raw.prepare_threshold = 0


def _read_threshold(value: Any) -> int | None:
    return None if value in (None, "", "None") else int(value)
