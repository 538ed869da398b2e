"""Convert values to JSON's own types and back, with exact types.

A value that JSON lacks becomes an object with one member, whose name is a tag. Every type that is
not listed here is refused. Records are left to the package's `__init__`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from markupsafe import Markup

from .keys import SURROGATE, escape_key, hex_text, text_of_hex, unescape_key
from .refused import Refused, refuse_type

MAX_DEPTH = 100
_WORD = 1 << 63
_LEAST = -_WORD
_UNKNOWN_ZONE = (
    "has a time zone of type '{}', which cannot be stored. Use datetime.timezone, or a"
    " zoneinfo.ZoneInfo that was made from a key"
)


def has_json_types(value: Any, depth: int = 0) -> bool:
    """Return whether a value has only types of JSON. Most sessions hold nothing else.

    The characters in its texts are not checked.
    """
    kind = type(value)
    if kind is dict:
        items: Iterable[Any] = value.values()
        if not _STR.issuperset(map(type, value)):
            return False
    elif kind is list:
        items = value
    else:
        return kind in _LEAVES or kind is int and _LEAST <= value < _WORD
    if depth == MAX_DEPTH:
        return False
    # Stop at the first item of another type: two cycles in one list make 2**MAX_DEPTH paths.
    for item in items:
        kind = type(item)
        if kind in _LEAVES or kind is int and _LEAST <= item < _WORD:
            continue
        if not has_json_types(item, depth + 1):
            return False
    return True


def pack(value: Any, depth: int) -> Any:
    """Return the value as the `json` module can write it. Raises Refused."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() or not SURROGATE.search(value) else {"~s": hex_text(value)}
    if kind in _PLAIN:
        return value
    # Other JSON readers may stop at 64 bits, and Python takes quadratic time for long decimals.
    if kind is int:
        return value if _LEAST <= value < _WORD else {"~i": f"{value:x}"}
    if depth >= MAX_DEPTH:
        raise Refused(
            ValueError, f"is nested more than {MAX_DEPTH} levels deep, or contains itself"
        )
    pack_kind = _PACK.get(kind)
    if pack_kind is not None:
        return pack_kind(value, depth + 1)
    raise refuse_type(value)


def _pack_list(value: Any, depth: int) -> list[Any]:
    packed = []
    for index, item in enumerate(value):
        try:
            packed.append(pack(item, depth))
        except Refused as refused:
            raise refused.within(index) from None
    return packed


def _pack_dict(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    plain = all(type(key) is str for key in value)
    pairs = []
    for key, item in value.items():
        try:
            pairs.append([escape_key(key) if plain else pack(key, depth), pack(item, depth)])
        except Refused as refused:
            raise refused.within(key) from None
    return dict(pairs) if plain else {"~m": pairs}


def _pack_set(tag: str) -> Callable[[Any, int], dict[str, Any]]:
    # Sorted by their text, because the order of a set differs between processes.
    return lambda value, depth: {tag: sorted(_pack_list(value, depth), key=json.dumps)}


def _pack_moment(tag: str) -> Callable[[Any, int], dict[str, Any]]:
    """Return a function that packs a datetime or time as its ISO text.

    With a fold or a named zone the text becomes the first item of a list.
    """

    def pack_moment(value: Any, depth: int) -> dict[str, Any]:
        zone = value.tzinfo
        if type(zone) in (NoneType, timezone):
            return {tag: [value.isoformat(), 1] if value.fold else value.isoformat()}
        if type(zone) is ZoneInfo and zone.key is not None:
            return {tag: [value.replace(tzinfo=None).isoformat(), value.fold, zone.key]}
        raise Refused(TypeError, _UNKNOWN_ZONE.format(type(zone).__name__))

    return pack_moment


def _unpack_moment(kind: Any) -> Callable[[Any], Any]:
    def unpack_moment(value: Any) -> Any:
        if isinstance(value, str):
            return kind.fromisoformat(value)
        text, fold, *zone = value
        moment = kind.fromisoformat(text).replace(fold=fold)
        return moment.replace(tzinfo=ZoneInfo(zone[0])) if zone else moment

    return unpack_moment


_PLAIN = frozenset((NoneType, bool, float))
_LEAVES = _PLAIN | {str}
_STR = frozenset((str,))

_PACK: dict[type, Callable[[Any, int], Any]] = {
    list: _pack_list,
    dict: _pack_dict,
    tuple: lambda value, depth: {"~t": _pack_list(value, depth)},
    set: _pack_set("~e"),
    frozenset: _pack_set("~f"),
    bytes: lambda value, depth: {"~b": b64encode(value).decode()},
    datetime: _pack_moment("~d"),
    time: _pack_moment("~h"),
    date: lambda value, depth: {"~a": value.isoformat()},
    timedelta: lambda value, depth: {"~l": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value, depth: {"~n": str(value)},
    UUID: lambda value, depth: {"~u": value.hex},
    Markup: lambda value, depth: {"~x": pack(str(value), depth)},
}

_UNPACK: dict[str, Callable[[Any], Any]] = {
    "~s": text_of_hex,
    "~i": lambda value: int(value, 16),
    "~t": tuple,
    "~e": set,
    "~f": frozenset,
    "~m": dict,
    "~b": lambda value: b64decode(value, validate=True),
    "~d": _unpack_moment(datetime),
    "~h": _unpack_moment(time),
    "~a": date.fromisoformat,
    "~l": lambda value: timedelta(*value),
    "~n": Decimal,
    "~u": UUID,
    "~x": Markup,
}


def unpack(members: dict[str, Any]) -> Any:
    """Return the value of a JSON object whose members are unpacked already."""
    if len(members) == 1:
        (name,) = members
        if name in _UNPACK:
            return _UNPACK[name](members[name])
    if any(name[:1] == "~" for name in members):
        return {unescape_key(name): value for name, value in members.items()}
    return members
