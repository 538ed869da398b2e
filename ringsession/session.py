"""The session: a mapping that is loaded at its first touch and compared with what was loaded at the end.

Owns what a request knows of its session and what it did to it. What becomes of that, and when, is
`middleware/session.py`'s affair; this knows no request and no response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Literal

from . import codec
from ._difference import EMPTY, RESERVED, difference, renew
from .request import Request, Response
from .stores import Change, Loaded, SessionGone, StoreUnavailable
from .stores.backend import Sessions

log = logging.getLogger("ringsession")


class SessionCommitted(RuntimeError):
    """The session was changed after its response had been sent on, so the change could not be kept."""


class Recreated(dict[str, Any]):
    """A session's new contents, to be stored under a new id. See `recreate`."""


def recreate(session: Mapping[str, Any]) -> Recreated:
    """Mark a session in a response to be stored under a new id, with exactly these keys.

    Do this when somebody logs in: the old id is dead from that moment, and both deadlines start anew.
    Source: ring.middleware.session/wrap-session, `{:recreate true}`.

    >>> {"status": 303, "session": recreate({"user": "ann"})}["session"]
    {'user': 'ann'}
    """
    return Recreated(session)


def _is_reserved(key: str) -> bool:
    return key[:12] == RESERVED


def _check_key(key: object) -> None:
    if type(key) is not str:
        raise TypeError(f"session key: expected str, got {type(key).__name__}")
    if _is_reserved(key):
        raise ValueError(f"session key: expected one that does not start with {RESERVED!r}")


