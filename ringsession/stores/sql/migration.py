"""Create the table of `sql_store`, migrate an older one, and find faults in a table.

Every step can be repeated. Processes with an older version of the package can go on using the table
during and after the migration.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateColumn, CreateIndex

# Columns of the older table that must allow NULL now: this version does not fill the first two, and
# `idle` may be NULL.
_OLD = ("ends", "refresh", "idle")
_COMMAND = "create_table() or `python -m ringsession create-table`"


def make_or_migrate(connection: Connection, table: Table) -> None:
    """Create the table, or add the missing parts to an older one. Do not change any other table."""
    try:
        table.create(connection, checkfirst=True)
    except DBAPIError:
        if not _read_columns(connection, table):
            raise  # otherwise another process has just created it
    found = _read_columns(connection, table)
    if _find_faults_of_form(table, found):
        return  # another application's table; `find_faults` reports it
    _alter(connection, table, _missing_parts(connection, table, found))
    for index in table.indexes:
        if str(index.name) not in _read_indexes(connection, table):
            _run(connection, str(CreateIndex(index).compile(connection)))


def _missing_parts(connection: Connection, table: Table, found: dict[str, Any]) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote
    parts = [_add(connection, column) for column in table.columns if column.name not in found]
    for name in _OLD:
        if name in found and found[name].nullable == "NO":
            if connection.dialect.name == "postgresql":
                parts.append(f"ALTER COLUMN {quote(name)} DROP NOT NULL")
            else:
                parts.append(f"MODIFY COLUMN {quote(name)} BIGINT NULL")
    return parts


def _add(connection: Connection, column: Column[Any]) -> str:
    return f"ADD COLUMN {CreateColumn(column).compile(dialect=connection.dialect)}"


def _alter(connection: Connection, table: Table, parts: list[str]) -> None:
    """Change the table in one statement, so that no request sees half of the changes."""
    name = connection.dialect.identifier_preparer.format_table(table)
    if parts:
        _run(connection, f"ALTER TABLE {name} {', '.join(parts)}")


def _run(connection: Connection, statement: str) -> None:
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if not _is_done_already(error):
            raise


def _is_done_already(error: DBAPIError) -> bool:
    """Return whether another process has already made this change."""
    origin: Any = error.orig
    # duplicate_column and duplicate_table of PostgreSQL, and unique_violation, which its catalog
    # raises if both do it at the same moment; then the errors of MySQL
    states = ("42701", "42P07", "23505")
    return getattr(origin, "sqlstate", None) in states or origin.args[0] in (1060, 1061)


def _here(connection: Connection, column: str) -> str:
    if connection.dialect.name == "postgresql":
        return f"{column} = ANY (current_schemas(false))"
    return f"{column} = DATABASE()"


def _read_columns(connection: Connection, table: Table) -> dict[str, Any]:
    query = text(
        "SELECT column_name AS name, data_type AS type, collation_name AS collation,"
        " is_nullable AS nullable, column_default AS preset FROM information_schema.columns"
        f" WHERE table_name = :table AND {_here(connection, 'table_schema')}"
    )
    return {row.name: row for row in connection.execute(query, {"table": table.name})}


def _read_indexes(connection: Connection, table: Table) -> set[str]:
    if connection.dialect.name == "postgresql":
        query = "SELECT indexname FROM pg_indexes WHERE tablename = :table AND "
        query += _here(connection, "schemaname")
    else:
        query = (
            "SELECT index_name FROM information_schema.statistics WHERE table_name = :table AND "
        )
        query += _here(connection, "table_schema")
    return set(connection.scalars(text(query), {"table": table.name}))


def find_faults(connection: Connection, table: Table) -> list[str]:
    """Return the table's faults, each with what to do. Additional columns are not a fault."""
    found = _read_columns(connection, table)
    if not found:
        return [f"it does not exist; {_COMMAND} creates it"]
    faults = _find_faults_of_form(table, found)
    if faults:
        return faults
    missing = sorted(set(table.columns.keys()) - found.keys())
    if missing:
        return [f"it lacks the columns {', '.join(missing)}; {_COMMAND} adds them"]
    if any(name in found and found[name].nullable == "NO" for name in _OLD):
        return [f"an old column does not allow NULL; {_COMMAND} changes that"]
    return []


def _find_faults_of_form(table: Table, found: dict[str, Any]) -> list[str]:
    """Return why a table cannot be a session table of any version."""
    if not {"key", "record", "version", "expires"} <= found.keys():
        return [f"expected the columns {sorted(table.columns.keys())}, got {sorted(found)}"]
    faults = []
    collation = str(found["key"].collation)
    if collation not in ("C", "POSIX") and not collation.endswith("_bin"):
        faults.append(f"key: expected a binary collation, got {collation}")
    if str(found["record"].type).lower() not in ("bytea", "longblob"):
        faults.append(f"record: expected bytea or longblob, got {found['record'].type}")
    return faults
