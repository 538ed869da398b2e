"""What one request knows of its session: what was loaded, what is there now, and how the two differ.

Owns the loading and the comparison. The mapping that handlers see is in `session.py`; this knows no request but to
find the cookie, and no response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from .. import codec
from .contents import (
    COOKIE_ATTRS,
    EMPTY,
    RESERVED,
    SECRETS,
    difference,
    is_disposable,
    renew,
    renew_moved,
)
from ..request import Request
from ..stores import Change, Loaded, StoreUnavailable
from ..stores.backend import Backend

_QUOTED = f'"{RESERVED}'

log = logging.getLogger("ringsession")

_DROPPED = "a session's record could not be read and was dropped"
_AMBIGUOUS = (
    "The request brought %d live sessions in cookies of the same name, so it has none of them. If this app"
    ' used to set the cookie with another domain or path, list that in ["session"]["former_cookie_attrs"];'
    " if another app sets it, give this one a cookie_name of its own."
)


class SessionCommitted(RuntimeError):
    """The session was changed after its response had been sent on, so the change could not be kept."""


def is_reserved(key: str) -> bool:
    return key[:12] == RESERVED


class SessionState:
    """The state of one request's session; `Session` is the mapping over it."""

    def __init__(
        self, sessions: Backend, find_values: Callable[[Request], list[str]], request: Request
    ) -> None:
        self._sessions = sessions
        self._find_values = find_values
        self._request = request
        self.sent: Sequence[str] = ()  # the different values of the session's cookie
        self.value: str | None = None  # the one of them that counts, once the store was asked
        self.rivals: Sequence[str] = ()  # several values with a live session each: none counts
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
        # Where several sessions came, a neighbour may have set one of them: a token or a message that was
        # kept for such a request could be shown to somebody else.
        return bool(self._data or (self._reserved and not self.rivals)) or self._given

    @property
    def is_ended(self) -> bool:
        """Whether another request ended the session or moved it a moment ago."""
        return self.loaded is not None and self.loaded.record is None and not self.loaded.outlived

    def belongs_to(self, sessions: Backend) -> bool:
        return self._sessions is sessions

    def ask(self) -> None:
        """Ask the store, once, for what each value of the cookie opens."""
        if self.failed:
            raise StoreUnavailable("the session could not be loaded")
        if self.asked:
            return
        self._check_open()
        self._find()
        try:
            if len(self.sent) > 1:
                self._choose([(value, self._sessions.load(value)) for value in self.sent])
            elif self.sent:
                (self.value,) = self.sent
                self.loaded = self._sessions.load(self.value)
        except (StoreUnavailable, codec.UnknownVersion) as error:
            self.failed = True
            raise StoreUnavailable("the session could not be loaded") from error
        self.asked = True
        self.is_live = self.loaded is not None and self.loaded.record is not None

    def _choose(self, answers: Iterable[tuple[str, Loaded | None]]) -> None:
        """Let the one live session count; without any, the first that another request ended."""
        found = [(value, loaded) for value, loaded in answers if loaded is not None]
        live = [pair for pair in found if pair[1].record is not None]
        if len(live) > 1:
            chosen = self._sessions.choose(live)
        else:
            chosen = next(iter(live or found), None)
        if chosen is not None:
            self.value, self.loaded = chosen
        elif live:
            self.rivals = [value for value, _ in live]
            log.warning(_AMBIGUOUS, len(live))

    def load(self) -> dict[str, Any]:
        """Ask the store, once; the handler's keys."""
        if self._data is None:
            self.ask()
            self._data = self._decode()
        elif self.failed:
            raise StoreUnavailable("the session could not be loaded")
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
        data = {**self._data, **self._reserved}
        return difference(before, data, self._order, disposable=self.is_disposable)

    def record(self) -> str:
        """The contents as a record, for a session that does not exist yet."""
        return codec.encode({**(self._data or {}), **self._reserved})

    @property
    def is_disposable(self) -> bool:
        """Whether nobody would miss this session, so that a full store may drop it."""
        return not self._data and not self._given and is_disposable(self._reserved)

    def of_live(self, record: str) -> str | None:
        """See `Renewal`. A record that cannot be read is lost, and does not make a login fail."""
        try:
            return renew(record, self.change(), self._data if self._exact else None)
        except codec.CorruptRecord:
            log.error(_DROPPED)
            self.loaded, self.is_live = None, False
            return self.alone()
        except codec.UnknownVersion as error:
            raise StoreUnavailable("the session could not be loaded") from error

    def of_moved(self, record: str) -> str | None:
        """See `Renewal`."""
        loaded = self.loaded.record if self.loaded is not None else None
        if loaded is None:  # it had moved before this request began, which so never saw it
            return self.alone()
        change = self.change()
        renewed = renew_moved(loaded, record, change)
        return renewed if renewed != EMPTY or change is not None else None

    def alone(self) -> str | None:
        """See `Renewal`."""
        change = self.change()
        wanted = change is not None or (self._given and not self.is_live)
        return renew(EMPTY, change, None) if wanted else None

    def kept_attrs(self) -> dict[str, Any]:
        """The cookie attributes that an earlier response gave and that the session keeps."""
        record = self.loaded.record if self.loaded is not None else None
        kept = self._reserved.get(COOKIE_ATTRS)
        if kept is None and record is not None and COOKIE_ATTRS in record:
            try:
                kept = codec.decode(record).get(COOKIE_ATTRS)
            except ValueError:  # such a session can still be ended
                return {}
        return kept if type(kept) is dict else {}

    def keep_attrs(self, attrs: dict[str, Any]) -> None:
        """Keep these cookie attributes with the session, if there is one or will be one."""
        will_live = self.is_wanted or (self.is_live and self.ending != "destroy")
        if attrs == self.kept_attrs() or not will_live:
            return
        if self._data is None:
            self.load()
        self.hand_out()
        self._reserved[COOKIE_ATTRS] = attrs

    def _check_open(self) -> None:
        if self.committed:
            raise SessionCommitted("the session: expected no change after the response has begun")

    def _find(self) -> None:
        if not self.touched:
            self.touched = True
            self.sent = self._find_values(self._request)

    def _take_picture(self) -> bytes | None:
        """What tells at once, without encoding, that a request only read; None where it cannot be told."""
        record = self.loaded.record if self.loaded else None
        if record is None or not codec.is_plain_record(record):
            return None
        try:
            return codec.picture([self._data, self._reserved])
        except ValueError:  # a type that JSON does not have, and no plain record did
            return None

    def _decode(self) -> dict[str, Any]:
        """The handler's keys in the loaded record; those of the layers are put aside."""
        record = self.loaded.record if self.loaded is not None else None
        if record is None:
            return {}
        try:
            data = codec.decode(record)
        except codec.CorruptRecord:
            self._drop_corrupt()
            return {}
        except codec.UnknownVersion as error:
            self.failed = True
            raise StoreUnavailable("the session could not be loaded") from error
        self._order = list(data)
        if _QUOTED in record:  # which most sessions lack
            reserved = [key for key in data if is_reserved(key)]
            self._reserved = {key: data.pop(key) for key in reserved}
            if self.ending == "recreate":
                self._forget_secrets()
        return data

    def _forget_secrets(self) -> None:
        """Let a token that is made from here on belong to the session under its new id."""
        for key in [key for key in self._reserved if key.startswith(SECRETS)]:
            del self._reserved[key]

    def _drop_corrupt(self) -> None:
        assert self.value is not None
        log.error(_DROPPED)
        self.loaded, self.is_live = None, False
        try:
            self._sessions.destroy(self.value)
        except StoreUnavailable:
            self.failed = True
            raise
