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
        "redis://host:6379/0", or "rediss://..." for TLS;
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
            return import_store("sqlite_store")(rest[1:])
        if rest and scheme in ("redis", "rediss"):
            return import_store("redis_store")(text)
        if rest and scheme.partition("+")[0] in ("postgresql", "mysql", "mariadb"):
            return import_store("sql_store")(text)
    except (ImportError, ValueError) as error:
        raise OptionError("store", str(error)) from None
    raise OptionError("store", f"expected a store, or {_EXPECTED}, got another text")
