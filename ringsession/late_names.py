"""Find the names of `ringsession` that are looked up when somebody uses them, not at the import."""

from __future__ import annotations

from typing import Any

from .stores.named import find_store_function


def find_late_name(name: str) -> Any:
    """Return the version or the function of a store. Raise AttributeError for any other name."""
    if name == "__version__":
        return find_version()
    # Each of these stores imports a library, which an app without that store need not wait for.
    if name not in ("sqlite_store", "redis_store", "sql_store"):
        raise AttributeError(f"module 'ringsession' has no attribute {name!r}")
    return find_store_function(name)


def find_version() -> str:
    """Return the version of the installed package, or "0+unknown" for a folder on PYTHONPATH.

    Few programs ask for it, so only this call imports `importlib.metadata`.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ringsession")
    except PackageNotFoundError:
        return "0+unknown"
