"""The times of a session inside the mapping of a three-function store."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession.session.outcome import Outcome
from ringsession.session.terms import NO_TERMS
from ringsession.stores import Lifetime
from ringsession.stores.deadlines import Times
from ringsession.stores.kept_times import Kept, read_kept

KEPT = [
    Kept(Times(1.0, 2.0, Lifetime(1800, None))),
    Kept(Times(1.0, 2.0, Lifetime(None, 5), True), 0.5, None),
    Kept(Times(1, 2, Lifetime(None, None)), None, 7.0),
]
WRONG: list[Any] = [
    *(None, 5, "abcd", [1, 2, 3], [1, 2, None, None, 5]),
    *(["1", 2, None, None], [1, 2, "x", None], [1, 2, 0, None]),
    *([1, 2, None, None, 1, None, None], [1, 2, None, None, True, "x", None]),
]


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_written_is_read_again(kept: Kept) -> None:
    assert read_kept(kept.as_list()) == kept


@pytest.mark.parametrize("value", WRONG)
def test_what_this_package_did_not_write_is_not_read(value: Any) -> None:
    assert read_kept(value) is None


def test_an_outcome_shows_no_value_and_no_cookie_follows_by_itself() -> None:
    assert repr(Outcome("a secret", True)) == "<Outcome changed=True moved=False ended=False>"
    assert NO_TERMS.cookie_follows("1{}") is False
