"""One entry of the memory store: a session or a tombstone, in as little memory as possible."""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import NamedTuple

from . import Details, UserSessionRow
from .deadlines import Lifetime, Times, make_times


class Login(NamedTuple):
    """What an entry keeps of its `Details`. All sessions without a user share one such object."""

    cookie: str = ""
    remembered: bool = False
    owner: str | None = None
    handle: str | None = None
    began: float | None = None  # Unix seconds, as `confirmed`; None: when the entry was created
    confirmed: float | None = None


_find_shared = lru_cache(maxsize=64)(Login)
NO_LOGIN = Login()


def make_login(details: Details, now: float) -> Login:
    """Return the login of a new session. now: Unix seconds."""
    confirmed = now if details.confirms else details.confirmed
    if details.owner is None and details.began is None and confirmed is None:
        return _find_shared(details.cookie, details.remembered)
    facts = (details.cookie, details.remembered)
    return Login(*facts, details.owner, details.handle, details.began, confirmed)


class Entry:
    """A session, or a tombstone, whose record is None."""

    # The times are attributes: a `Times` object for each of a million sessions would take 60 MB.
    __slots__ = ("record", "version", "created", "seen", "lifetime", "successor", "login")

    def __init__(
        self,
        record: str | None,
        version: int,
        now: float,
        lifetime: Lifetime,
        login: Login = NO_LOGIN,
    ) -> None:
        self.record = record
        self.version = version
        self.created = self.seen = now
        self.lifetime = lifetime
        self.successor: str | None = None  # of a tombstone: the key to which the session moved
        self.login = login

    @property
    def times(self) -> Times:
        """Return the entry's times for `judge`."""
        return make_times((self.created, self.seen, self.lifetime, self.login.remembered))

    @property
    def expires(self) -> float:
        """Return when the store may drop the entry. Infinity means never."""
        idle, absolute = self.lifetime
        by_idle = inf if idle is None else self.seen + idle
        return by_idle if absolute is None else min(by_idle, self.created + absolute)


def make_row(digest: bytes, entry: Entry, epoch: float) -> UserSessionRow:
    """Return what a user may know of one session. epoch: Unix seconds when the clock was 0."""
    assert entry.record is not None and entry.login.handle is not None
    began, times = entry.login.began, entry.times
    return UserSessionRow(
        digest.hex(),
        entry.login.handle,
        epoch + entry.created if began is None else began,
        epoch + times.seen,
        epoch + times.idle_ends,
        epoch + times.ends,
        entry.record,
    )
