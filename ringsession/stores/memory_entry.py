"""One entry of the memory store: a session or a tombstone, in as little memory as possible."""

from __future__ import annotations

from math import inf

from .deadlines import Lifetime, Times


class Entry:
    """A session, or a tombstone, whose record is None."""

    # The times are attributes: a `Times` object for each of a million sessions would take 60 MB.
    __slots__ = ("record", "version", "created", "seen", "lifetime", "successor")

    def __init__(self, record: str | None, version: int, now: float, lifetime: Lifetime) -> None:
        self.record = record
        self.version = version
        self.created = self.seen = now
        self.lifetime = lifetime
        self.successor: str | None = None  # of a tombstone: the key to which the session moved

    @property
    def times(self) -> Times:
        """Return the entry's times for `judge`."""
        return Times(self.created, self.seen, self.lifetime)

    @property
    def expires(self) -> float:
        """Return when the store may drop the entry. Infinity means never."""
        idle, absolute = self.lifetime
        by_idle = inf if idle is None else self.seen + idle
        return by_idle if absolute is None else min(by_idle, self.created + absolute)
