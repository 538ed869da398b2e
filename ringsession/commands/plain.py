"""Turn the values of a session into values that JSON has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from math import isfinite
from typing import Any


def make_plain(value: Any) -> Any:
    """Return a value as dicts, lists, texts, numbers, booleans and None.

    Dates become ISO texts, bytes hexadecimal digits, and sets sorted lists.

    >>> make_plain({1: (b"a", {"y", "x"})})
    {'1': ['61', ['x', 'y']]}
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): make_plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(make_plain, value), key=repr)
    if isinstance(value, (list, tuple)):
        return [make_plain(item) for item in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
