"""The SQL statements of the SQLite store. `table.py` explains the columns."""

from __future__ import annotations

_LIVE = "key = ? AND record IS NOT NULL AND expires > ?"
LOAD = (
    "SELECT record, version, created, seen, idle, absolute, disposable, successor, remembered,"
    " owner, handle, began, confirmed FROM ringsession WHERE key = ?"
)
FIND = f"SELECT record, version FROM ringsession WHERE {_LIVE}"
# Only if `seen` is still the time that was read, so that a slow request never shortens a session.
MOVE = f"UPDATE ringsession SET created = ?, seen = ?, expires = ? WHERE {_LIVE} AND seen = ?"
_COLUMNS = (
    "key, version, expires, created, seen, idle, absolute, remembered, disposable, cookie, owner,"
    " handle, began, confirmed, record"
)
_PARAMETERS = ", ".join("?" for _ in _COLUMNS.split(", "))
_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
# An expired row that is not deleted yet counts as absent.
_OR_REPLACE = f"ON CONFLICT (key) DO UPDATE SET {_REPLACED}, successor = NULL WHERE expires <= ?"
_INSERT = f"INSERT INTO ringsession ({_COLUMNS})"
CREATE = f"{_INSERT} VALUES ({_PARAMETERS}) {_OR_REPLACE}"
# Nothing, unless the old session of the login is live.
CONTINUE = (
    f"{_INSERT} SELECT {_PARAMETERS} FROM ringsession"
    f" WHERE {_LIVE} AND owner = ? AND handle = ? {_OR_REPLACE}"
)
WRITE = (
    "UPDATE ringsession SET record = ?, version = ?, disposable = disposable AND ?"
    f" WHERE {_LIVE}"
)
WRITE_IF_UNCHANGED = f"{WRITE} AND version = ?"
# A tombstone keeps the hash of the cookie's name and the time when the login began.
_BURY = (
    "UPDATE ringsession SET version = ?, expires = ?, created = ?, seen = ?, idle = ?,"
    " absolute = NULL, remembered = 0, disposable = 0, owner = NULL, handle = NULL,"
    " confirmed = NULL, successor = ?, record = NULL"
)
END = f"{_BURY} WHERE {_LIVE}"
CLAIM = f"{END} AND version = ?"
MOVED = (
    "SELECT 1 FROM ringsession"
    " WHERE key = ? AND record IS NULL AND expires > ? AND successor = ?"
)
SWEEP = (
    "DELETE FROM ringsession WHERE key IN"
    " (SELECT key FROM ringsession WHERE expires <= ? ORDER BY expires LIMIT ?)"
)

_OWNED = "owner = ? AND record IS NOT NULL AND expires > ?"
FIND_OWNED = (
    "SELECT key, handle, coalesce(began, created), created, seen, idle, absolute, record"
    f" FROM ringsession WHERE {_OWNED}"
)
# The last two parameters: the handle to end, or NULL for all; the handle to spare, or NULL.
END_OWNED = f"{_BURY} WHERE {_OWNED} AND handle = coalesce(?, handle) AND handle IS NOT ?"
# "+" keeps SQLite from reading the index of `expires` and sorting all its rows for each batch.
FIND_OLDER = (
    "SELECT key FROM ringsession WHERE key > ? AND cookie = ? AND coalesce(began, created) <= ?"
    " AND record IS NOT NULL AND +expires > ? ORDER BY key LIMIT ?"
)
COUNT = "SELECT count(*) FROM ringsession WHERE record IS NOT NULL AND expires > ?"
