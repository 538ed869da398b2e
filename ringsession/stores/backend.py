"""What the session layer asks, in terms of the cookie's value; one face for the three kinds of store.

Owns the choice between them. Knows nothing of requests and responses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from . import Change, Lifetime, Loaded, RingStore, Store
from .cookie import CookieStore, SealedSessions
from .server_side import ServerSideSessions
from .three_functions import OwnSessions

Renew = Callable[[str | None], str | None]


class Sessions(Protocol):
    """Sessions by the value of their cookie. Every method raises StoreUnavailable where the store failed."""

    def load(self, value: str) -> Loaded | None:
        """What stands under this value, which a client sent and may be anything."""

    def create(self, record: str) -> str | None:
        """Store a new session; the value that its cookie gets."""

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        """Store a change; the value from now on. SessionGone if the session is dead."""

    def touch(self, value: str, loaded: Loaded) -> str | None:
        """Move the idle deadline; the value from now on."""

    def recreate(self, value: str, loaded: Loaded | None, renew: Renew) -> str | None:
        """End the session and start `renew(its last record or None)` under a new value.

        loaded: what is known of it, where it was loaded.
        """

    def destroy(self, value: str) -> bool:
        """End the session. True if it was live, as far as the store can tell."""

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        """See Store.swap. SessionGone if the session is dead; TypeError where the store cannot."""


@runtime_checkable
class Opening(Protocol):
    """What opens its sessions itself: a store around another (`_flask_cookie.py`)."""

    def open_sessions(self, cookie_name: str, lifetime: Lifetime) -> Sessions:
        """The sessions of the store around which this stands, as it gives them."""


def open_sessions(store: Any, cookie_name: str, lifetime: Lifetime) -> Sessions:
    """The sessions in a store. Raises TypeError if it is none."""
    if isinstance(store, CookieStore):
        return SealedSessions(store, cookie_name, lifetime)
    if isinstance(store, RingStore):
        return OwnSessions(store, lifetime)
    if isinstance(store, Store):
        return ServerSideSessions(store, lifetime)
    if isinstance(store, Opening):
        return store.open_sessions(cookie_name, lifetime)
    raise TypeError(
        "expected a store (memory_store(), cookie_store(key), or an object with read_session, write_session"
        f" and delete_session), got {type(store).__name__}"
    )
