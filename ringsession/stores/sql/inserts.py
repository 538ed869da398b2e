"""Build the two SQL statements of `sql_store` that store a new session.

Their parameters are those of `rows.make_row`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, bindparam, case, insert, select

from .table import now, started

_GIVEN = (
    *("version", "idle", "absolute", "remembered", "disposable"),
    *("cookie", "owner", "handle", "began"),
)


def insert_new(table: Table) -> Any:
    """Return the statement that stores any session, if its key is not there."""
    return _insert(table).values(_make_values(table))


def insert_login(table: Table) -> Any:
    """Return the statement that stores a session which continues the login of the row `old`.

    It stores nothing unless that row is live and has the owner and the handle. It locks that row
    until the new one is committed, so whoever ends the old session meanwhile waits, and finds the
    new one afterwards. MySQL would otherwise lock it, or not, by its isolation level.
    """
    values = _make_values(table)
    old = table.alias("old")
    t = old.c
    live = t.record.is_not(None) & ((t.expires + 0) > now())
    is_same = (t.owner == values["owner"]) & (t.handle == values["handle"])
    # `select_from`, since the columns of the select are parameters.
    row = (
        select(*values.values())
        .select_from(old)
        .where(t.key == bindparam("old", type_=t.key.type), live, is_same)
        .with_for_update()
    )
    return _insert(table).from_select(list(values), row, include_defaults=False)


def _insert(table: Table) -> Any:
    # SQLAlchemy keeps the number of inserted rows only on demand.
    return insert(table).execution_options(preserve_rowcount=True)


def _make_values(table: Table) -> dict[str, Any]:
    """Return the columns' values. Each parameter has its column's type, also in a SELECT."""
    t = table.c
    values: dict[str, Any] = {name: bindparam(name, type_=t[name].type) for name in _GIVEN}
    values["key"] = bindparam("k", type_=t.key.type)
    values["record"] = bindparam("new", type_=t.record.type)
    left = bindparam("left", type_=t.expires.type)
    confirmed = bindparam("confirmed", type_=t.confirmed.type)
    confirms = bindparam("confirms", type_=t.remembered.type)
    values |= {"created": started(), "seen": started(), "expires": started() + left}
    values["confirmed"] = case((confirms == 1, started()), else_=confirmed)
    return values
