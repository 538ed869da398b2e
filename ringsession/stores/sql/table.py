"""Define the table of `sql_store` and the server's clock.

`migration.py` creates the table and compares a server's table with it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, SmallInteger, String, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

NEVER = 10**17  # milliseconds; after every real date, and sums with it do not overflow


class now(FunctionElement[int]):
    """Milliseconds since 1970 by the server's clock, in any time zone, also in summer time."""

    type = BigInteger()
    inherit_cache = True


@compiles(now, "postgresql")
def _postgresql_now(element: Any, compiler: Any, **options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(now, "mysql")
@compiles(now, "mariadb")
def _mysql_now(element: Any, compiler: Any, **options: Any) -> str:
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"


class started(FunctionElement[int]):
    """The same when the statement began, so that all columns of a new row get one time."""

    type = BigInteger()
    inherit_cache = True


@compiles(started, "postgresql")
def _postgresql_started(element: Any, compiler: Any, **options: Any) -> str:
    return "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)"


compiles(started, "mysql")(_mysql_now)  # which is constant within a statement
compiles(started, "mariadb")(_mysql_now)


def _digits(length: int) -> Any:
    """Return a column type for hexadecimal digits, compared byte by byte."""
    plain = String(length)
    binary = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return plain.with_variant(String(length, "C"), "postgresql").with_variant(
        binary, "mysql", "mariadb"
    )


def _number(name: str) -> Column[Any]:
    """Return a column with a default, since an older version of the package does not fill it."""
    kind = SmallInteger if name in ("remembered", "disposable") else BigInteger
    return Column(name, kind, nullable=False, server_default="0")


def make_table(name: str) -> Table:
    """Return the table with this name. Times are milliseconds by the server's clock."""
    record = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
    return Table(
        name,
        MetaData(),
        Column("key", _digits(64), primary_key=True),  # SHA-256 of the cookie's name and the id
        Column("record", record),  # UTF-8; NULL: a tombstone
        Column("version", BigInteger, nullable=False),  # random, new after each write
        Column("expires", BigInteger, nullable=False, index=True),  # when the row may be deleted
        _number("created"),
        _number("seen"),  # the last request; up to a tenth of `idle` or a minute old
        Column("idle", BigInteger),  # NULL: no limit
        Column("absolute", BigInteger),
        _number("remembered"),
        _number("disposable"),
        Column("cookie", _digits(32)),  # the hash of the cookie's name
        Column("owner", _digits(64), index=True),  # the hash of the user; NULL: nobody
        Column("handle", _digits(32)),  # the name of the login
        Column("began", BigInteger),  # when the login began; NULL: at `created`
        Column("confirmed", BigInteger),  # when the user last confirmed who they are
        Column("successor", _digits(64)),  # of a tombstone: the key to which the session moved
    )
