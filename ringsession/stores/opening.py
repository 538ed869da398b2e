"""Choose the backend for a store. This module alone knows every kind of store."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from . import Lifetime, RingStore, Store, UserStore
from .backend import Backend
from .cookie.sessions import SealedSessions
from .cookie.store import CookieStore
from .logins import UserTerms
from .server_side import ServerSideSessions
from .shown_url import show_store
from .three_functions import RingStoreSessions

_INSTEAD = (
    "A generation number in your user table does it for a sealed cookie:"
    ' docs/how-to/user-sessions.md, "With a sealed cookie"'
)


@runtime_checkable
class OpensBackend(Protocol):
    """A store that opens its own backend, such as one that wraps another store."""

    def open_sessions(
        self, cookie_name: str, lifetime: Lifetime, users: UserTerms | None = None
    ) -> Backend:
        """Return the backend for sessions in cookies of this name."""


def open_sessions(
    store: Any, cookie_name: str, lifetime: Lifetime, users: UserTerms | None = None
) -> Backend:
    """Return the backend for a store. Raise TypeError if the object is not a store.

    lifetime: of a session; `lifetime.remembered` is that of a session that is remembered.
    users: None; for an app with a `user_key`. Raise TypeError if the store cannot find users.
    """
    if users is not None and not isinstance(store, (UserStore, OpensBackend)):
        problem = f"expected a server-side store that finds users, got {show_store(store)}."
        raise TypeError(f"{problem} {_INSTEAD}")
    if isinstance(store, CookieStore):
        return SealedSessions(store, cookie_name, lifetime)
    if isinstance(store, RingStore):
        return RingStoreSessions(store, lifetime, cookie_name=cookie_name)
    if isinstance(store, Store):
        return ServerSideSessions(store, cookie_name, lifetime, users)
    if isinstance(store, OpensBackend):
        return store.open_sessions(cookie_name, lifetime, users)
    raise TypeError(
        "expected a store (memory_store(), cookie_store(key), or an object with read_session,"
        f" write_session and delete_session), got {type(store).__name__}"
    )
