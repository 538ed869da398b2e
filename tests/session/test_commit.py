"""The table that decides what becomes of a session."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from ringsession.session.commit import TABLE, decide
from ringsession.session.phases import Ending, Phase

P, E = Phase, Ending


@pytest.mark.parametrize(
    ("phase", "ending", "changed", "due", "step"),
    [
        (P.UNTOUCHED, E.NONE, False, False, "nothing"),
        (P.UNREAD, E.NONE, False, False, "nothing"),
        (P.ABSENT, E.NONE, False, False, "nothing"),
        (P.ABSENT, E.NONE, True, False, "create"),
        (P.LIVE, E.NONE, True, True, "patch"),
        (P.LIVE, E.NONE, False, True, "touch"),
        (P.LIVE, E.NONE, False, False, "keep"),
        (P.GONE, E.NONE, True, False, "drop"),
        (P.GONE, E.NONE, False, False, "nothing"),
        (P.LIVE, E.DESTROY, False, False, "destroy"),
        (P.GONE, E.DESTROY, True, False, "destroy"),
        (P.LIVE, E.RECREATE, False, False, "recreate"),
        (P.GONE, E.RECREATE, True, False, "recreate"),
        (P.ABSENT, E.RECREATE, True, False, "recreate"),
    ],
)
def test_a_case_leads_to_its_step(
    phase: Phase, ending: Ending, changed: bool, due: bool, step: str
) -> None:
    assert decide(phase, ending, changed, due).__name__ == step


def test_the_table_decides_every_case_and_each_row_decides_some(capsys: object) -> None:
    cases = product(Phase, Ending, (False, True), (False, True))
    counted = Counter(decide(*case) for case in cases)
    assert sum(counted.values()) == len(Phase) * len(Ending) * 4
    assert counted.keys() == {row[-1] for row in TABLE}
    print("\n".join(f"{str(row[:-1]):60} {row[-1].__name__}" for row in TABLE))
