"""The interface between the session core and a store, for one cookie name and lifetime.

Every kind of store has an implementation. `opening.py` chooses between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..request import Request
from . import Change, Loaded, Renewal
from .logins import Logins


class Backend(Protocol):
    """Read and write sessions by the value of their cookie.

    Every method raises StoreUnavailable if the store failed.
    """

    @property
    def check_size(self) -> Callable[[str], object] | None:
        """Return what raises for a record that is too large for the store; None if all fit."""

    @property
    def logins(self) -> Logins | None:
        """Return what knows the users of the sessions; None for an app without a `user_key`."""

    @property
    def find_former(self) -> Callable[[Request], list[str]] | None:
        """Return what finds the values of a cookie that the app used before; None for no such
        cookie.

        They count where the session's own cookie brings nothing that is known. A logout ends their
        sessions too.
        """

    def load(self, value: str) -> Loaded | None:
        """Return what the store has for a cookie value. The client may have sent any text."""

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        """Return what `load` does, where no cookie can be sent any more.

        follows: whether the cookie of the session with this record must be sent again when the
        idle timeout is extended. Then the timeout is not extended.
        """

    def load_passive(self, value: str) -> Loaded | None:
        """Return what `load` does, for a request that must not extend the idle timeout.

        The answer is not due, and a sealed one is marked as passive.
        """

    def lasts(self, loaded: Loaded | None) -> float | None:
        """Return in how many seconds a session ends that is remembered. None: never.

        loaded: the session as it was loaded, which this request has stored again if it is sealed.
            None: a new one.
        """

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        """Return the one of several live sessions that belongs to the request, or None.

        live: each cookie value that the request brought, and the session loaded for it. None means
        that nothing tells the sessions apart.
        """

    def create(
        self, record: str, *, disposable: bool = False, renewal: Renewal | None = None
    ) -> str | None:
        """Store a new session. Return the value for its cookie. disposable: see `Details`.

        renewal: None; what the request says of a login. Its records are not asked for.
        Raise SessionGone for a login that another request ended while it began.
        """

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        """Store a change. Return the cookie value from now on. Raise SessionGone if it is dead."""

    def touch(self, value: str, loaded: Loaded) -> str | None:
        """Extend the idle timeout. Return the cookie value from now on."""

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        """Store the session under a new value, end the old one, and return the new value.

        loaded: what `load` returned for the old value. If the renewal has no record to store,
        store nothing and return None.
        """

    def destroy(self, value: str) -> bool:
        """End the session, or the session it moved to. Return whether it was live.

        A store that cannot tell returns True.
        """

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        """See `Store.swap`.

        Raise SessionGone if the session is dead, and TypeError if the store has no `swap`.
        """

    def keeps_value(self, value: str) -> bool:
        """Return whether `patch` and `destroy` need no new cookie, so that they also work where
        none can be sent.
        """

    def merges(self, value: str) -> bool:
        """Return whether this is so, and `patch` leaves the keys alone that it does not change."""
