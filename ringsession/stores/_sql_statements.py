"""The statements of `sql_store`, made once for its table; the server's clock decides in each.

Owns the SQL. Knows nothing of sessions beyond their columns.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, bindparam, delete, insert, select, update

from ._sql_table import now

TOMBSTONE = 60_000  # milliseconds
SWEPT_AT_ONCE = 256


class Statements:
    """Named for what they do. Parameters: k the key, new a record, seen a version."""

    def __init__(self, table: Table) -> None:
        t = table.c
        key: Any = bindparam("k")
        record: Any = bindparam("new")
        seen: Any = bindparam("seen")
        # "+ 0" keeps MySQL from finding the row by the index on expires, and so from locking that before the row,
        # while another request has the row and waits for the index.
        deadline = t.expires + 0
        live = (t.key == key) & t.record.is_not(None) & (deadline > now())
        dead = {"record": None, "version": t.version + 1, "expires": now() + TOMBSTONE}
        columns = (t.record, t.version, t.expires, t.ends, t.idle, t.refresh, now().label("now"))
        self.load = select(*columns).where(t.key == key, t.expires > now())
        self.find = select(t.record, t.version).where(live)
        self.lock = self.find.with_for_update()
        self.move = (
            update(table).where(live).values(expires=bindparam("to"), refresh=bindparam("next"))
        )
        self.create = insert(table).values(
            key=key,
            record=record,
            version=0,
            idle=bindparam("idle"),
            expires=now() + bindparam("left"),
            ends=now() + bindparam("absolute"),
            refresh=now() + bindparam("step"),
        )
        self.write = update(table).where(live).values(record=record, version=t.version + 1)
        self.replace = self.write.where(t.version == seen)
        self.end = update(table).where(live).values(dead)
        self.end_seen = self.end.where(t.version == seen)
        # PostgreSQL gives what was there in the same round trip.
        last = select(t.key, t.record).where(live).with_for_update().cte("last")
        self.claim = update(table).where(t.key == last.c.key).values(dead).returning(last.c.record)
        self.find_expired = select(t.key).where(t.expires <= now()).limit(SWEPT_AT_ONCE)
        keys: Any = bindparam("keys", expanding=True)
        self.drop_expired = delete(table).where(t.key.in_(keys), deadline <= now())
