"""Open a store by its name or URL, so that a deployment can configure it as text.

A store's module is imported only when the store is used, so its library may be missing until then.
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


_REDIS = 'write "redis://localhost:6379/0"'
_SQLITE = 'write "sqlite:///sessions.db", with four slashes for an absolute path'
_INSTEAD = {
    "postgres": 'write "postgresql+psycopg://..."',
    "postgresql": 'write "postgresql+psycopg://user:password@host/database"',
    "mysql": 'write "mysql+pymysql://user:password@host/database"',
    "mariadb": 'write "mariadb+pymysql://user:password@host/database"',
    "redis": _REDIS,
    "rediss": _REDIS,
    "localhost": _REDIS,
    "valkey": 'write "redis://..."',
    "valkeys": 'write "rediss://..."',
    "sqlite": _SQLITE,
    "sqlite3": _SQLITE,
    "memory": 'write "memory:"',
    "cookie": "pass cookie_store(key)",
}


def _unknown(text: str) -> OptionError:
    """Return the error for a text that names no store. It shows nothing of the text."""
    name = text.partition(":")[0].partition("+")[0].lower()
    instead = _INSTEAD.get(name)
    if instead is None and text.lower().endswith((".db", ".sqlite", ".sqlite3")):
        instead = _SQLITE
    hint = f"; {instead}" if instead else ""
    return OptionError("store", f"expected a store, or {_EXPECTED}, got another text{hint}")


def import_store(name: str) -> Any:
    """Return the function that makes a store, such as `sqlite_store`.

    Raises ModuleNotFoundError if the store's library is not installed, with the command for that.

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


def find_store_function(name: str) -> Any:
    """Return the function that makes a store. Without the store's library, it raises when called.

    `from ringsession import *` therefore works without the libraries.

    >>> find_store_function("sqlite_store").__name__
    'sqlite_store'
    """
    try:
        return import_store(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
            raise
        problem, library = str(error), error.name

    def make_store(*args: Any, **options: Any) -> Any:
        """Raise ModuleNotFoundError: the library of this store is not installed."""
        raise ModuleNotFoundError(problem, name=library)

    make_store.__name__ = name
    return make_store


def open_store(text: str) -> Any:
    """Return the store for a name or URL.

    text: "memory:"; "sqlite:///sessions.db" (four slashes for an absolute path);
        "redis://host:6379/0", "rediss://..." for TLS, "unix:///run/redis.sock?db=0";
        "postgresql+psycopg://user:password@host/database", "mysql+pymysql://..." or
        "mariadb+pymysql://...".

    Raises ValueError for any other text, and if the store's library is not installed. The message
    never contains the text, which may hold a password.

    >>> open_store("memory:")
    <memory_store with 0 entries>
    """
    if text == "memory:":
        return memory_store()
    scheme, _, rest = text.partition("://")
    try:
        if scheme == "sqlite" and rest.startswith("/"):
            if "?" in rest:
                raise ValueError(
                    'expected no "?" and no options after the path of the file; pass'
                    " sqlite_store(path) for a path with this character"
                )
            return import_store("sqlite_store")(rest[1:])
        if rest and scheme in ("redis", "rediss", "unix"):
            return import_store("redis_store")(text)
        if rest and scheme.partition("+")[0] in ("postgresql", "mysql", "mariadb"):
            return import_store("sql_store")(text)
    except (ImportError, ValueError) as error:
        raise OptionError("store", str(error)) from None
    raise _unknown(text)
