"""The goals that ringsession sets itself. This module is the only place that has them.

`python -m benchmarks goals` measures the figures and judges each goal by them. A goal bounds the
ratio of two figures of one run, so it holds on fast and slow machines. A request's figure is net:
its time beyond the same app without sessions. Two goals bound bytes and a count, and one bounds a
time: that of the Redis server, since it limits a big site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Figure = tuple[str, str, str]  # the place of a measurement, its subject, its kind

OURS = "ringsession"
SITE, SITE_OF_DJANGO = "ringsession, site_defaults", "Django's default middleware"
READ, LOAD = "a request that reads", "load"


class Goal(NamedTuple):
    """A figure is at most so many times another figure, or at most so much of a unit."""

    figure: Figure
    beside: Figure | None
    most: float
    unit: str = "x"

    @property
    def what(self) -> str:
        place, subject, kind = self.figure
        if self.beside is None:
            return f"{place}: {subject}, {kind}"
        named = zip(self.beside, self.figure)
        other = ", ".join(there for there, here in named if there != here)
        return f"{place}: {subject}, {kind}, beside {other}"


class Result(NamedTuple):
    """A goal, and the number that a run gave for it."""

    what: str
    most: float
    measured: float
    unit: str

    @property
    def is_met(self) -> bool:
        return self.measured <= self.most


def _beside(place: str, ours: str, other: str, **most: float) -> Iterable[Goal]:
    """Yield a goal for each kind of request, beside the same request by another library."""
    for work, times in most.items():
        yield Goal((place, ours, work), (place, other, work), times)


def _among_many(store: str, times: float) -> Iterable[Goal]:
    """Yield goals for a store with a million sessions, beside the same store with a thousand."""
    for subject in (READ, LOAD):
        few, many = (store, subject, "1,000 sessions"), (store, subject, "1,000,000 sessions")
        yield Goal(many, few, times)


# The command that measures -> its goals. The floor is the least code that can serve the request.
GOALS: dict[str, tuple[Goal, ...]] = {
    "peers": (
        *_beside("redis", OURS, "floor", read=1.15, write=1.1),
        *_beside("redis", OURS, "Beaker", read=0.45, write=0.85),
        *_beside("cookie", OURS, "Starlette", read=1, write=1),
        *_beside("cookie, 1 kB", OURS, "floor", read=2, write=2),
        *_beside("memory", OURS, "floor", read=4, write=3.5),
        *_beside("memory", OURS, "Beaker", read=0.45, write=0.6),
        *_beside("site", SITE, SITE_OF_DJANGO, untouched=0.5),
    ),
    "flask": (
        *_beside("Flask", "ringsession cookie", "Flask's own", read=0.5, write=0.5),
        *_beside(
            "Flask", "ringsession redis", "Flask-Session redis", untouched=0.6, read=0.6, write=0.6
        ),
    ),
    # The store alone, over the same client library as its floor: GET to read, GET and SET to write.
    "redis_floor": (
        *_beside("Redis", "store", "floor", read=1.15, write=1.1),
        Goal(("Redis", "server", "its own time for a read"), None, 4, "us"),
    ),
    "stores": (
        Goal(("valkey", READ, "exchanges"), None, 1, ""),
        Goal(("sqlite", "patch", "store"), ("sqlite", "patch", "bare UPDATE"), 3),
    ),
    "scale": (
        *_among_many("memory", 1.3),
        *_among_many("sqlite", 1.5),
        *_among_many("valkey", 1.5),
        Goal(("memory", "a session of 200 bytes", "bytes"), None, 650, ""),
        # A new session may clear expired ones away, but not so many that its user would notice.
        Goal(
            ("memory", "longest new session while all expire", "1,000,000 sessions"),
            ("memory", READ, "1,000,000 sessions"),
            90,
        ),
    ),
    "imports": (Goal(("import", OURS, "ms"), ("import", "its two libraries", "ms"), 1.3),),
}


def judge(goals: Iterable[Goal], figures: Mapping[Figure, float]) -> list[Result]:
    """Return the result of each goal."""
    results = []
    for goal in goals:
        measured = figures[goal.figure]
        if goal.beside is not None:
            measured /= figures[goal.beside]
        results.append(Result(goal.what, goal.most, measured, goal.unit))
    return results


def show(results: list[Result]) -> str:
    """Return the results as a table, with the number of missed goals at its end."""
    width = max(len(result.what) for result in results)
    lines = [f"{'':{width}}  {'at most':>8}  {'measured':>10}"]
    for result in results:
        most = f"{result.most:g} {result.unit}".strip()
        measured = f"{result.measured:.2f} {result.unit}".strip()
        verdict = "" if result.is_met else "  MISSED"
        lines.append(f"{result.what:{width}}  {most:>8}  {measured:>10}{verdict}")
    missed = sum(not result.is_met for result in results)
    return "\n".join([*lines, "", f"{missed} of {len(results)} goals are missed"])
