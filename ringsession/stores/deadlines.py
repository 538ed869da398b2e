"""Decide when a session ends, from the times that a store keeps beside its record.

Every store asks the same pure function. All times are seconds by the store's own clock.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

TOMBSTONE = 60  # seconds for which a store keeps the tombstone of a dead session
_LONGEST_STEP = 60  # seconds by which `seen` may lag behind the last request


class Lifetime(NamedTuple):
    """How long a session lives, in seconds: without a request, and in all. None: no limit."""

    idle: float | None = 1800
    absolute: float | None = None

    @property
    def granularity(self) -> float:
        """How long a session has to be in use before a read stores anew when it was seen."""
        return _LONGEST_STEP if self.idle is None else min(_LONGEST_STEP, self.idle / 10)

    def within(self, limit: Lifetime) -> Lifetime:
        """Return the shorter of the two idle times and the shorter of the two absolute times.

        >>> Lifetime(1800, None).within(Lifetime(600, 3600))
        Lifetime(idle=600, absolute=3600)
        """
        return Lifetime(_shorter(self.idle, limit.idle), _shorter(self.absolute, limit.absolute))


UNLIMITED = Lifetime(None, None)


class Times(NamedTuple):
    """What a store keeps of one session's time."""

    created: float
    seen: float  # the last request that used the session, to within `Lifetime.granularity`
    lifetime: Lifetime  # as it was when the session was created

    @property
    def expires(self) -> float:
        """When the store may drop the session; infinity for never."""
        idle, absolute = self.lifetime
        by_idle = inf if idle is None else self.seen + idle
        return by_idle if absolute is None else min(by_idle, self.created + absolute)


class Standing(NamedTuple):
    """What the times mean at one moment."""

    expires_in: float | None  # seconds; None: the session does not end
    renewed: Times | None = None  # what to store now, because `seen` is due to move
    renewed_in: float | None = None  # `expires_in` once that is stored

    @property
    def moves(self) -> bool:
        """Whether to store the renewed times moves the deadline."""
        return self.renewed is not None and self.renewed_in != self.expires_in


def _shorter(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else min(one, other)


def judge(times: Times, limit: Lifetime, now: float) -> Standing | None:
    """Return where a session stands, or None if it is over.

    limit: the configured times. The shorter of the stored and the configured time decides.

    A clock that jumped back, so that `seen` lies in the future, never gives more time than was
    granted: what was used before the jump stays used.

    >>> judge(Times(0, 0, Lifetime(1800)), Lifetime(600), now=590)  # doctest: +ELLIPSIS
    Standing(expires_in=10, renewed=Times(created=0, seen=590, lifetime=...), renewed_in=600)
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
    after = idle if absolute is None else _shorter(idle, created + absolute - now)
    return Standing(left, Times(created, now, times.lifetime), after)
