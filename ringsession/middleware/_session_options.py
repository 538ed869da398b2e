"""The options of the session layer, checked as far as they can be at the start.

Owns the store that an option names, and the words for times that are none. A part of `session.py`; knows no request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ..stores import StoreUnavailable, is_seconds
from ..stores.memory import memory_store
from ..stores.named import open_store
from ._cookie_attrs import check_attrs

log = logging.getLogger("ringsession")


def check_seconds(**options: float | None) -> None:
    for name, value in options.items():
        if not is_seconds(value):
            raise ValueError(f"{name}: expected seconds over 0, or None, got {value!r:.60}")


_SCOPE = ("domain", "path", "partitioned")


def check_former(
    given: Sequence[Mapping[str, Any]], attrs: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """The scopes that an app used before. Raises ValueError for what is none.

    attrs: the cookie's configured attributes, which hold for whatever a scope does not name.
    """
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise ValueError(
            "former_cookie_attrs: expected a list of dicts such as"
            f' [{{"domain": "example.org"}}], got {type(given).__name__}'
        )
    for index, scope in enumerate(given):
        where = f"former_cookie_attrs: number {index}"
        if not isinstance(scope, Mapping):
            raise ValueError(f"{where}: expected a dict, got {type(scope).__name__}")
        for key in scope:
            if key not in _SCOPE:
                raise ValueError(f"{where}: expected {', '.join(_SCOPE)}, got {key!r:.60}")
        try:
            check_attrs({**attrs, **scope})
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    return list(given)


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
