"""What goes in comes out, through every kind of store and the whole layer."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from ringsession import cookie_store
from tests.stores.test_three_functions import DictStore
from tests.tracing import Client

MAKE = {
    "memory": Client,
    "cookie": lambda: Client(cookie_store("a key of 32 characters for tests")),
    "three functions": lambda: Client(DictStore()),
}

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=8)
    | st.dates()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.datetimes(
        timezones=st.none() | st.just(timezone.utc) | st.just(timezone(timedelta(minutes=-90)))
    )
    | st.times()
    | st.text(max_size=4).map(Markup)
)
HASHABLE = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=2).map(tuple) | st.frozensets(inner, max_size=2),
    max_leaves=3,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(HASHABLE, inner, max_size=3)
    | st.sets(HASHABLE, max_size=3)
    | st.tuples(inner),
    max_leaves=5,
)


def shape(value: Any) -> Any:
    """A value with the type of each of its parts, in an order of its own for sets."""
    if isinstance(value, dict):
        return type(value), [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, map(shape, value)))
    if isinstance(value, (list, tuple)):
        return type(value), [shape(item) for item in value]
    return type(value), repr(value)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@given(
    data=st.dictionaries(
        st.text(max_size=8).filter(lambda key: not key.startswith("ringsession/")),
        VALUES,
        max_size=3,
    )
)
@settings(max_examples=60)
def test_every_value_comes_back_exactly(make: Any, data: dict[str, Any]) -> None:
    client = make()
    client.send(lambda request: {"session": data})
    assert shape(client.read()) == shape(data)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_every_type_of_the_list_comes_back_exactly(make: Any) -> None:
    data = {
        "none": None,
        "flag": True,
        "big": -(2**70),
        "inf": float("-inf"),
        "surrogates": "\ud83d\ude00",
        "aware": datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        "time": time(1, 2, 3, 4, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        "price": Decimal("1.50"),
        "id": UUID(int=1),
        "mixed": [(1, "1"), {1: "a", "1": b"b"}, frozenset({(1,)})],
        "html": Markup("<b>"),
    }
    client = make()
    client.send(lambda request: request["session"].update(data))
    assert shape(client.read()) == shape(data)
