"""Stores by name, so that a deployment can say in text where its sessions are.

Owns the names, and the import of a store's library when the store is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..option_error import OptionError
from .memory import memory_store

_LIBRARIES = {
    "sqlalchemy": "pip install 'ringsession[sql]'",
    "_sqlite3": "a Python that has sqlite3",
}
_EXPECTED = (
    '"memory:", "sqlite:///sessions.db", "redis://...", "rediss://...", "postgresql+psycopg://..."'
    ' or "mysql+pymysql://..."'
)


def import_store(name: str) -> Any:
    """The function that makes a store, by its name. Raises ImportError that says how to get what is missing.

    >>> import_store("sqlite_store").__name__
    'sqlite_store'
    """
    try:
        module = import_module(f"{__package__}.{name.removesuffix('_store')}")
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARIES:
            raise
        needed = f"{name} needs {error.name}: {_LIBRARIES[error.name]}"
        raise ModuleNotFoundError(needed, name=error.name) from None
    return getattr(module, name)


def open_store(text: str) -> Any:
    """The store that a text names.

    text: "memory:"; "sqlite:///sessions.db" (four slashes for a path from the root); "redis://host:6379/0", "rediss://..."
        for TLS; "postgresql+psycopg://user:password@host/database", "mysql+pymysql://...", "mariadb+pymysql://...".
    Raises ValueError for any other, and for a library that is not installed; never with the text, which may hold a password.

    >>> open_store("memory:")
    <memory_store with 0 entries>
    """
    if text == "memory:":
        return memory_store()
    scheme, _, rest = text.partition("://")
    try:
        if scheme == "sqlite" and rest.startswith("/"):
            return import_store("sqlite_store")(rest[1:])
        if rest and scheme in ("redis", "rediss"):
            return import_store("redis_store")(text)
        if rest and scheme.partition("+")[0] in ("postgresql", "mysql", "mariadb"):
            return import_store("sql_store")(text)
    except (ImportError, ValueError) as error:
        raise OptionError("store", str(error)) from None
    raise OptionError("store", f"expected a store, or {_EXPECTED}, got another text")
