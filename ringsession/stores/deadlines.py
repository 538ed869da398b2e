"""Decide when a session ends, from the times that a store keeps beside its record.

Every store calls the same pure function, `judge`. All times are seconds by the store's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import NamedTuple

TOMBSTONE = 60  # seconds that a store keeps the tombstone of a dead session
_LONGEST_STEP = 60  # seconds that `seen` may be older than the last request
_DAY = 86_400  # seconds


class Lifetime(NamedTuple):
    """How long a session lives, in seconds. None means no limit.

    idle: 1800; the time without a request. absolute: None; the time since the session was created.
    """

    idle: float | None = 1800
    absolute: float | None = None

    @property
    def extends(self) -> bool:
        """Return whether a read under this limit may extend the idle timeout."""
        return True

    @property
    def remembered(self) -> Lifetime:
        """Return the times for a session that is remembered."""
        return self

    @property
    def granularity(self) -> float:
        """Return the seconds that must pass before a read stores `seen` again."""
        return _LONGEST_STEP if self.idle is None else min(_LONGEST_STEP, self.idle / 10)

    @property
    def shortest(self) -> float | None:
        """Return after how many seconds a new session ends without a request. None: never.

        >>> Lifetime(1800, 600).shortest
        600
        """
        return _shorter(self.idle, self.absolute)

    def within(self, limit: Lifetime) -> Lifetime:
        """Return the shorter of the two idle times and the shorter of the two absolute times.

        >>> Lifetime(1800, None).within(Lifetime(600, 3600))
        Lifetime(idle=600, absolute=3600)
        """
        return Lifetime(_shorter(self.idle, limit.idle), _shorter(self.absolute, limit.absolute))


class Limit(Lifetime):
    """What a config grants to a session, and what a read under this limit may do.

    idle, absolute: the times for a session that is not remembered.
    remembered: None; the times for a session that is remembered. None: the same as for any other.
    extends: True; whether a read may extend the idle timeout.

    >>> limit = Limit(1800, None, remembered=Lifetime(86_400, None), extends=False)
    >>> limit.idle, limit.remembered.idle, limit.extends
    (1800, 86400, False)
    """

    def __new__(
        cls,
        idle: float | None,
        absolute: float | None,
        *,
        remembered: Lifetime | None = None,
        extends: bool = True,
    ) -> Limit:
        limit = super().__new__(cls, idle, absolute)
        limit._remembered = remembered
        limit._extends = extends
        return limit

    _remembered: Lifetime | None
    _extends: bool

    @property
    def extends(self) -> bool:
        return self._extends

    @property
    def remembered(self) -> Lifetime:
        return self._remembered or self


UNLIMITED = Lifetime(None, None)


class Times(NamedTuple):
    """The times that a store keeps with one session.

    created: when the session was created.
    seen: when a request last used the session; up to `Lifetime.granularity` too old.
    lifetime: the configured times when the session was created.
    remembered: the login asked for the times of `["session"]["remember"]`.
    """

    created: float
    seen: float
    lifetime: Lifetime
    remembered: bool = False

    @property
    def expires(self) -> float:
        """Return when the store may drop the session. Infinity means never."""
        idle, absolute = self.lifetime
        by_idle = inf if idle is None else self.seen + idle
        return by_idle if absolute is None else min(by_idle, self.created + absolute)

    @property
    def idle_ends(self) -> float:
        """Return when the session ends without a request. Infinity means never."""
        return inf if self.lifetime.idle is None else self.seen + self.lifetime.idle

    @property
    def ends(self) -> float:
        """Return when the session ends at the latest. Infinity means never."""
        return inf if self.lifetime.absolute is None else self.created + self.lifetime.absolute


class Standing(NamedTuple):
    """The state of a live session at one moment.

    expires_in: seconds. None: the session does not expire.
    renewed: the times to store now, if the stored `seen` is too old.
    renewed_in: `expires_in` after these times are stored.
    due: the stored `seen` is too old, but the limit does not let a read renew it.
    is_quiet: the cookie of a session that is remembered need not follow yet.
    """

    expires_in: float | None
    renewed: Times | None = None
    renewed_in: float | None = None
    due: bool = False
    is_quiet: bool = False

    @property
    def moves(self) -> bool:
        """Return whether the session's cookie must follow the renewed times, if it ever does."""
        if self.is_quiet or self.renewed is None:
            return False
        return self.renewed_in != self.expires_in


# On the path of each request: `Times(...)` would call a function in Python.
make_times: Callable[[tuple[float, float, Lifetime, bool]], Times] = partial(tuple.__new__, Times)
_make_standing: Callable[[tuple[float | None, None, None, bool, bool]], Standing]
_make_standing = partial(tuple.__new__, Standing)


def _shorter(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else min(one, other)


def judge(times: Times, limit: Lifetime, now: float) -> Standing | None:
    """Return the state of a session at the time `now`, or None if the session has expired.

    limit: the configured times. The shorter of the stored and the configured time decides; for a
        session that is remembered, the configured times are `limit.remembered`.

    If the clock has jumped back, `seen` lies in the future. The jump does not extend the session:
    the time that it used before the jump still counts.

    >>> judge(Times(0, 0, Lifetime(1800)), Lifetime(600), now=590)  # doctest: +ELLIPSIS
    Standing(expires_in=10, renewed=Times(created=0, seen=590, lifetime=...), renewed_in=600, ...)
    >>> judge(Times(0, 0, Lifetime(1800)), Lifetime(600), now=601) is None
    True
    """
    created, seen, lifetime, remembered = times
    granted = limit.remembered if remembered else limit
    if granted is not UNLIMITED and lifetime != granted:
        lifetime = lifetime.within(granted)
    idle, absolute = lifetime
    jump = 0.0
    if now < seen:
        jump, created, seen = seen - now, created - (seen - now), now
    left = None if idle is None else seen + idle - now
    if absolute is not None and (left is None or created + absolute - now < left):
        left = created + absolute - now
    if left is not None and left <= 0:
        return None
    step = _LONGEST_STEP if idle is None else min(_LONGEST_STEP, idle / 10)
    if now - seen < step and jump < step:
        return _make_standing((left, None, None, False, False))
    if not limit.extends:
        return Standing(left, due=True)
    after = idle if absolute is None else _shorter(idle, created + absolute - now)
    renewed = Times(created, now, times.lifetime, remembered)
    return Standing(left, renewed, after, False, remembered and not _is_next_step(times, renewed))


def cookie_step(idle: float | None) -> float:
    """Return the seconds in which the cookie of a session that is remembered is sent once.

    >>> cookie_step(30 * 86_400), cookie_step(3600)
    (86400, 360.0)
    """
    return _DAY if idle is None else min(_DAY, idle / 10)


def _is_next_step(before: Times, after: Times) -> bool:
    step = cookie_step(before.lifetime.idle)
    return (before.seen - before.created) // step != (after.seen - after.created) // step
