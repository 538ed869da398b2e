"""Convert the values of a session to a record and back. A record is one text, for every store.

A record is "1{...}": the version, then a JSON object with one member for each key of the session.
The conversion of single values is left to `values.py`.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterable, Mapping
from typing import Any

from .json_text import dump as _dump
from .keys import escape_key, unescape_key
from .refused import Refused
from .values import has_json_types, pack, unpack

_VERSION = "1"
_LONGEST_INT = 4300  # digits; Python's own limit, which a process may disable
_load_plain = json.JSONDecoder().decode
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
# `float` makes a new object for each NaN, so that a set or dict can hold two of them.
_load = json.JSONDecoder(object_hook=unpack, parse_constant=float).decode

# The exceptions of the decoder and `unpack` for a text that `encode` did not write. TypeError: an
# unhashable key. AttributeError: a UUID that is not text. ArithmeticError: a number out of range.
# IsADirectoryError: a zone that is a folder of zones.
_CORRUPT = (
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(RecursionError, IsADirectoryError, StopIteration),  # the scanner's own at the text's end
)


class CorruptRecord(ValueError):
    """The text is not a record. The message does not show the text, which may be secret."""


class UnknownVersion(ValueError):
    """A newer version of ringsession wrote this record, so the record must be kept.

    It starts with another ASCII digit or letter than the records of this version.
    """


def _read_int(digits: str) -> int:
    """Return a JSON integer. Raises ValueError for a long one, which takes quadratic time to read.

    `encode` writes long integers in hexadecimal.
    """
    if len(digits) > _LONGEST_INT:
        raise ValueError(f"int: expected at most {_LONGEST_INT} digits, got more")
    return int(digits)


_scan_long = json.JSONDecoder(parse_int=_read_int).scan_once  # type: ignore[attr-defined]


def _dump_plain(value: object) -> str | None:
    """Return the JSON text of a value that needs no packing, else None.

    This saves packing for most sessions.
    """
    if not has_json_types(value):
        return None
    text = _dump(value)
    # Only a text beyond ASCII can hold a surrogate, and only a text with "~ can hold a tag.
    return text if text.isascii() and '"~' not in text else None


def encode_value(value: object, where: str) -> str:
    """Return the JSON text of one value.

    where: the value's place, for errors: `session["cart"]`.
    Raises TypeError for a type that cannot be stored, and ValueError for a cycle or more than 100
    levels.

    >>> encode_value((1, {2}), 'session["n"]')
    '{"~t":[1,{"~e":[2]}]}'
    """
    try:
        return _dump_plain(value) or _dump(pack(value, 0))
    except Refused as refused:
        raise refused.error(where) from None


def encode(data: Mapping[str, object]) -> str:
    """Return the record of a session. Equal values give equal records. Raises as `encode_value`.

    >>> encode({"user": "ann", "n": 1})
    '1{"user":"ann","n":1}'
    """
    text = _dump_plain(data)
    if text is not None:
        return _VERSION + text
    packed = {}
    for key, value in data.items():
        if type(key) is not str:
            raise TypeError(f"session key: expected str, got {type(key).__name__}")
        try:
            packed[escape_key(key)] = pack(value, 0)
        except Refused as refused:
            raise refused.within(key).error("session") from None
    return _VERSION + _dump(packed)


def _members(record: str) -> dict[str, Any]:
    """Return the members of a record, with their values still packed."""
    if record[:1] != _VERSION:
        if record[:1].isascii() and record[:1].isalnum():
            raise UnknownVersion(f"record: expected version {_VERSION}, got another")
        raise CorruptRecord("record: expected a version and a JSON object")
    try:
        # A hook for each int costs time, and only a long record can hold a long int.
        members, end = (_scan if len(record) <= _LONGEST_INT else _scan_long)(record, 1)
    except _CORRUPT:
        members, end = None, 0
    if not isinstance(members, dict) or end != len(record):
        raise CorruptRecord("record: expected a version and a JSON object")
    return members


def is_plain_record(record: str) -> bool:
    """Return whether all values of a record have types of JSON.

    >>> is_plain_record('1{"a":[1]}'), is_plain_record('1{"a":{"~t":[1]}}')
    (True, False)
    """
    return '"~' not in record


def record_text(octets: bytes) -> str:
    """Return the record in a store's octets.

    If the octets are not UTF-8, return only the version, which `decode` refuses as corrupt.

    >>> record_text(b'1{"a":1}'), record_text(b"1\\xff")
    ('1{"a":1}', '1')
    """
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets[:1].decode("latin-1")


def decode(record: str) -> dict[str, Any]:
    """Return the values of the session in a record. Raises CorruptRecord or UnknownVersion.

    >>> decode('1{"user":"ann"}')
    {'user': 'ann'}
    """
    members = _members(record)
    if '"~' not in record:  # as in `is_plain_record`, without a call
        return members
    try:
        return {unescape_key(key): _load(_dump(value)) for key, value in members.items()}
    except _CORRUPT:
        raise CorruptRecord("record: expected values that encode() wrote") from None


def decode_value(text: str) -> Any:
    """Return the value in a text that `encode_value` returned. Raises CorruptRecord.

    >>> decode_value('{"~t":[1,2]}')
    (1, 2)
    """
    try:
        return _load(text)
    except _CORRUPT:
        raise CorruptRecord("value: expected a text that encode_value() wrote") from None


def merge(record: str, changed: Mapping[str, str], removed: Iterable[str]) -> str:
    """Return the record with some keys set to the texts of their values, and some keys removed.

    No value is unpacked.

    >>> merge('1{"a":1,"b":2}', {"c": "3"}, ["a"])
    '1{"b":2,"c":3}'
    """
    members = _members(record)
    for key in removed:
        members.pop(escape_key(key), None)
    for key, text in changed.items():
        members[escape_key(key)] = _load_plain(text)
    return _VERSION + _dump(members)


def difference(before: str, after: str) -> tuple[dict[str, str], set[str]]:
    """Return the keys that differ between two records.

    The first part maps each new or changed key to the text of its value; the second part holds the
    removed keys.

    >>> difference('1{"a":1,"b":2,"c":3}', '1{"a":1,"b":2.0,"d":4}')
    ({'b': '2.0', 'd': '4'}, {'c'})
    """
    old, new = _members(before), _members(after)
    changed = {
        unescape_key(name): _dump(value)
        for name, value in new.items()
        if name not in old or exact_bytes(old[name]) != exact_bytes(value)
    }
    return changed, {unescape_key(name) for name in old.keys() - new.keys()}


def exact_bytes(value: Any) -> bytes:
    """Return bytes that are equal for two values only if all their types and orders are equal too.

    The value must have types of JSON. `marshal` takes a tenth of the time of encoding. Nothing
    reads its bytes back; in version 2 they depend only on the value.
    Raises ValueError for most other types.
    """
    return marshal.dumps(value, 2)


def value_text(record: str, key: str) -> str | None:
    """Return the text of one key's value, or None if the record lacks the key.

    >>> value_text('1{"a":[1]}', "a")
    '[1]'
    """
    members = _members(record)
    key = escape_key(key)
    return _dump(members[key]) if key in members else None
