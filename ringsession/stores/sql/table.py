"""The table of `sql_store`: its columns and the server's clock.

Owns the schema; whether a server's table has it, and how it gets it, is `migration.py`'s
affair.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, SmallInteger, String, Table
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


def _digits(length: int) -> Any:
    """Hexadecimal digits, compared byte by byte."""
    plain = String(length)
    binary = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return plain.with_variant(String(length, "C"), "postgresql").with_variant(
        binary, "mysql", "mariadb"
    )


def _number(name: str) -> Column[Any]:
    """A column that an older version, which does not know it, need not fill."""
    kind = SmallInteger if name in ("remembered", "disposable") else BigInteger
    return Column(name, kind, nullable=False, server_default="0")


def make_table(name: str) -> Table:
    """Return the table under a name. Times are milliseconds by the server's clock."""
    record = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
    return Table(
        name,
        MetaData(),
        Column("key", _digits(64), primary_key=True),  # SHA-256 of the cookie's name and the id
        Column("record", record),  # UTF-8; NULL: a tombstone
        Column("version", BigInteger, nullable=False),  # random; another one after each write
        Column("expires", BigInteger, nullable=False, index=True),  # when the row may go
        _number("created"),
        _number("seen"),  # the last request, to within a tenth of `idle` or a minute
        Column("idle", BigInteger),  # NULL: no limit
        Column("absolute", BigInteger),
        _number("remembered"),
        _number("disposable"),
        Column("cookie", _digits(32)),  # the hash of the cookie's name
        Column("owner", _digits(64), index=True),
        Column("handle", _digits(32)),
        Column("began", BigInteger),
        Column("confirmed", BigInteger),
        Column("successor", _digits(64)),  # of a tombstone: the key to which the session moved
    )
