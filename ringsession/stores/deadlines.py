"""Decide when a session ends, from the times that a store keeps beside its record.

Every store calls the same pure function, `judge`. All times are seconds by the store's own clock.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

TOMBSTONE = 60  # seconds that a store keeps the tombstone of a dead session
_LONGEST_STEP = 60  # seconds that `seen` may be older than the last request


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
    def granularity(self) -> float:
        """Return the seconds that must pass before a read stores `seen` again."""
        return _LONGEST_STEP if self.idle is None else min(_LONGEST_STEP, self.idle / 10)

    def within(self, limit: Lifetime) -> Lifetime:
        """Return the shorter of the two idle times and the shorter of the two absolute times.

        >>> Lifetime(1800, None).within(Lifetime(600, 3600))
        Lifetime(idle=600, absolute=3600)
        """
        return Lifetime(_shorter(self.idle, limit.idle), _shorter(self.absolute, limit.absolute))


class Unextended(Lifetime):
    """A limit under which a read extends no idle timeout."""

    __slots__ = ()

    @property
    def extends(self) -> bool:
        return False


UNLIMITED = Lifetime(None, None)


class Times(NamedTuple):
    """The times that a store keeps with one session."""

    created: float
    seen: float  # when a request last used the session; up to `Lifetime.granularity` too old
    lifetime: Lifetime  # the configured times when the session was created

    @property
    def expires(self) -> float:
        """Return when the store may drop the session. Infinity means never."""
        idle, absolute = self.lifetime
        by_idle = inf if idle is None else self.seen + idle
        return by_idle if absolute is None else min(by_idle, self.created + absolute)


class Standing(NamedTuple):
    """The state of a live session at one moment."""

    expires_in: float | None  # seconds; None: the session does not expire
    renewed: Times | None = None  # the times to store now, if the stored `seen` is too old
    renewed_in: float | None = None  # `expires_in` after these times are stored
    due: bool = False  # the stored `seen` is too old, but the limit does not let a read renew it

    @property
    def moves(self) -> bool:
        """Return whether storing the renewed times extends the session."""
        return self.renewed is not None and self.renewed_in != self.expires_in


def _shorter(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else min(one, other)


def judge(times: Times, limit: Lifetime, now: float) -> Standing | None:
    """Return the state of a session at the time `now`, or None if the session has expired.

    limit: the configured times. The shorter of the stored and the configured time decides.

    If the clock has jumped back, `seen` lies in the future. The jump does not extend the session:
    the time that it used before the jump still counts.

    >>> judge(Times(0, 0, Lifetime(1800)), Lifetime(600), now=590)  # doctest: +ELLIPSIS
    Standing(expires_in=10, renewed=Times(created=0, seen=590, lifetime=...), renewed_in=600, ...)
    >>> judge(Times(0, 0, Lifetime(1800)), Lifetime(600), now=601) is None
    True
    """
    created, seen, lifetime = times
    if limit is not UNLIMITED and lifetime != limit:
        lifetime = lifetime.within(limit)
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
        return Standing(left)
    if not limit.extends:
        return Standing(left, due=True)
    after = idle if absolute is None else _shorter(idle, created + absolute - now)
    return Standing(left, Times(created, now, times.lifetime), after)
