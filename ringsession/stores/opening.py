"""Choose the backend for a store. This module alone knows every kind of store."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from . import Lifetime, RingStore, Store
from .backend import Backend
from .cookie.store import CookieStore, SealedSessions
from .server_side import ServerSideSessions
from .three_functions import RingStoreSessions


@runtime_checkable
class OpensBackend(Protocol):
    """A store that opens its own backend, such as one that wraps another store."""

    def open_sessions(self, cookie_name: str, lifetime: Lifetime) -> Backend:
        """Return the backend for sessions in cookies of this name."""


def open_sessions(store: Any, cookie_name: str, lifetime: Lifetime) -> Backend:
    """Return the backend for a store. Raise TypeError if the object is not a store."""
    if isinstance(store, CookieStore):
        return SealedSessions(store, cookie_name, lifetime)
    if isinstance(store, RingStore):
        return RingStoreSessions(store, lifetime, cookie_name=cookie_name)
    if isinstance(store, Store):
        return ServerSideSessions(store, cookie_name, lifetime)
    if isinstance(store, OpensBackend):
        return store.open_sessions(cookie_name, lifetime)
    raise TypeError(
        "expected a store (memory_store(), cookie_store(key), or an object with read_session,"
        f" write_session and delete_session), got {type(store).__name__}"
    )
