"""Refuse a database server that is too old."""

from __future__ import annotations

from typing import Any

# The oldest that the drivers psycopg and PyMySQL support.
_OLDEST = {"PostgreSQL": (10, 0), "MySQL": (5, 7), "MariaDB": (10, 3)}


def check_version(dialect: Any) -> None:
    """Raise ValueError if the server of a connected dialect is too old."""
    name = "PostgreSQL" if dialect.name == "postgresql" else "MySQL"
    if getattr(dialect, "is_mariadb", False):
        name = "MariaDB"
    found = tuple(part for part in dialect.server_version_info or () if type(part) is int)
    if found and found < _OLDEST[name]:
        oldest, given = (".".join(map(str, each[:2])) for each in (_OLDEST[name], found))
        raise ValueError(f"sql_store: expected {name} {oldest} or newer, got {given}")
