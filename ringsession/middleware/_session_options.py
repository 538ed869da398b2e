"""The options of the session layer, checked as far as they can be at the start.

Owns the store that an option names, and the words for times that are none. A part of `session.py`; knows no request.
"""

from __future__ import annotations

import logging
from typing import Any

from ..stores import StoreUnavailable, is_seconds
from ..stores.memory import memory_store
from ..stores.named import open_store

log = logging.getLogger("ringsession")


def check_seconds(**options: float | None) -> None:
    for name, value in options.items():
        if not is_seconds(value):
            raise ValueError(f"{name}: expected seconds over 0, or None, got {value!r:.60}")


def find_store(given: Any) -> Any:
    """The store of an option, checked as far as it can be at the start."""
    if given is None:
        return memory_store()
    store = open_store(given) if isinstance(given, str) else given
    check = getattr(store, "check", None)
    if check is not None:
        try:
            check()
        except StoreUnavailable:  # it may come later than we do
            log.warning("%r could not be checked", store, exc_info=True)
        except ValueError as error:
            raise ValueError(f"store: {error}") from None
    return store
