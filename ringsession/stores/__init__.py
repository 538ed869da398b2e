"""What a store is: the contract of every server-side store, and the three functions of Ring.

Owns the words only. A store sees hashed keys and encoded records (`codec.py`), never an id, a cookie or a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from .. import codec
from .deadlines import UNLIMITED as UNLIMITED
from .deadlines import Lifetime as Lifetime  # a part of the contract

_Self = TypeVar("_Self")


class StoreUnavailable(Exception):
    """A store could not answer. The client gets a 503, whatever the handler makes of this."""


class SessionGone(Exception):
    """A write came too late: its session has ended meanwhile, and stays so."""


def is_seconds(value: object) -> bool:
    """Whether a value is a time that a session may live: a number of seconds over 0, or None.

    >>> is_seconds(60), is_seconds(None), is_seconds("60"), is_seconds(True)
    (True, True, False, False)
    """
    return value is None or (type(value) in (int, float) and value > 0)  # type: ignore[operator]


@dataclass(slots=True)
class Loaded:
    """What a store has under a key: a live session, or what is left of one."""

    record: str | None  # None: there is no session here for this request
    version: Any = (
        None  # random, and another one after every write; given back to `patch` and `claim`
    )
    expires_in: float | None = None  # seconds left
    moved: bool = False  # this read moved the idle deadline
    due: bool = False  # it is to be moved when the request ends, where a read cannot
    disposable: bool = False  # the store may have dropped it before another session (`Details`)
    successor: str | None = None  # without a record: the key to which the session moved
    outlived: bool = False  # without a record: over by the limit given to `load`, but still stored

    def __repr__(self) -> str:
        return f"<Loaded {'nothing' if self.record is None else 'a record'}>"  # not what is in it


class Details(NamedTuple):
    """What a store is told of a new session beside its record and its times."""

    cookie: str = ""  # the hash of the cookie's name, 32 hexadecimal digits
    disposable: bool = (
        False  # nobody misses it: a full store may drop it before it refuses a session
    )
    replaces: str | None = None  # the key of the session that moves here, which is ended next


NO_DETAILS = Details()


class Change:
    """What a request did to a session: the record it would leave, and, worked out when asked, the keys it changed."""

    def __init__(self, before: str, record: str, *, disposable: bool = False) -> None:
        self.record = record
        self.disposable = disposable  # see `Details`; a session that is not never becomes so
        self._before = before

    @cached_property
    def _difference(self) -> tuple[Mapping[str, str], Set[str]]:
        return codec.difference(self._before, self.record)

    @property
    def changed(self) -> Mapping[str, str]:
        """The keys that were set: key -> encoded value."""
        return self._difference[0]

    @property
    def removed(self) -> Set[str]:
        """The keys that were removed."""
        return self._difference[1]


class CopiesAsItself:
    """A store in a config survives `copy.deepcopy(config)` as the same store."""

    def __copy__(self: _Self) -> _Self:
        return self

    def __deepcopy__(self: _Self, memo: object) -> _Self:
        return self


class Renewal(Protocol):
    """What a session holds under its new id: worked out from records, by the request that moves it."""

    def of_live(self, record: str) -> str | None:
        """From the live record under the old id; None if there is nothing to store."""

    def of_moved(self, record: str) -> str | None:
        """From the live record to which another request has moved the session meanwhile."""

    def alone(self) -> str | None:
        """From this request's own changes, where the old id has no session."""


@runtime_checkable
class Store(Protocol):
    """A server-side store. Each method is one atomic step, and at most one round trip.

    A key is absent, live or dead; it goes from absent to live to dead to absent, and no step turns a dead
    or an expired key live. A dead key is a tombstone without data, which stays for 60 s and says how the session
    ended: it was *ended* (`destroy`), or it *moved* to another key (`claim`); nothing changes that again.
    Versions are random, at least 64 bits, and never recur; a read that moves a deadline keeps the version.
    Time is the store's own clock. What a method raises means that the store failed;
    "no such session" is an answer, never an error. Records are text and come back as they went in.
    `ringsession.testing.StoreContract` tests all of this.
    """

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        """The live session or the tombstone under `key`; None if it is unknown or expired.

        limit: the configured times; the shorter of these and the session's own decides (`deadlines.judge`). A session
        that is over by the limit alone is `Loaded(None, outlived=True)`, and stays as it is.
        A read that finds the session live stores when it was seen, and so moves the idle deadline, once
        `Lifetime.granularity` has passed since it was last stored.
        """

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        """Insert a session with its deadlines. False, and nothing is done, if the key is not absent."""

    def patch(self, key: str, version: Any, change: Change) -> bool:
        """Set and remove the changed keys in what is stored *now*. False, and nothing is done, if not live.

        Where the stored version still is `version`, `change.record` may be stored as it is.
        """

    def claim(self, key: str, version: Any, successor: str) -> bool:
        """End a session that is live at this version, because it moved to the key `successor`.

        True as well where the tombstone names this successor already, so that a claim whose answer was lost can be
        repeated. False, and nothing is done, in every other case; `load` tells which.
        """

    def destroy(self, key: str) -> bool:
        """End a session. True if it was live, by its own times."""

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        """Set one key of the session to `change(its encoded value or None)`, and give what was set.

        Compare-and-set: `change` may be called again when another request was faster. It is never called
        again after an unknown outcome. None if the session is not live.
        """

    def sweep(self) -> int:
        """Remove what has expired; how many. Nothing depends on its being called."""


@runtime_checkable
class RingStore(Protocol):
    """A user's own store: the three functions of ring.middleware.session.store/SessionStore.

    It is asked only when a request touches its session, and written only after a change. The last write wins: of
    the promises it cannot keep "no write is lost" and "what is deleted stays deleted". Its keys are its
    own affair: they are neither checked nor hashed.
    """

    def read_session(self, key: str) -> Mapping[str, Any] | None:
        """The mapping under a key that a client sent, or None. The key may be anything."""

    def write_session(self, key: str | None, data: dict[str, Any]) -> str | None:
        """Write a session, a new one if the key is None; the key to announce from now on."""

    def delete_session(self, key: str) -> object:
        """Delete a session. The result is not looked at."""
