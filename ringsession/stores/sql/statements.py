"""Build the SQL statements of `sql_store`, once for each table.

Every statement uses the server's clock, so the clocks of the web servers do not matter.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, bindparam, case, delete, func, literal, select, update

from ..deadlines import TOMBSTONE
from .inserts import insert_login, insert_new
from .table import now, started

SWEPT_AT_ONCE = 256
ENDED_AT_ONCE = 256
FOUND_AT_ONCE = 4096


class Statements:
    """The statements for one table.

    Their parameters: `k` is the key, `new` a record, `at` the version that the row must have, and
    `next` the version after the write.
    """

    def __init__(self, table: Table) -> None:
        t = table.c
        self._table = table
        key: Any = bindparam("k")
        # "+ 0" stops MySQL from using the index on `expires`. It would lock that index before the
        # row, while another request has locked the row and waits for the index.
        in_time = (t.expires + 0) > now()
        is_live = t.record.is_not(None) & in_time
        live = (t.key == key) & is_live
        columns = [column for column in t if column.name not in ("key", "cookie")]
        self.load = select(*columns, now().label("now")).where(t.key == key)
        self.find = select(t.record, t.version).where(live)
        self.lock = self.find.with_for_update()
        self.create = insert_new(table)
        self.continue_login = insert_login(table)
        # Only if `seen` is still the time that was read, so that a slow request never shortens a
        # session.
        self.move = (
            update(table)
            .where(live, t.seen == bindparam("old_seen"))
            .values({name: bindparam(f"new_{name}") for name in ("created", "seen", "expires")})
        )
        new: Any = bindparam("new")
        flag = t.disposable * bindparam("keep")
        written: dict[str, Any] = {"record": new, "version": bindparam("next"), "disposable": flag}
        self.write = update(table).where(live).values(written)
        self.replace = self.write.where(t.version == bindparam("at"))
        self._end(live, in_time)
        self._find_users(is_live)

    def _end(self, live: Any, in_time: Any) -> None:
        """Make the statements that end sessions, and remove what has expired."""
        t = self._table.c
        at: Any = bindparam("at")
        to: Any = bindparam("to")
        keys: Any = bindparam("keys", expanding=True)
        self.destroy = self._bury(None).where(live)
        moved_before = t.record.is_(None) & in_time & (t.successor == to)
        at_version = (t.version == at) & live
        self.claim = self._bury(to).where(t.key == bindparam("k"), at_version | moved_before)
        self.end_each = self._bury(None).where(t.key.in_(keys), t.record.is_not(None), in_time)
        # PostgreSQL uses an index only for a time that is constant within the statement. Without
        # the index, each batch would read the whole table.
        expired = select(t.key).where(t.expires <= started())
        self.find_expired = expired.order_by(t.expires).limit(SWEPT_AT_ONCE)
        self.drop_expired = delete(self._table).where(t.key.in_(keys), (t.expires + 0) <= now())

    def _bury(self, successor: Any) -> Any:
        """Turn the row into a tombstone. An existing tombstone keeps its `expires`.

        MySQL sets the columns from left to right, so `expires` comes before `record`, which it
        reads. The version changes every time, so that every driver counts the row as changed.
        """
        t = self._table.c
        expires = case((t.record.is_(None), t.expires), else_=now() + literal(TOMBSTONE * 1000))
        empty = ("owner", "handle", "confirmed", "idle", "absolute", "record")
        values: list[tuple[Any, Any]] = [
            (t.expires, expires),
            (t.version, bindparam("next")),
            (t.successor, successor),
            (t.remembered, 0),
            (t.disposable, 0),
            *((t[name], None) for name in empty),
        ]
        return update(self._table).ordered_values(*values)

    def _find_users(self, is_live: Any) -> None:
        """Make the statements that look for the sessions of a user, or of a cookie.

        None of them locks a row, so they see what was committed when they began.
        """
        t = self._table.c
        began = func.coalesce(t.began, t.created).label("began")
        owned = (t.owner == bindparam("owner")) & is_live
        self.find_logins = select(t.key, t.handle).where(owned)
        times = (began, t.seen, t.created, t.idle, t.absolute, t.remembered)
        self.find_owned = select(t.key, t.handle, *times, t.record).where(owned)
        self.find_older = (
            select(t.key)
            .where(t.key > bindparam("after"), t.cookie == bindparam("cookie"), is_live)
            .where(began <= bindparam("until"))
            .order_by(t.key)
            .limit(FOUND_AT_ONCE)
        )
        self.count = select(func.count()).select_from(self._table).where(is_live)
        self.now = select(now().label("now"))
