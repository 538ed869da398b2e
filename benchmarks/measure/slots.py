"""How sessions, users and requests fall on the nodes of a Redis or Valkey cluster. Pure functions.

A cluster has 16,384 slots, and a key's slot is a checksum of its name. Names of sessions and of
users' indexes are hashes, so each slot is as likely as any other. Up to 100,000 sessions, this
module makes real names and computes their slots; beyond, it draws the number of names in each slot.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from redis.crc import key_slot

SLOTS = 16_384
PREFIX = "ringsession:"
MOST_NAMES = 100_000
Shares = Sequence[int]  # how much each slot has


class Spread(NamedTuple):
    """How evenly something falls on nodes: what the fullest has, beside the mean."""

    largest: float
    mean: float

    @property
    def skew(self) -> float:
        return self.largest / self.mean


def slot(name: str) -> int:
    """Return the slot of a key.

    >>> slot("123456789"), slot("user:{7}:a") == slot("{7}")
    (12739, True)
    """
    return key_slot(name.encode(), SLOTS)


def node_of(number: int, nodes: int) -> int:
    """Return which of so many nodes has a slot, if they share the slots in equal ranges."""
    return next(node for node in range(nodes) if number < (node + 1) * SLOTS // nodes)


def slots_of(names: Iterable[str]) -> list[int]:
    """Return how many of these names each slot has."""
    found = [0] * SLOTS
    for name in names:
        found[slot(name)] += 1
    return found


def session_name(number: int) -> str:
    return f"{PREFIX}{sha256(b'session %d' % number).hexdigest()}"


def user_name(number: int) -> str:
    return f"{PREFIX}user:{sha256(b'user %d' % number).hexdigest()}"


def draw_slots(count: int, make_name: Callable[[int], str], choice: random.Random) -> list[int]:
    """Return how many of so many keys each slot has."""
    if count <= MOST_NAMES:
        return slots_of(map(make_name, range(count)))
    mean = count / SLOTS
    return [max(0, round(choice.gauss(mean, mean**0.5))) for _ in range(SLOTS)]


def by_node(shares: Shares, nodes: int) -> list[int]:
    bounds = [node * SLOTS // nodes for node in range(nodes + 1)]
    return [sum(shares[first:last]) for first, last in zip(bounds, bounds[1:])]


def spread(shares: Shares, nodes: int) -> Spread:
    each = by_node(shares, nodes)
    return Spread(max(each), sum(each) / nodes)


def draw_requests(sessions: int, choice: random.Random) -> list[float]:
    """Return the share of requests of each slot, where a few sessions make most of them.

    Each session's activity follows Pareto's law with alpha 1.16: a fifth of them makes four fifths
    of the requests. None makes more than a thousand times the least.
    """
    activities = [min(choice.paretovariate(1.16), 1000.0) for _ in range(MOST_NAMES)]
    found = [0.0] * SLOTS
    if sessions <= MOST_NAMES:
        for number, activity in enumerate(activities[:sessions]):
            found[slot(session_name(number))] += activity
        return found
    # The sum of many draws in a slot, by the central limit theorem.
    mean = sum(activities) / MOST_NAMES
    square = sum(activity * activity for activity in activities) / MOST_NAMES
    here = sessions / SLOTS
    return [max(0.0, choice.gauss(here * mean, (here * square) ** 0.5)) for _ in range(SLOTS)]


def moved_slots(before: int, after: int) -> int:
    """Return the least number of slots that change their node when the nodes become more.

    >>> moved_slots(3, 4)
    4096
    """
    return SLOTS - SLOTS * before // after
