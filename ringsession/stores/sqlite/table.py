"""Create the SQLite table `ringsession`, replace an older version of it, and refuse any other."""

from __future__ import annotations

import sqlite3

# `record` comes last: SQLite finds the columns before it without reading through a long record.
_LAYOUT = """
    key BLOB PRIMARY KEY NOT NULL,  -- SHA-256 of the cookie's name and the id
    version INTEGER NOT NULL,       -- 63 random bits, new ones with each write
    expires REAL NOT NULL,          -- when the row may be deleted; Inf: never
    created REAL NOT NULL,          -- this and all other times in unix seconds
    seen REAL NOT NULL,             -- the last request; up to a minute too old
    idle REAL,                      -- seconds; NULL: no idle timeout
    absolute REAL,                  -- seconds; NULL: no absolute timeout
    remembered INTEGER NOT NULL,    -- 1: a "remember me" session
    disposable INTEGER NOT NULL,    -- 1: it holds nothing but CSRF secrets
    cookie BLOB,                    -- hash of the cookie's name
    owner BLOB,                     -- hash of the user; NULL: nobody is signed in
    handle BLOB,                    -- the name that an owner sees of this session
    began REAL,                     -- when the owner signed in
    confirmed REAL,                 -- when the owner last gave a password
    successor BLOB,                 -- of a tombstone: the key to which the session moved
    record TEXT                     -- NULL: a tombstone
"""
_COLUMNS = [line.split()[0] for line in _LAYOUT.strip().splitlines()]
_OLDER_COLUMNS = ["key", "record", "version", "expires", "ends", "idle", "refresh"]
_CREATE = (
    f"CREATE TABLE ringsession ({_LAYOUT})",
    "CREATE INDEX ringsession_expires ON ringsession (expires)",
    # Most rows have no owner, so the index leaves them out.
    "CREATE INDEX ringsession_owner ON ringsession (owner) WHERE owner IS NOT NULL",
)


def prepare_table(connection: sqlite3.Connection) -> None:
    """Create the table if the file has none, and replace a table of an older release.

    Replacing an older table deletes its sessions: its keys are hashes of the id alone, so no
    request could find them.
    Raises sqlite3.DatabaseError if the table has other columns, and sqlite3.OperationalError if
    another process has locked the file.
    """
    if _columns(connection) == _COLUMNS:
        return
    connection.execute("BEGIN IMMEDIATE")
    found = _columns(connection)  # again, since another process may have created the table
    if found == _OLDER_COLUMNS:
        connection.execute("DROP TABLE ringsession")
    elif found and found != _COLUMNS:
        raise sqlite3.DatabaseError("its table ringsession has other columns")
    if found != _COLUMNS:
        for statement in _CREATE:
            connection.execute(statement)
    connection.execute("COMMIT")


def find_fault(connection: sqlite3.Connection) -> str | None:
    """Return why a file has no session table of this version; None if it has one."""
    found = _columns(connection)
    if not found:
        return "it does not exist; the app creates it when it opens the store"
    if found == _OLDER_COLUMNS:
        return "an older release made it; the app replaces it, which ends its sessions"
    return None if found == _COLUMNS else "it has other columns"


def require_table(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if the file has no such table. It had one at the start."""
    if _columns(connection) != _COLUMNS:
        raise sqlite3.DatabaseError("the table ringsession is missing or has other columns")


def _columns(connection: sqlite3.Connection) -> list[str]:
    return [row[1] for row in connection.execute("PRAGMA table_info(ringsession)")]
