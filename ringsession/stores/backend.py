"""What the session layer asks, in terms of the cookie's value; one face for the three kinds of store.

Owns the choice between them. Knows nothing of requests and responses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from . import Change, Lifetime, Loaded, Renewal, RingStore, Store
from .cookie.store import CookieStore, SealedSessions
from .server_side import ServerSideSessions
from .three_functions import OwnSessions


class Sessions(Protocol):
    """Sessions by the value of their cookie. Every method raises StoreUnavailable where the store failed."""

    def load(self, value: str) -> Loaded | None:
        """What stands under this value, which a client sent and may be anything."""

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        """Which of several live sessions, each under its value, is the request's; None if nothing tells."""

    def create(self, record: str, *, disposable: bool = False) -> str | None:
        """Store a new session; the value that its cookie gets. disposable: see `Details`."""

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        """Store a change; the value from now on. SessionGone if the session is dead."""

    def touch(self, value: str, loaded: Loaded) -> str | None:
        """Move the idle deadline; the value from now on."""

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        """Store the session under a new value, which is returned, and end it under the old one.

        loaded: what the store answered when it was asked for this value. None is returned, and nothing
        stored, where the renewal has nothing to store.
        """

    def destroy(self, value: str) -> bool:
        """End the session, or the one to which it moved. True if it was live, as far as the store can tell."""

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        """See Store.swap. SessionGone if the session is dead; TypeError where the store cannot."""


@runtime_checkable
class Opening(Protocol):
    """What opens its sessions itself: a store around another (`signed_cookies.py`)."""

    def open_sessions(self, cookie_name: str, lifetime: Lifetime) -> Sessions:
        """The sessions of the store around which this stands, as it gives them."""


def open_sessions(store: Any, cookie_name: str, lifetime: Lifetime) -> Sessions:
    """The sessions in a store. Raises TypeError if it is none."""
    if isinstance(store, CookieStore):
        return SealedSessions(store, cookie_name, lifetime)
    if isinstance(store, RingStore):
        return OwnSessions(store, lifetime)
    if isinstance(store, Store):
        return ServerSideSessions(store, cookie_name, lifetime)
    if isinstance(store, Opening):
        return store.open_sessions(cookie_name, lifetime)
    raise TypeError(
        "expected a store (memory_store(), cookie_store(key), or an object with read_session, write_session"
        f" and delete_session), got {type(store).__name__}"
    )
