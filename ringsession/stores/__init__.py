"""Define the contract of a server-side store (`Store`) and of a store of your own (`RingStore`).

A server-side store sees hashed keys and encoded records (see `codec`), but no session id, no cookie
and no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import cached_property
from typing import Any, Protocol, TypeVar, runtime_checkable

from .. import codec
from .deadlines import UNLIMITED as UNLIMITED
from .deadlines import Lifetime as Lifetime  # a part of the contract
from .facts import NO_DETAILS as NO_DETAILS
from .facts import Details as Details
from .facts import Loaded as Loaded
from .facts import UserSessionRow as UserSessionRow
from .unavailable import StoreUnavailable as StoreUnavailable

_Self = TypeVar("_Self")


class SessionGone(Exception):
    """The session has ended, so this write was dropped."""


def is_seconds(value: object) -> bool:
    """Return whether a value is a valid timeout: a number of seconds over 0, or None.

    >>> is_seconds(60), is_seconds(None), is_seconds("60"), is_seconds(True)
    (True, True, False, False)
    """
    return value is None or (type(value) in (int, float) and value > 0)  # type: ignore[operator]


class Change:
    """One request's change to a session: the new record, and the keys that the request changed.

    The changed keys are computed on first use.
    """

    def __init__(self, before: str, record: str, *, disposable: bool = False) -> None:
        self.record = record
        # See `Details`. Only a disposable session stays one; no change makes a session disposable.
        self.disposable = disposable
        self._before = before

    @cached_property
    def _difference(self) -> tuple[Mapping[str, str], Set[str]]:
        return codec.difference(self._before, self.record)

    @property
    def changed(self) -> Mapping[str, str]:
        """Return the keys that the request set, each with its encoded value."""
        return self._difference[0]

    @property
    def removed(self) -> Set[str]:
        """Return the keys that the request removed."""
        return self._difference[1]


class CopiesAsItself:
    """Keep a store the same object when `copy.deepcopy` copies the config that holds it."""

    def __copy__(self: _Self) -> _Self:
        return self

    def __deepcopy__(self: _Self, memo: object) -> _Self:
        return self


class Renewal(Protocol):
    """Compute the record for a session's new id. The request that moves the session provides this.

    Each method returns None if there is nothing to store.
    remember: whether the session is remembered from now on. confirms: whether its user confirms
    now who they are. handle: the name of the login under which the store has stored the session;
    the backend sets it.
    """

    remember: bool
    confirms: bool
    handle: str | None

    def of_live(self, record: str) -> str | None:
        """Return the new record if the old id is live and has this record."""

    def of_moved(self, record: str) -> str | None:
        """Return the new record if another request has moved the session, to this record."""

    def alone(self) -> str | None:
        """Return the new record if the old id has no session."""


@runtime_checkable
class Store(Protocol):
    """A server-side store. Each method takes effect in one atomic step, or not at all.

    A key is absent, live or dead. It goes from absent to live to dead to absent. No step makes a
    dead or an expired key live again. A dead key is a tombstone without data. It is kept for 60 s
    and says how the session ended: `destroy` ended it, or `claim` moved it to another key. No later
    call changes a tombstone.

    Versions are random, have at least 64 bits, and never recur. A read that extends the idle
    timeout keeps the version. All times are by the store's own clock. An exception from a method
    means that the store failed; "no such session" is an answer, not an exception. A record is text
    and comes back unchanged.

    A call should cost at most one round trip to a server. One more is allowed when a read extends
    the idle timeout, and for each time that another request's write was faster. `swap` needs two,
    since it reads and then writes.

    `ringsession.testing.StoreContract` tests all of this except the round trips.
    """

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        """Return the live session or the tombstone under `key`, or None if absent or expired.

        limit: the configured times. The shorter of these and the session's own times decides (see
            `deadlines.judge`). If only the limit has ended the session, return
            `Loaded(None, outlived=True)` and leave the stored session unchanged.

        Extend the idle timeout of a live session, by storing when it was last used. Do so only if
        `Lifetime.granularity` has passed since the stored time. If it has, but `limit.extends` is
        False, extend nothing and return the session with `due=True`.
        """

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        """Insert a session. Return False and change nothing if the key is not absent.

        A store that is no `UserStore` may ignore `owner`, `handle` and `continues`, which it gets
        only if the app has a `user_key`.
        """

    def patch(self, key: str, version: Any, change: Change) -> bool:
        """Apply a change to the record that is stored *now*. Return False if it is not live.

        If the session still has the given version, the store may simply store `change.record`.
        Otherwise another request has written, so set and remove only the changed keys.
        """

    def claim(self, key: str, version: Any, successor: str) -> bool:
        """End a session that is live at this version, because it moved to the key `successor`.

        Also return True if the tombstone already names this successor, so that a caller may repeat
        a claim whose answer was lost. In every other case return False and change nothing; `load`
        tells which case it was.
        """

    def destroy(self, key: str) -> bool:
        """End a session. Return whether it was live by its own times."""

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        """Set one key to `change(its encoded value or None)`, and return the text that was set.

        Compare and set: call `change` again if another request's write was faster, but never after
        a write with an unknown outcome. Return None if the session is not live.
        """

    def sweep(self) -> int:
        """Remove expired sessions. Return how many. The store must work without this call."""


@runtime_checkable
class UserStore(Store, Protocol):
    """A server-side store that also finds and ends the sessions of a user.

    The promise: when `end_sessions` has returned, no session that was bound to the owner before the
    call is live, or becomes live, whatever runs beside it. A session is bound by the `create` that
    stores it. A `create` with `continues` stores nothing once its login was ended. A login that
    begins after the call is untouched, and so is every session of another owner.
    """

    def find_sessions(self, owner: str) -> list[UserSessionRow]:
        """Return the live sessions of an owner, in any order. Extend no idle timeout.

        While a login moves to a new id, two sessions may have its handle.
        """

    def end_sessions(
        self, owner: str, *, handle: str | None = None, spare: str | None = None
    ) -> int:
        """End the sessions of an owner, and return how many were live.

        handle: end only this login. spare: end every login but this one. Each ended session leaves
        a tombstone, as after `destroy`.
        """

    def end_all_sessions(self, cookie: str) -> int:
        """End every session of one cookie's name that began before the call; return how many.

        cookie: the hash of the cookie's name, as in `Details`. Sessions that began later are
        untouched. A session that moves to a new id meanwhile ends as well, since it keeps `began`.
        """

    def count_sessions(self) -> int:
        """Return the number of live sessions, with a scan that lets every request go on."""


@runtime_checkable
class RingStore(Protocol):
    """A store of your own, with the three functions of ring.middleware.session.store/SessionStore.

    ringsession reads it only when a request uses its session, and writes to it only after a change.
    The last write wins. The store cannot keep two promises: "no write is lost" and "what is deleted
    stays deleted". ringsession neither checks nor hashes its keys.
    """

    def read_session(self, key: str) -> Mapping[str, Any] | None:
        """Return the session under a key, or None. A client sent the key, so it may be any text."""

    def write_session(self, key: str | None, data: dict[str, Any]) -> str | None:
        """Store a session, a new one if the key is None. Return its key from now on.

        None keeps the key. A new session without a key is lost, and the log says so.
        """

    def delete_session(self, key: str) -> object:
        """Delete a session. ringsession ignores the return value."""
