"""The times of a session inside the mapping that a three-function store keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import Lifetime, is_seconds
from .deadlines import Times

# [created, seen, idle, absolute] in Unix seconds, None for no limit; then, if one of them is set,
# whether the session is remembered, when it began, and when its user confirmed who they are.
TIMES = "ringsession/times"


class Kept(NamedTuple):
    """What a mapping says of its session's times."""

    times: Times
    began: float | None = None  # None: when the session was created
    confirmed: float | None = None

    @property
    def facts(self) -> list[Any]:
        """Return the facts that most sessions lack."""
        facts = [self.times.remembered, self.began, self.confirmed]
        return facts if any(fact not in (None, False) for fact in facts) else []

    def as_list(self) -> list[Any]:
        """Return the list that stands in the mapping.

        >>> Kept(Times(1.0, 2.0, Lifetime(1800, None))).as_list()
        [1.0, 2.0, 1800, None]
        """
        return [self.times.created, self.times.seen, *self.times.lifetime, *self.facts]


def read_kept(kept: Any) -> Kept | None:
    """Return the times from a stored mapping, or None if this package did not write them."""
    if not isinstance(kept, (list, tuple)) or len(kept) not in (4, 7):
        return None
    created, seen, idle, absolute, *facts = kept
    remembered, *moments = facts or (False, None, None)
    if not all(type(moment) in (int, float) for moment in (created, seen)):
        return None
    if not (is_seconds(idle) and is_seconds(absolute) and type(remembered) is bool):
        return None
    if not all(moment is None or type(moment) in (int, float) for moment in moments):
        return None
    return Kept(Times(created, seen, Lifetime(idle, absolute), remembered), *moments)
