"""What one request knows of its session: what was loaded, what is there now, and how the two differ.

Owns the loading and the comparison. The mapping that handlers see is in `session.py`; this knows no request but to
find the cookie, and no response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

from . import codec
from ._difference import EMPTY, RESERVED, difference, renew
from .request import Request
from .stores import Change, Loaded, StoreUnavailable
from .stores.backend import Sessions

_QUOTED = f'"{RESERVED}'

log = logging.getLogger("ringsession")

_DROPPED = "a session's record could not be read and was dropped"


class SessionCommitted(RuntimeError):
    """The session was changed after its response had been sent on, so the change could not be kept."""


def is_reserved(key: str) -> bool:
    return key[:12] == RESERVED


class SessionState:
    """The state of one request's session; `Session` is the mapping over it."""

    def __init__(
        self, sessions: Sessions, find_value: Callable[[Request], str | None], request: Request
    ) -> None:
        self._sessions = sessions
        self._find_value = find_value
        self._request = request
        self.value: str | None = None  # of the cookie that was sent
        self.loaded: Loaded | None = None
        self.ending: Literal["destroy", "recreate"] | None = None
        self.touched = False  # by anybody: the response depends on the cookie
        self.read = False  # by the handler, not by a layer, and the store answered
        self.asked = False  # the store, and it answered
        self.is_live = False  # stored, as far as this request has heard
        self.failed = False
        self.committed = False
        # A message goes only when somebody asks for it, and none replaces another.
        self.keeps_messages = False
        self.asked_message: str | None = None  # the key of the one that was asked for
        self._data: dict[str, Any] | None = None  # None: not loaded
        self._reserved: dict[str, Any] = {}  # loaded with the rest
        self._order: Sequence[str] = ()  # of the keys that were loaded
        self._changeable = False  # a key was set, or a value handed out that can itself be changed
        # Of what was loaded, to see at once that nothing was changed.
        self._picture: bytes | None = None
        self._given = False  # the handler gave a whole session, which is stored even if it is empty
        self._exact = False  # ... and nothing else may be in it

    @property
    def reserved(self) -> dict[str, Any]:
        """The layers' own keys, loaded without counting as the handler's reading; change it in place."""
        self.load()
        self.hand_out()
        return self._reserved

    def reserve(self, key: str, value: Any) -> None:
        """Set one of the layers' own keys."""
        self._check_open()
        self.reserved[key] = value

    @property
    def has_reserved(self) -> bool:
        self.load()
        return bool(self._reserved)

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to store in a session that does not exist yet."""
        return bool(self._data or self._reserved) or self._given

    def belongs_to(self, sessions: Sessions) -> bool:
        return self._sessions is sessions

    def load(self) -> dict[str, Any]:
        """Ask the store, once; the handler's keys."""
        if self.failed:
            raise StoreUnavailable("the session could not be loaded")
        if self._data is None:
            self._check_open()
            self._find()
            self._data = self._fetch() if self.value is not None else {}
        return self._data

    def hand_out(self) -> None:
        """Somebody gets a value that can be changed without the session's hearing of it."""
        if not self._changeable:
            self._changeable = True
            self._picture = self._take_picture()

    @property
    def may_differ(self) -> bool:
        """Whether anything can have been changed; no, for most requests that read."""
        return self._changeable

    def change(self) -> Change | None:
        """What the request did to what was loaded; None if there is no difference, types included."""
        if self._data is None or not self._changeable:
            return None
        before = (self.loaded.record if self.loaded else None) or EMPTY
        if self._picture is not None and self._picture == self._take_picture():
            return None
        return difference(before, {**self._data, **self._reserved}, self._order)

    def record(self) -> str:
        """The contents as a record, for a session that does not exist yet."""
        return codec.encode({**(self._data or {}), **self._reserved})

    def renewed(self, claimed: str | None) -> str | None:
        """The record for the new id, given the last one under the old id; None if there is nothing to store.

        Where the old id is dead already, another request has its contents: only this one's own changes go along. So
        it is where they cannot be read.
        """
        change = self.change()
        if claimed is not None:
            try:
                return renew(claimed, change, self._data if self._exact else None)
            except codec.CorruptRecord:
                log.error(_DROPPED)
        wanted = change is not None or (self._given and not self.is_live)
        return renew(EMPTY, change, None) if wanted else None

    def _check_open(self) -> None:
        if self.committed:
            raise SessionCommitted("the session: expected no change after the response has begun")

    def _find(self) -> None:
        if not self.touched:
            self.touched = True
            self.value = self._find_value(self._request)

    def _take_picture(self) -> bytes | None:
        """What tells at once, without encoding, that a request only read; None where it cannot be told."""
        record = self.loaded.record if self.loaded else None
        if record is None or not codec.is_plain_record(record):
            return None
        try:
            return codec.picture([self._data, self._reserved])
        except ValueError:  # a type that JSON does not have, and no plain record did
            return None

    def _fetch(self) -> dict[str, Any]:
        assert self.value is not None
        try:
            self.loaded = self._sessions.load(self.value)
            self.asked = True
            record = self.loaded.record if self.loaded else None
            if record is None:
                return {}
            data = self._decode(record)
            self._order = list(data)
            if _QUOTED in record:  # which most sessions lack
                reserved = [key for key in data if is_reserved(key)]
                self._reserved = {key: data.pop(key) for key in reserved}
            return data
        except (StoreUnavailable, codec.UnknownVersion) as error:
            self.failed = True
            raise StoreUnavailable("the session could not be loaded") from error

    def _decode(self, record: str) -> dict[str, Any]:
        try:
            data = codec.decode(record)
        except codec.CorruptRecord:
            assert self.value is not None
            log.error(_DROPPED)
            self._sessions.destroy(self.value)
            self.loaded = None
            return {}
        self.is_live = True
        return data
