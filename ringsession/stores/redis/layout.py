"""Write and read the string that Redis and Valkey store for one session. Pure functions.

A live session is a head, a newline and the record (see `codec`). Spaces separate the fields of the
head:

    L        a live session
    version  16 random hexadecimal digits, new ones after every write
    seen     13 digits: when the session was last used, in milliseconds since 1970
    created  13 digits
    flags    5 digits: disposable 0 or 1, remembered 0 or 1, and three for the number of deltas
    idle     milliseconds that the session may be idle, or -
    absolute milliseconds that it may live in total, or -
    cookie   the hash of the cookie's name, or -
    began    when the login began, or the session if nobody is signed in; -: see `created`
    owner    the hash of the user, or -
    handle   the name of the user's login, or -
    confirmed  when the user last confirmed who they are; =: see `created`; -: never

If another write was faster, a write is appended as a delta: a newline and a JSON array of the keys
that it changed and the keys that it removed. A tombstone has no record: it is `D cookie began` if
the session ended, or `M cookie began successor` if it moved.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ... import codec
from .. import Change, Details, StoreUnavailable
from ..deadlines import Lifetime, Times

_NO_LOGIN = b" - - - -"  # how the fields from `began` on end for most sessions
SEEN, CREATED_END = 19, 46  # offsets in bytes
DISPOSABLE, COUNT, FLAGS_END = 47, 49, 52
LONGEST_HEAD = 320  # bytes; a head with every field has fewer
_NONE = b"-"
_NOW = b"="


class Live(NamedTuple):
    """The string of a live session."""

    version: bytes
    times: Times
    clock: bytes  # the text of `seen` and `created`
    disposable: bool
    body: bytes  # the record, and the deltas after it
    deltas: int
    facts: bytes  # the fields from the cookie's hash on

    @property
    def record(self) -> str:
        """Return the record with its deltas merged into it."""
        if not self.deltas:
            return codec.record_text(self.body)
        first, *deltas = self.body.rsplit(b"\n", self.deltas)
        return _merge(codec.record_text(first), deltas)


# Whether a session is remembered, and `began`, `owner`, `handle` and `confirmed` of `Details`.
Facts = tuple[bool, float, str | None, str | None, float | None]


def loaded_facts(found: Live) -> Facts:
    """Return the facts of a session's login, as the last fields of `Loaded` need them."""
    times = found.times
    if found.facts.endswith(_NO_LOGIN):
        return (times.remembered, times.created, None, None, None)
    _, began, owner, handle, confirmed = found.facts.split(b" ")
    return (
        times.remembered,
        times.created if began == _NONE else int(began) / 1000,
        None if owner == _NONE else owner.decode(),
        None if owner == _NONE else handle.decode(),
        _read_confirmed(confirmed, times.created),
    )


def _read_confirmed(field: bytes, created: float) -> float | None:
    if field == _NONE:
        return None
    return created if field == _NOW else int(field) / 1000


class Tombstone(NamedTuple):
    """The string of a session that ended or moved."""

    successor: str | None


class Unknown(ValueError):
    """ringsession did not write this string. The message does not show it."""


def new_version() -> bytes:
    """Return a random version.

    >>> len(new_version())
    16
    """
    return secrets.token_hex(8).encode()


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds, at least 1."""
    return max(1, round(seconds * 1000))


def write_clock(times: Times) -> bytes:
    """Return `seen` and `created` as the text in the head.

    >>> write_clock(Times(1.5, 2, Lifetime()))
    b'0000000002000 0000000001500'
    """
    return b"%013d %013d" % (max(0, round(times.seen * 1000)), max(0, round(times.created * 1000)))


def write_rest(record: str, lifetime: Lifetime, details: Details) -> bytes:
    """Return a new session's string from the flags on. The script writes the fields before."""
    flags = b"%d%d000" % (details.disposable, details.remembered)
    cookie = details.cookie.encode() or _NONE
    fields = [flags, _number(lifetime.idle), _number(lifetime.absolute), cookie, *_login(details)]
    return b" ".join(fields) + b"\n" + record.encode()


def _login(details: Details) -> tuple[bytes, ...]:
    if details.owner is None and details.began is None and not details.confirms:
        if details.confirmed is None:
            return (_NONE, _NONE, _NONE, _NONE)
    owner, handle = (
        _NONE if each is None else each.encode() for each in (details.owner, details.handle)
    )
    confirmed = _NOW if details.confirms else _moment(details.confirmed)
    return (_moment(details.began), owner, handle, confirmed)


def _moment(seconds: float | None) -> bytes:
    return _NONE if seconds is None else b"%d" % round(seconds * 1000)


def write_delta(change: Change) -> bytes:
    """Return the delta of a change, with the newline before it."""
    return b"\n" + json.dumps([dict(change.changed), sorted(change.removed)]).encode()


def read(text: bytes) -> Live | Tombstone:
    """Parse a string. Raise Unknown if ringsession did not write it."""
    kind = text[:2]
    try:
        if kind == b"D ":
            return Tombstone(None)
        if kind == b"M ":
            return Tombstone(text.split(b" ")[3].decode())
        if kind != b"L ":
            raise ValueError
        head, _, body = text.partition(b"\n")
        _, version, seen, created, flags, idle, absolute, facts = head.split(b" ", 7)
        lifetime = _read_lifetime(idle, absolute)
        times = Times(int(created) / 1000, int(seen) / 1000, lifetime, flags[1:2] == b"1")
        clock = text[SEEN:CREATED_END]
        return Live(version, times, clock, flags[:1] == b"1", body, int(flags[2:]), facts)
    except (ValueError, IndexError):
        raise Unknown("redis_store: a key holds something else than a session") from None


def read_or_refuse(text: bytes) -> Live | Tombstone:
    """Parse a string. Raise StoreUnavailable if ringsession did not write it."""
    try:
        return read(text)
    except Unknown as error:
        raise StoreUnavailable(str(error)) from None


def read_time(reply: Sequence[bytes]) -> float:
    """Return the server's time from the reply to TIME.

    >>> read_time([b"1700000000", b"123456"])
    1700000000.123
    """
    seconds, microseconds = reply
    return int(seconds) + int(microseconds) // 1000 / 1000


def _number(seconds: float | None) -> bytes:
    return _NONE if seconds is None else b"%d" % milliseconds(seconds)


@lru_cache(maxsize=64)  # most sessions of an app have the same times
def _read_lifetime(idle: bytes, absolute: bytes) -> Lifetime:
    return Lifetime(_seconds(idle), _seconds(absolute))


def _seconds(field: bytes) -> float | None:
    return None if field == _NONE else int(field) / 1000


def _merge(record: str, deltas: list[bytes]) -> str:
    changed: dict[str, str] = {}
    removed: set[str] = set()
    for delta in deltas:
        texts, names = json.loads(delta)
        changed = {name: text for name, text in changed.items() if name not in names} | texts
        removed = (removed | set(names)) - texts.keys()
    try:
        return codec.merge(record, changed, removed)
    except (codec.CorruptRecord, codec.UnknownVersion):
        return record  # `codec.decode` will report what is wrong
