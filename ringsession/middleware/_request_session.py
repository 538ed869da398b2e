"""Find the session's cookies in a request."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..request import Request
from .cookies import find_cookie

FindValues = Callable[[Request], list[str]]

_MOST_VALUES = 4  # of one request's cookies that the store is asked for; a client may send hundreds


def find_values_in(store: Any, name: str) -> FindValues:
    """Return what finds the session's cookies in a request.

    It looks once whether the server has other processes.
    """
    unlooked = [True] if getattr(store, "single_process", False) else []

    def find_values(request: Request) -> list[str]:
        if unlooked:
            unlooked.clear()
            _warn_of_processes(store, request)
        return find_cookie(request.get_header("cookie") or "", name)[:_MOST_VALUES]

    return find_values


def _warn_of_processes(store: Any, request: Request) -> None:
    if (dict.get(request, "environ") or {}).get("wsgi.multiprocess"):
        warnings.warn(
            f"{store!r} works in one process, and this server runs several, each with its own"
            " sessions: use cookie_store(key) with a key of your own, or a store they share",
            RuntimeWarning,
            stacklevel=2,
        )
