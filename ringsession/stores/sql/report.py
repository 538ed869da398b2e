"""Examine the server of a SQL store: its version, the table and the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import Connection, Table

from ..findings import ERROR, OK, Finding, judge_answer, judge_clock
from .engine import SqlEngine
from .migration import find_faults
from .statements import Statements
from .versions import find_version


class SqlReport:
    """The part of `SqlStore` that examines its server. See `Reports`."""

    _engine: SqlEngine
    _table: Table
    _sql: Statements

    def report(self) -> Iterator[Finding]:
        def examine(connection: Connection) -> list[Finding]:
            return [
                *_examine_server(connection, self._sql),
                *_judge_table(connection, self._table),
            ]

        yield from self._engine.look("report", examine)


def _examine_server(connection: Connection, sql: Statements) -> Iterator[Finding]:
    connection.execute(sql.now).all()  # so that the next time is one of the network
    began, here = time.perf_counter(), time.time()
    ((now,),) = connection.execute(sql.now).all()
    seconds = time.perf_counter() - began
    yield judge_answer(seconds)
    name, version = find_version(connection.dialect)
    yield Finding(OK, "version", f"{name} {'.'.join(map(str, version))}".rstrip())
    yield judge_clock(now / 1000 - here - seconds / 2)


def _judge_table(connection: Connection, table: Table) -> Iterator[Finding]:
    faults = find_faults(connection, table)
    for fault in faults:
        yield Finding(ERROR, "table", f"{table.name!r}: {fault}")
    if not faults:
        yield Finding(OK, "table", f"{table.name!r} has all columns")
