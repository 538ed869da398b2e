"""Name a database server and its version, and refuse one that is too old."""

from __future__ import annotations

from typing import Any

# The oldest that the drivers psycopg and PyMySQL support.
_OLDEST = {"PostgreSQL": (10, 0), "MySQL": (5, 7), "MariaDB": (10, 3)}


def find_version(dialect: Any) -> tuple[str, tuple[int, ...]]:
    """Return the name and the version of the server of a connected dialect."""
    name = "PostgreSQL" if dialect.name == "postgresql" else "MySQL"
    if getattr(dialect, "is_mariadb", False):
        name = "MariaDB"
    return name, tuple(part for part in dialect.server_version_info or () if type(part) is int)


def check_version(dialect: Any) -> None:
    """Raise ValueError if the server of a connected dialect is too old."""
    name, found = find_version(dialect)
    if found and found < _OLDEST[name]:
        oldest, given = (".".join(map(str, each[:2])) for each in (_OLDEST[name], found))
        raise ValueError(f"sql_store: expected {name} {oldest} or newer, got {given}")
