"""Store a new session in the table of `sql_store`, once, also if an answer is lost."""

from __future__ import annotations

from typing import Any

from .engine import Execute, SqlCall
from .errors import SqlFailed
from .statements import Statements


def create_row(call: SqlCall, sql: Statements, row: dict[str, Any]) -> bool:
    """Store the row of `rows.make_row`. Return False if a session or a tombstone has its key.

    Also return False if the row continues a login that was ended.
    """
    if _insert(call, sql, row):
        return True
    return call.change(sql.drop_expired, keys=[row["k"]]) and _insert(call, sql, row)


def _insert(call: SqlCall, sql: Statements, row: dict[str, Any]) -> bool:
    statement = sql.create if row["old"] is None else sql.continue_login

    def work(execute: Execute) -> bool:
        try:
            if execute(statement, row) == 1:
                return True
        except SqlFailed as error:
            if not error.is_duplicate:
                raise
        # After a broken connection, the first try may have stored the row. What ends a session
        # also changes its version.
        found = execute(sql.load, {"k": row["k"]})
        return [each.version for each in found] == [row["version"]]

    return call.run(work)
