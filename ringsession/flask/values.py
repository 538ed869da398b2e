"""Convert values that the core refuses to the types as which Flask itself would store them.

The core promises that each value comes back as it was, so it refuses a subclass. Flask's users
expect its base type instead. Every other object is left to the core, which refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from markupsafe import Markup
from werkzeug.local import LocalProxy

from .. import codec
from ..codec.values import MAX_DEPTH
from ..session.contents import Contents

_EXACT = frozenset((NoneType, bool, int, float, str, bytes, date, timedelta, Decimal, UUID, Markup))


def _markup_or_text(kind: type, value: Any) -> Any:
    return Markup(value.__html__()) if hasattr(value, "__html__") else str.__str__(value)


def _zone(value: Any) -> Any:
    """Return a zone that can be stored: that of a datetime or time, or its fixed offset."""
    zone = value.tzinfo
    if type(zone) in (NoneType, timezone) or (type(zone) is ZoneInfo and zone.key is not None):
        return zone
    offset = value.utcoffset()
    return zone if offset is None else timezone(offset)


def _moment(kind: Any, value: Any) -> Any:
    zone = _zone(value)
    if type(value) is kind and zone is value.tzinfo:
        return value
    clock = value.hour, value.minute, value.second, value.microsecond, zone
    fold = value.fold if zone is value.tzinfo else 0  # a fixed offset has no second equal hour
    day = () if kind is _TIME else (value.year, value.month, value.day)
    return kind(*day, *clock, fold=fold)


def _span(kind: Any, value: Any) -> Any:
    # Subclasses give `days` and its like other meanings.
    return kind(*(part.__get__(value) for part in (kind.days, kind.seconds, kind.microseconds)))


# The base types are held in a tuple and not looked up by their names: freezegun puts its own
# classes in the place of `datetime` and `date` in every module.
_BASES: tuple[tuple[type, Callable[[Any, Any], Any]], ...] = (
    (str, _markup_or_text),
    (int, lambda kind, value: int.__int__(value)),
    (float, lambda kind, value: float.__float__(value)),
    (bytes, lambda kind, value: b"".join((value,))),
    (datetime, _moment),
    (date, lambda kind, value: kind(value.year, value.month, value.day)),
    (time, _moment),
    (timedelta, _span),
    (Decimal, lambda kind, value: kind(value)),
    (UUID, lambda kind, value: kind(int=value.int)),
)
_TIME = _BASES[6][0]


def _lazy_text(value: Any) -> str | None:
    """Return the text of an object that acts as a str in all else, or None for any other."""
    if not callable(getattr(value, "casefold", None)):
        return None
    text = str(value)
    return str.__str__(text) if (value == text) is True else None


def _convert_leaf(value: Any) -> Any:
    for base, convert in _BASES:
        if issubclass(type(value), base):
            try:
                return convert(base, value)
            except (TypeError, ValueError):  # pandas.NaT is a datetime without a year
                return value
    if isinstance(value, type):
        return value
    text = _lazy_text(value)  # before `__html__`, which Flask-Babel's lazy strings have too
    if text is None and callable(getattr(value, "__html__", None)):
        return Markup(value.__html__())
    return value if text is None else text


class _Conversion:
    """Convert values with all that they hold, and each object once."""

    def __init__(self) -> None:
        # By id. The original is kept beside its result, so that no other object gets its id.
        self._done: dict[int, tuple[Any, Any]] = {}

    def convert(self, value: Any, depth: int = 0) -> Any:
        """Return the value itself if it needs no conversion."""
        if type(value) in _EXACT or depth > MAX_DEPTH:
            return value
        if id(value) in self._done:
            return self._done[id(value)][1]
        if issubclass(type(value), LocalProxy):
            found = self.convert(value._get_current_object(), depth + 1)
        else:
            found = self._convert_container(value, depth + 1)
        self._done[id(value)] = value, found
        return found

    def _convert_container(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return self._fill_dict(value, value.items(), depth)
        if is_dataclass(value) and not isinstance(value, (type, str, int, float, bytes)):
            pairs = [(field.name, getattr(value, field.name)) for field in fields(value)]
            return self._fill_dict(value, pairs, depth)
        if isinstance(value, list):
            return self._fill_list(value, depth)
        for kind in (tuple, set, frozenset):
            if isinstance(value, kind):
                items = [self._convert_hashed(item, kind, depth) for item in value]
                is_same = type(value) is kind and all(map(_is, items, value))
                return value if is_same else kind(items)
        return _convert_leaf(value)

    def _fill_dict(self, value: Any, pairs: Iterable[tuple[Any, Any]], depth: int) -> Any:
        new: dict[Any, Any] = {}
        self._done[id(value)] = value, new  # for a value that holds itself
        is_same = type(value) is dict
        for key, item in pairs:
            new_key, new_item = self._convert_hashed(key, dict, depth), self.convert(item, depth)
            is_same = is_same and new_key is key and new_item is item
            new[new_key] = new_item
        return value if is_same else new

    def _fill_list(self, value: Any, depth: int) -> Any:
        new: list[Any] = []
        self._done[id(value)] = value, new
        new.extend([self.convert(item, depth) for item in value])
        return value if type(value) is list and all(map(_is, new, value)) else new

    def _convert_hashed(self, value: Any, kind: type, depth: int) -> Any:
        new = self.convert(value, depth)
        if kind is not tuple:
            try:
                hash(new)
            except TypeError:  # a dataclass can be a key, and the dict of it cannot
                return value
        return new


def _is(one: object, other: object) -> bool:
    return one is other


def stored_value(value: Any) -> Any:
    """Return a value as Flask stores it: each subclass as its base type, and so on inside it.

    >>> from collections import OrderedDict
    >>> stored_value(OrderedDict(a=1)), stored_value(1j)
    ({'a': 1}, 1j)
    """
    return value if type(value) in _EXACT else _Conversion().convert(value)


def encode(data: Mapping[str, Any]) -> str:
    """Return the record of a session whose values may need a conversion. Raises as `codec.encode`.

    >>> from collections import OrderedDict
    >>> encode({"token": OrderedDict(a=1)})
    '1{"token":{"a":1}}'
    """
    try:
        return codec.encode(data)
    except TypeError:
        return codec.encode(stored_value(dict(data)))


def settle(contents: Contents) -> None:
    """Put the stored form of each value in its place.

    Call this while the request's context exists: a lazy string needs it for the language.
    """
    conversion = _Conversion()
    for values in (contents.values, contents.own_keys):
        values.update({key: conversion.convert(item) for key, item in values.items()})
