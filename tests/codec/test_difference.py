"""What a request changed, and what goes along to a new id."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession.codec import decode, encode
from ringsession.session.contents import EMPTY, FLASH, RESERVED, difference, renew

BEFORE = {"a": 1, "b": [1], f"{FLASH}1": "old", f"{RESERVED}anti_forgery": "token"}


def change(**values: Any) -> Any:
    return difference(encode(BEFORE), {**BEFORE, **values})


@pytest.mark.parametrize(
    ("before", "after", "changed", "removed"),
    [
        ({}, {"a": 1}, {"a": "1"}, set()),
        ({"a": 1}, {}, {}, {"a"}),
        ({"a": 1}, {"a": 1.0}, {"a": "1.0"}, set()),
        ({"a": 1}, {"a": True}, {"a": "true"}, set()),
        ({"a": [1, 2]}, {"a": (1, 2)}, {"a": '{"~t":[1,2]}'}, set()),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, {"a": '{"y":2,"x":1}'}, set()),
        ({"a": 1, "b": 2}, {"b": 2, "c": 3}, {"c": "3"}, {"a"}),
        ({"~t": 1}, {"~t": 2}, {"~t": "2"}, set()),
    ],
)
def test_a_change_names_the_keys_that_differ(
    before: Any, after: Any, changed: Any, removed: Any
) -> None:
    found = difference(encode(before), after, list(before))
    assert found is not None
    assert (found.changed, found.removed, decode(found.record)) == (changed, removed, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, {}), ({"a": 1, "b": [2]}, {"b": [2], "a": 1}), ({"a": {1, 2}}, {"a": {2, 1}})],
)
def test_another_order_of_the_keys_is_no_change(before: Any, after: Any) -> None:
    assert difference(encode(before), after, list(before)) is None


def test_secrets_of_the_layers_are_made_anew_and_messages_go_along() -> None:
    assert decode(renew(encode(BEFORE), None, None)) == {"a": 1, "b": [1], f"{FLASH}1": "old"}


def test_a_given_session_is_exact_but_for_the_messages() -> None:
    assert decode(renew(encode(BEFORE), None, {"c": 3})) == {"c": 3, f"{FLASH}1": "old"}


def test_a_new_message_replaces_the_old_ones() -> None:
    renewed = renew(encode(BEFORE), change(**{f"{FLASH}2": "new"}), None)
    assert decode(renewed) == {"a": 1, "b": [1], f"{FLASH}2": "new"}


def test_what_the_request_changed_goes_into_what_was_stored_last() -> None:
    claimed = encode({**BEFORE, "d": 4})
    assert decode(renew(claimed, change(a=2), None)) == {
        "a": 2,
        "b": [1],
        "d": 4,
        f"{FLASH}1": "old",
    }


def test_of_nothing_comes_an_empty_session() -> None:
    assert renew(EMPTY, None, None) == EMPTY
