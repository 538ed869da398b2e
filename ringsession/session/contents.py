"""What a session holds: the loaded record, the current values, and the difference between them.

Pure. This module knows records and values; it knows no store, no request and no response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import codec
from ..stores import Change

RESERVED = "ringsession/"  # keys of the layers themselves; a handler neither sees nor sets them
FLASH = f"{RESERVED}flash/"
SECRETS = f"{RESERVED}anti_forgery/"  # one key for each secret
COOKIE_ATTRS = f"{RESERVED}cookie_attrs"  # those that a response gave, for later cookies

Encode = Callable[[Mapping[str, Any]], str]
EMPTY = codec.encode({})
_QUOTED = f'"{RESERVED}'


def is_reserved(key: str) -> bool:
    """Return whether a key belongs to the layers.

    >>> is_reserved("ringsession/flash/1"), is_reserved("user")
    (True, False)
    """
    return key[:12] == RESERVED


class Contents:
    """Track the contents of one request's session.

    record: the loaded record, None for a session that is not stored. Raises what `codec.decode`
    raises.
    """

    __slots__ = ("record", "values", "own_keys", "is_whole", "may_differ", "_order", "_snapshot")

    def __init__(self, record: str | None) -> None:
        self.record = record
        self.values: dict[str, Any] = {} if record is None else codec.decode(record)
        self.own_keys: dict[str, Any] = {}  # of the layers
        # The handler gave all values, which are stored even if there are none.
        self.is_whole = False
        self.may_differ = False  # a key was set, or the caller holds a mutable value
        self._order: Sequence[str] = list(self.values)
        self._snapshot: bytes | None = None  # tells without encoding that nothing was changed
        if record is not None and _QUOTED in record:  # which most sessions lack
            reserved = [key for key in self._order if is_reserved(key)]
            self.own_keys = {key: self.values.pop(key) for key in reserved}

    def expect_change(self) -> None:
        """Remember that the caller holds a mutable value, so the session must be compared at
        commit.
        """
        if not self.may_differ:
            self.may_differ = True
            self._snapshot = self._take_snapshot()

    def replace(self, values: Mapping[str, Any]) -> None:
        """Put the handler's values in the place of all others; the layers' own keys stay."""
        self.values = dict(values)
        self.is_whole = self.may_differ = True

    def rebase(self, key: str, text: str) -> None:
        """Take in a key that `swap` has stored already. text: its encoded value."""
        self.record = codec.merge(self.record or EMPTY, {key: text}, ())
        self._snapshot = None
        self.values[key] = codec.decode_value(text)

    def forget_secrets(self) -> None:
        """Drop the CSRF secrets, so that the next token belongs to the session under its new id."""
        for key in [key for key in self.own_keys if key.startswith(SECRETS)]:
            del self.own_keys[key]

    @property
    def is_disposable(self) -> bool:
        """Whether nobody would miss this session, so that a full store may drop it."""
        return not self.values and not self.is_whole and is_disposable(self.own_keys)

    def change(self, encode: Encode = codec.encode) -> Change | None:
        """Return what the request did to the loaded record; None for no difference, types included.

        encode: `codec.encode`; the function that makes a record of the values. Raises what it
            raises.

        For a session that is not stored, any values are a change, and so are none if the handler
        gave them.
        """
        if self.record is None:
            if not (self.values or self.own_keys or self.is_whole):
                return None
            record = encode({**self.values, **self.own_keys})
            return Change(EMPTY, record, disposable=self.is_disposable)
        if not self.may_differ:
            return None
        if self._snapshot is not None and self._snapshot == self._take_snapshot():
            return None
        data = {**self.values, **self.own_keys} if self.own_keys else self.values
        return difference(
            self.record, data, self._order, disposable=self.is_disposable, encode=encode
        )

    def _take_snapshot(self) -> bytes | None:
        if self.record is None or not codec.is_plain_record(self.record):
            return None
        try:
            return codec.exact_bytes([self.values, self.own_keys])
        except ValueError:  # a type that JSON does not have, and no plain record did
            return None


def is_disposable(data: Mapping[str, Any]) -> bool:
    """Return whether a session holds nothing that anybody would miss: CSRF secrets alone.

    >>> is_disposable({f"{SECRETS}1": "00"}), is_disposable({f"{FLASH}1": "saved"})
    (True, False)
    """
    return all(key.startswith(SECRETS) or key == COOKIE_ATTRS for key in data)


def difference(
    before: str,
    data: Mapping[str, Any],
    order: Sequence[str] = (),
    *,
    disposable: bool = False,
    encode: Encode = codec.encode,
) -> Change | None:
    """Return the change from a record to these values, or None if they are equal, types included.

    order: the record's keys. Only if the values have other keys, or the same in another order, it
    is worth looking whether no more than the order changed.
    disposable: see `Change`.

    >>> difference(EMPTY, {"n": 1}).changed, difference(codec.encode({"n": 1}), {"n": 1})
    ({'n': '1'}, None)
    """
    record = encode(data)
    if record == before:
        return None
    change = Change(before, record, disposable=disposable)
    return change if list(data) == order or change.changed or change.removed else None


def renew(live: str, change: Change | None, given: Mapping[str, Any] | None) -> str:
    """Return the record for a new id, from the live record under the old id and this request's
    change.

    given: all values, if the handler gave them. Of the layers' keys these go along: the newest
    messages to the user, the cookie's attributes, and CSRF secrets that this request made. Older
    secrets do not, so that a token from before a login is worth nothing after it.
    """
    changed = change.changed if change else {}
    merged = codec.decode(codec.merge(live, changed, change.removed if change else ()))
    visible = {key: merged[key] for key in merged if not key.startswith(RESERVED)}
    messages = [key for key in merged if key.startswith(FLASH)]
    kept = [key for key in messages if key in changed] or messages
    kept += [key for key in merged if key.startswith(SECRETS) and key in changed]
    kept += [COOKIE_ATTRS] if COOKIE_ATTRS in merged else []
    return codec.encode(
        {**(visible if given is None else given), **{key: merged[key] for key in kept}}
    )


def renew_moved(loaded: str, moved: str, change: Change | None) -> str:
    """Return the record for a new id, if another request moved the session after this one loaded
    it.

    moved: the live record to which it moved. This request's own changes count, and of the other
    keys that it loaded those that the moved session still holds unchanged. Messages stay with the
    moved session.

    >>> change = difference('1{"cart":1,"lang":"en"}', {"cart": 1, "lang": "en", "user": "ann"})
    >>> renew_moved('1{"cart":1,"lang":"en"}', '1{"cart":1,"user":"ann"}', change)
    '1{"cart":1,"user":"ann"}'
    """
    overwritten, removed = codec.difference(loaded, moved)
    inner = {key for key in codec.decode(loaded) if key.startswith(RESERVED)} - {COOKIE_ATTRS}
    gone = {*overwritten, *removed, *inner, *(change.removed if change is not None else ())}
    own = None if change is None else Change(EMPTY, codec.merge(EMPTY, change.changed, ()))
    return renew(codec.merge(loaded, {}, gone), own, None)
