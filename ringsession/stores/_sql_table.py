"""The table of `sql_store`: its columns, the server's clock, and whether what is there has the right form.

Owns the schema. Knows nothing of sessions beyond their columns.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, String, Table, text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

NEVER = 10**17  # milliseconds; past every date, and no sum with it overflows


class now(FunctionElement[int]):
    """Milliseconds since 1970 by the server's clock, whatever its time zone and its summer time."""

    type = BigInteger()
    inherit_cache = True


@compiles(now, "postgresql")
def _postgresql_now(element: Any, compiler: Any, **options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(now, "mysql")
@compiles(now, "mariadb")
def _mysql_now(element: Any, compiler: Any, **options: Any) -> str:
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"


def _key_type() -> Any:
    """64 hexadecimal digits, compared byte by byte."""
    plain = String(64)
    binary = mysql.VARCHAR(64, charset="ascii", collation="ascii_bin")
    return plain.with_variant(String(64, "C"), "postgresql").with_variant(
        binary, "mysql", "mariadb"
    )


def make_table(name: str) -> Table:
    """The table under a name of one's own."""
    record = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
    return Table(
        name,
        MetaData(),
        Column("key", _key_type(), primary_key=True),  # SHA-256 of the id
        Column("record", record),  # UTF-8; NULL: a tombstone
        Column("version", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=False, index=True),  # this and what follows in ms
        Column("ends", BigInteger, nullable=False),
        Column("idle", BigInteger, nullable=False),
        Column("refresh", BigInteger, nullable=False),
    )


def find_faults(connection: Connection, table: Table) -> list[str]:
    """What is wrong with the table on the server, or that it is not there."""
    schemas = {
        "postgresql": "table_schema = ANY (current_schemas(false))",
        "mysql": "table_schema = DATABASE()",
    }
    where = schemas["postgresql" if connection.dialect.name == "postgresql" else "mysql"]
    query = text(
        "SELECT column_name AS name, data_type AS type, collation_name AS collation"
        f" FROM information_schema.columns WHERE table_name = :table AND {where}"
    )
    found = {row.name: row for row in connection.execute(query, {"table": table.name})}
    expected = set(table.columns.keys())
    if not found:
        return ["it is not there"]
    if found.keys() != expected:
        return [f"expected the columns {sorted(expected)}, got {sorted(found)}"]
    faults = []
    collation = str(found["key"].collation)
    if collation not in ("C", "POSIX") and not collation.endswith("_bin"):
        faults.append(f"key: expected a binary collation, got {collation}")
    if str(found["record"].type).lower() not in ("bytea", "longblob"):
        faults.append(f"record: expected bytea or longblob, got {found['record'].type}")
    return faults
