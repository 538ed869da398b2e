"""Read the URL of a database, and refuse one that the driver could never connect with."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection
from importlib import import_module
from typing import Any

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from ...option_error import suggest
from ..shown_url import is_host

NOT_ACCEPTED = "sql_store: the driver does not accept an option in the URL"
_SEVERAL_HOSTS = "?host=db1:5432&host=db2:5432"


def find_hosts(url: URL) -> list[str]:
    """Return the hosts and sockets of a URL, which may stand among its options.

    >>> find_hosts(make_url("postgresql+psycopg://web@/web?host=a:5432&host=/run/postgresql"))
    ['a:5432', '/run/postgresql']
    """
    found = [url.host] if url.host else []
    for name in ("host", "hostaddr", "unix_socket"):
        value = url.query.get(name, ())
        for text in (value,) if isinstance(value, str) else value:
            found += text.split(",")
    return found


def read_url(text: str) -> URL:
    """Return the URL in a text. Raises ValueError, without the text, for one that cannot work."""
    try:
        url = make_url(text)
        driver = url.get_driver_name()
    except (ArgumentError, ValueError):
        raise ValueError(
            "sql_store: expected a URL, such as postgresql+psycopg://...; write several hosts as"
            f" {_SEVERAL_HOSTS}"
        ) from None
    hosts = find_hosts(url)
    if not hosts or not all(hosts):
        raise ValueError(
            "sql_store: expected a URL with a host, or with a socket: ?host=/run/postgresql, or"
            " ?unix_socket=/run/mysqld/mysqld.sock for MySQL"
        )
    if any("@" in part for part in (*hosts, url.database or "")):
        raise ValueError(
            'sql_store: expected a URL with one "@", before the host;'
            ' write %40 for an "@" in a user name or a password'
        )
    if not all(_is_address(host) for host in hosts):
        raise ValueError(
            "sql_store: expected a URL with a host, such as postgresql+psycopg://db.internal/web,"
            " got an invalid host name"
        )
    if driver not in ("psycopg", "pymysql"):
        raise ValueError(
            "sql_store: expected postgresql+psycopg://..., mysql+pymysql://..."
            f" or mariadb+pymysql://..., got {url.drivername};"
            " for another driver pass an engine that has timeouts"
        )
    return url


def _is_address(host: str) -> bool:
    return host.startswith("/") or is_host(host) or is_host(f"[{host}]")


def check_options(engine: Engine, shown: str) -> None:
    """Raise ValueError for an option that the driver does not know, or for a value it refuses.

    shown: the URL without its secrets.
    """
    _, options = engine.dialect.create_connect_args(engine.url)
    driver: Any = import_module(engine.dialect.driver)
    if engine.dialect.driver == "psycopg":
        own = inspect.signature(driver.Connection.connect).parameters
        libpq = (each.keyword.decode() for each in driver.pq.Conninfo.get_defaults())
        _check_names(options, {*own, *libpq} - {"conninfo", "kwargs"}, shown)
        return
    _check_names(options, set(inspect.signature(driver.Connection.__init__).parameters), shown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an older name of an option works, too
            driver.Connection(**{**options, "defer_connect": True})  # sends nothing
    except Exception:  # of any kind, since the driver uses the values before it checks them
        is_accepted = False
    else:
        is_accepted = True
    if not is_accepted:  # raised here, since the driver's exception shows the value
        raise ValueError(NOT_ACCEPTED)


def _check_names(options: Collection[str], known: Collection[str], shown: str) -> None:
    for name in options:
        if name not in known:
            # The name itself is not shown: it may be the rest of a password with a "?".
            hint = suggest(name, sorted(known))
            raise ValueError(f"sql_store: unknown option in the URL {shown}; {hint}")