class Session(MutableMapping[str, Any]):
    """The session of one request: `request["session"]`, `environ["ringsession.session"]`.

    Reading or changing it loads it, once; a change, also one inside a value, is stored when the response begins.
    `session | {...}` and `{**session}` are plain dicts.
    Raises StoreUnavailable (the client gets a 503) where the store failed, SessionCommitted where it is too late for a
    change, TypeError for a key that is no str, ValueError for one that starts with "ringsession/".
    """

    value: str | None = None  # of the cookie that was sent
    loaded: Loaded | None = None
    ending: Literal["destroy", "recreate"] | None = None
    touched = False  # by anybody: the response depends on the cookie
    read = False  # by the handler, not by a layer, and the store answered
    asked = False  # the store, and it answered
    failed = False
    committed = False
    _data: dict[str, Any] | None = None  # None: not loaded
    _reserved: dict[str, Any] = {}
    _order: list[str] = []  # of the keys that were loaded
    _gone = False  # another request ended it after it was loaded
    _picture: bytes | None = None  # of what was loaded, to see at once that nothing changed
    _given = False  # the handler gave a whole session, which is stored even if it is empty
    _exact = False  # ... and nothing else may be in it

    def __init__(
        self, sessions: Sessions, find_value: Callable[[Request], str | None], request: Request
    ) -> None:
        self._sessions = sessions
        self._find_value = find_value
        self._request = request

    # -- for handlers

    def __getitem__(self, key: str) -> Any:
        return self._open()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        _check_key(key)
        self._change()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._change()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open())

    def __len__(self) -> int:
        return len(self._open())

    def __contains__(self, key: object) -> bool:
        return key in self._open()

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._open(), **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self._open()}

    def copy(self) -> dict[str, Any]:
        """The contents as a plain dict."""
        return dict(self._open())

    def __repr__(self) -> str:
        return f"<Session {'not read' if self._data is None else f'with {len(self._data)} keys'}>"

    @property
    def key(self) -> str | None:
        """The cookie's value, None while there is no stored session. A secret: never log it."""
        self._open()
        return self.value if self.is_live else None

    @property
    def expires_in(self) -> float | None:
        """Seconds until the session ends unless a request comes; None if it does not end, or is not stored yet."""
        self._open()
        return self.loaded.expires_in if self.loaded else None

    def recreate(self) -> None:
        """Move the session to a new id when the response begins, keeping what is stored then. See `recreate`."""
        self._check_open()
        self._find()
        self.ending = self.ending or "recreate"

    def destroy(self) -> None:
        """End the session when the response begins; what is set after this call starts another one."""
        self._check_open()
        self._find()
        self.ending = "destroy"
        self._data, self._reserved, self._given = {}, {}, False

    def swap(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Set a key to `change(its value now, or None)` at once, atomically, and return what was set.

        For counters and lists that many requests change at the same time. `change` may be called more than once; what
        it sets stays even if the handler fails later. A session that is not stored yet is changed in the ordinary
        way. TypeError on the cookie store and on a three-function store.
        """
        _check_key(key)
        data = self._change()
        where = f'session["{key}"]'
        if self.ending is not None or not self.is_live:
            codec.encode_value(value := change(data.get(key)), where)
            data[key] = value
            return value

        def encoded(text: str | None) -> str:
            return codec.encode_value(
                change(None if text is None else codec.decode_value(text)), where
            )

        assert self.value is not None and self.loaded is not None
        try:
            text = self._sessions.swap(self.value, key, encoded)
        except SessionGone:
            self._gone = True  # what was loaded stays known, so that only this request's own changes count
            return self.swap(key, change)
        except StoreUnavailable:
            self.failed = True
            raise
        record = codec.merge(self.loaded.record or EMPTY, {key: text}, ())
        self.loaded = self.loaded._replace(record=record, version=None)
        self._picture = None
        data[key] = codec.decode_value(text)
        return codec.decode_value(text)

    # -- for layers

    @property
    def reserved(self) -> dict[str, Any]:
        """The layers' own keys, loaded without counting as the handler's reading; change it in place."""
        self.load()
        return self._reserved

    @property
    def is_live(self) -> bool:
        return self.loaded is not None and self.loaded.record is not None and not self._gone

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
            data = self._fetch() if self.value is not None else {}
            self._order = list(data)
            reserved = [key for key in self._order if _is_reserved(key)]
            self._reserved = {key: data.pop(key) for key in reserved}
            self._data = data
            self._picture = self._take_picture()
        return self._data

    def take(self, response: Response) -> Response:
        """Do what a response says of the session: absent = keep, None = end, a mapping = the new contents."""
        if "session" not in response:
            return response
        response = dict(response)
        session = response.pop("session")
        if session is None or session is False:  # as in Ring
            self.destroy()
        elif not isinstance(session, Mapping):
            raise TypeError(
                f'response["session"]: expected a mapping or None, got {type(session).__name__}'
            )
        elif session is not self:
            self._replace(session)
        return response

    def _replace(self, session: Mapping[str, Any]) -> None:
        """What the mapping lacks goes; what this request never saw stays."""
        for key in session:
            _check_key(key)
        if isinstance(session, Recreated):
            self._find()
            self.ending = self.ending or "recreate"
            self._exact = True
            self._reserved = dict(self._reserved)
        elif self.ending is None:
            self.load()
        self._given = True
        self._data = dict(session)

    def change(self) -> Change | None:
        """What the request did to what was loaded; None if there is no difference, types included."""
        if self._data is None:
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

        Where the old id is dead already, another request has its contents: only this one's own changes go along.
        """
        change = self.change()
        if claimed is None:
            wanted = change is not None or (self._given and not self.is_live)
            return renew(EMPTY, change, None) if wanted else None
        return renew(claimed, change, self._data if self._exact else None)

    # -- within

    def _open(self) -> dict[str, Any]:
        data = self.load()
        self.read = True
        return data

    def _change(self) -> dict[str, Any]:
        self._check_open()
        return self._open()

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
            return {} if record is None else self._decode(record)
        except (StoreUnavailable, codec.UnknownVersion) as error:
            self.failed = True
            raise StoreUnavailable("the session could not be loaded") from error

    def _decode(self, record: str) -> dict[str, Any]:
        try:
            return codec.decode(record)
        except codec.CorruptRecord:
            assert self.value is not None
            log.error("a session's record could not be read and was dropped")
            self._sessions.destroy(self.value)
            self.loaded = None
            return {}
