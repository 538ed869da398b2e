"""Say what a check of a store has found, for `python -m ringsession check`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

OK, WARNING, ERROR = "ok", "warning", "error"
_MOST_APART = 2  # seconds


class Finding(NamedTuple):
    """One finding: its level, the part of the store, and a sentence without any secret."""

    level: str
    part: str
    text: str


@runtime_checkable
class Reports(Protocol):
    """A store that can examine itself and its server."""

    def report(self) -> Iterator[Finding]:
        """Yield what is right and what is wrong, in the order in which it is found.

        Raises StoreUnavailable, and ValueError for what waiting cannot cure.
        """


def judge_answer(seconds: float) -> Finding:
    """Return the finding of a server that answers.

    >>> judge_answer(0.00042).text
    'answers in 0.4 ms'
    """
    return Finding(OK, "server", f"answers in {seconds * 1000:.1f} ms")


def judge_clock(seconds: float) -> Finding:
    """Return the finding for a store whose clock is ahead of this machine's.

    seconds: how far; less than 0 for a clock that is behind.

    >>> judge_clock(-0.2).text
    'within a second of the clock of this machine'
    >>> judge_clock(-5.02).text
    '5.0 s behind the clock of this machine; correct one'
    """
    side = "ahead of" if seconds > 0 else "behind"
    apart = abs(seconds)
    if apart < 1:
        return Finding(OK, "clock", "within a second of the clock of this machine")
    text = f"{apart:.1f} s {side} the clock of this machine"
    if apart < _MOST_APART:
        return Finding(OK, "clock", text)
    return Finding(WARNING, "clock", f"{text}; correct one")
