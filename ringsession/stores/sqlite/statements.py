"""The SQL statements of the SQLite store. `table.py` explains the columns."""

from __future__ import annotations

_LIVE = "key = ? AND record IS NOT NULL AND expires > ?"
LOAD = (
    "SELECT record, version, created, seen, idle, absolute, disposable, successor"
    " FROM ringsession WHERE key = ?"
)
FIND = f"SELECT record, version FROM ringsession WHERE {_LIVE}"
# Only if `seen` is still the time that was read, so that a slow request never shortens a session.
MOVE = f"UPDATE ringsession SET created = ?, seen = ?, expires = ? WHERE {_LIVE} AND seen = ?"
# An expired row that is not deleted yet counts as absent.
CREATE = (
    "INSERT INTO ringsession (key, version, expires, created, seen, idle, absolute, remembered,"
    " disposable, cookie, record) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET version = excluded.version, expires = excluded.expires,"
    " created = excluded.created, seen = excluded.seen, idle = excluded.idle,"
    " absolute = excluded.absolute, remembered = 0, disposable = excluded.disposable,"
    " cookie = excluded.cookie, owner = NULL, handle = NULL, began = NULL, confirmed = NULL,"
    " successor = NULL, record = excluded.record WHERE expires <= ?"
)
WRITE = (
    "UPDATE ringsession SET record = ?, version = ?, disposable = disposable AND ?"
    f" WHERE {_LIVE}"
)
WRITE_IF_UNCHANGED = f"{WRITE} AND version = ?"
# A tombstone keeps the hash of the cookie's name and the time when the owner signed in.
END = (
    "UPDATE ringsession SET version = ?, expires = ?, created = ?, seen = ?, idle = ?,"
    " absolute = NULL, remembered = 0, disposable = 0, owner = NULL, handle = NULL,"
    f" confirmed = NULL, successor = ?, record = NULL WHERE {_LIVE}"
)
CLAIM = f"{END} AND version = ?"
MOVED = (
    "SELECT 1 FROM ringsession"
    " WHERE key = ? AND record IS NULL AND expires > ? AND successor = ?"
)
SWEEP = (
    "DELETE FROM ringsession WHERE key IN"
    " (SELECT key FROM ringsession WHERE expires <= ? ORDER BY expires LIMIT ?)"
)
