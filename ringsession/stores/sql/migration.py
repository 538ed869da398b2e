"""Make the table of `sql_store`, bring an older one up to date, and find what is wrong with it.

Owns DDL. Every step can be repeated, and an older version of the package serves on beside it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateColumn, CreateIndex

# The columns that only the older table had, and one that allowed no NULL in it. Nothing fills them
# any more.
_OLD = ("ends", "refresh", "idle")
_COMMAND = "create_table() or `python -m ringsession create-table`"


def make_or_migrate(connection: Connection, table: Table) -> None:
    """Make the table, or add to an older one what it lacks. Leave any other table alone."""
    try:
        table.create(connection, checkfirst=True)
    except DBAPIError:
        if not _read_columns(connection, table):
            raise  # else another process made it at the same moment
    found = _read_columns(connection, table)
    if _find_faults_of_form(table, found):
        return  # it was none of ours; `find_faults` says so
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
    """Change the table in one statement, so that nobody sees half of it."""
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
    """Return whether another process was faster."""
    origin: Any = error.orig
    # duplicate_column and duplicate_table of PostgreSQL, and the same of MySQL
    return getattr(origin, "sqlstate", None) in ("42701", "42P07") or origin.args[0] in (1060, 1061)


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
    """Return the faults of the table, each with what to do. Further columns are no fault."""
    found = _read_columns(connection, table)
    if not found:
        return [f"it is not there; {_COMMAND} makes it"]
    faults = _find_faults_of_form(table, found)
    if faults:
        return faults
    missing = sorted(set(table.columns.keys()) - found.keys())
    if missing:
        return [f"it lacks the columns {', '.join(missing)}; {_COMMAND} adds them"]
    if any(name in found and found[name].nullable == "NO" for name in _OLD):
        return [f"an old column allows no NULL; {_COMMAND} changes that"]
    return []


def _find_faults_of_form(table: Table, found: dict[str, Any]) -> list[str]:
    """Return why a table cannot be one of ours, of whatever version."""
    if not {"key", "record", "version", "expires"} <= found.keys():
        return [f"expected the columns {sorted(table.columns.keys())}, got {sorted(found)}"]
    faults = []
    collation = str(found["key"].collation)
    if collation not in ("C", "POSIX") and not collation.endswith("_bin"):
        faults.append(f"key: expected a binary collation, got {collation}")
    if str(found["record"].type).lower() not in ("bytea", "longblob"):
        faults.append(f"record: expected bytea or longblob, got {found['record'].type}")
    return faults
