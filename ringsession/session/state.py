"""The state of one request's session: its phase, its ending, and its contents once they are loaded.

Layers get it by `session_state`. `commit.py` decides the step of the commit, and `contents.py`
compares the values. Of the request, this module uses only the cookies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from weakref import ref

from .. import codec
from ..request import Request
from ..stores import Change, Loaded, SessionGone, StoreUnavailable
from ..stores.backend import Backend
from .contents import Contents
from .phases import ABSENT, DESTROY, FAILED, GONE, LIVE, NONE, RECREATE, UNREAD, UNTOUCHED
from .phases import Ending

log = logging.getLogger("ringsession")

NOT_LOADED = "The session could not be loaded."
DROPPED = "A session's record could not be read, so the session was dropped."
_TOO_LATE = (
    "the session cannot change any more: the response has already started. Change it before the"
    " first chunk is sent."
)
_OVER = "the session cannot be loaded any more: its request is over. Use it while you answer."
_AMBIGUOUS = (
    "The request brought %d live sessions in cookies of the same name, so it has none of them. List"
    ' the domains and paths that this app used before in ["session"]["former_cookie_attrs"], or'
    " give it a cookie_name of its own."
)


class SessionCommitted(RuntimeError):
    """The session cannot change any more: the response has already started."""


class State:
    """One request's session, as the layers see it."""

    def __init__(
        self, backend: Backend, find_values: Callable[[Request], list[str]], request: Request
    ) -> None:
        self.backend = backend
        self.find_values = find_values
        # The request holds the session, so that a reference would be a cycle.
        self._request = ref(request)
        self.phase = UNTOUCHED
        self.ending = NONE
        self.sent: Sequence[str] = ()  # the different values of the session's cookie
        self.value: str | None = None  # the one of them that counts, once the store was asked
        self.rivals: Sequence[str] = ()  # several values with a live session each: none counts
        self.loaded: Loaded | None = None  # the store's answer
        self.contents: Contents | None = None
        self.is_exact = False  # the new id gets the handler's values and no others
        self.has_started = False  # the response has, so that nothing can change any more
        self.was_read = False  # by the handler, not by a layer, and the store answered
        # Flask's rule for messages: each waits until it is read, and a new one replaces none.
        self.messages_wait = False
        self.shown_message: str | None = None  # the key of the message that the handler read

    def check_open(self) -> None:
        """Raise SessionCommitted if it is too late for a change."""
        if self.has_started:
            raise SessionCommitted(_TOO_LATE)

    def touch(self) -> None:
        """Note that the response depends on the session, and find the cookie's values."""
        if self.phase is UNTOUCHED:
            request = self._request()
            if request is None:
                raise SessionCommitted(_OVER)
            self.phase = UNREAD
            self.sent = self.find_values(request)

    def ask(self) -> None:
        """Ask the store, once, for the session of each value that the request brought."""
        if self.phase is FAILED:
            raise StoreUnavailable(NOT_LOADED)
        if self.phase is not UNTOUCHED and self.phase is not UNREAD:
            return
        self.check_open()
        self.touch()
        try:
            if len(self.sent) > 1:
                self._choose([(value, self.backend.load(value)) for value in self.sent])
            elif self.sent:
                (self.value,) = self.sent
                self.loaded = self.backend.load(self.value)
        except (StoreUnavailable, codec.UnknownVersion) as error:
            self.phase = FAILED
            raise StoreUnavailable(NOT_LOADED) from error
        loaded = self.loaded
        if loaded is None or loaded.outlived:
            self.phase = ABSENT
        else:
            self.phase = GONE if loaded.record is None else LIVE

    def _choose(self, answers: Iterable[tuple[str, Loaded | None]]) -> None:
        """Let the one live session count; without any, the first that another request ended."""
        found = [(value, loaded) for value, loaded in answers if loaded is not None]
        live = [pair for pair in found if pair[1].record is not None]
        if len(live) > 1:
            chosen = self.backend.choose(live)
        else:
            chosen = next(iter(live or found), None)
        if chosen is not None:
            self.value, self.loaded = chosen
        elif live:
            self.rivals = [value for value, _ in live]
            log.warning(_AMBIGUOUS, len(live))

    def load(self) -> Contents:
        """Return the contents, for a layer; the first call asks the store."""
        if self.contents is None:
            self.ask()
            self.contents = self._decode()
        elif self.phase is FAILED:
            raise StoreUnavailable(NOT_LOADED)
        return self.contents

    def read(self) -> Contents:
        """Return the contents for the handler."""
        contents = self.load()
        self.was_read = True
        return contents

    def write(self) -> Contents:
        """Return the contents for the handler to change. Raises SessionCommitted."""
        self.check_open()
        contents = self.read()
        contents.may_differ = True
        return contents

    def own_keys(self) -> dict[str, Any]:
        """Return the layers' own keys, to read and to change; this is no reading by the handler."""
        contents = self.load()
        contents.expect_change()
        return contents.own_keys

    def set_own_key(self, key: str, value: Any) -> None:
        """Set one of the layers' own keys. Raises SessionCommitted."""
        self.check_open()
        self.own_keys()[key] = value

    def _decode(self) -> Contents:
        record = self.loaded.record if self.loaded is not None else None
        try:
            contents = Contents(record)
        except codec.CorruptRecord:
            assert self.value is not None
            log.error(DROPPED)
            self.loaded, self.phase = None, FAILED  # unless the store takes the next step
            self.backend.destroy(self.value)
            self.phase = ABSENT
            return Contents(None)
        except codec.UnknownVersion as error:
            self.phase = FAILED
            raise StoreUnavailable(NOT_LOADED) from error
        if self.ending is RECREATE:
            contents.forget_secrets()
        return contents

    def end(self, ending: Ending) -> None:
        """Let the session end, or move, when the response starts. An end cannot become a move."""
        self.check_open()
        self.touch()
        if ending is DESTROY and self.phase is not FAILED:
            self.contents = Contents(None)
        elif self.ending is NONE and self.contents is not None and self.contents.own_keys:
            self.contents.expect_change()
            self.contents.forget_secrets()
        if self.ending is not DESTROY:
            self.ending = ending

    def swap(self, key: str, change: Callable[[str | None], str]) -> str | None:
        """Set a stored key at once. Return its encoded value, or None for an ended session."""
        assert self.value is not None and self.loaded is not None and self.contents is not None
        try:
            text = self.backend.swap(self.value, key, change)
        except SessionGone:
            self._lose()
            return None
        except StoreUnavailable:
            self.phase = FAILED
            raise
        self.contents.rebase(key, text)
        self.loaded = replace(self.loaded, record=self.contents.record, version=None)
        return text

    def _lose(self) -> None:
        """Note that the session went while this request was running."""
        assert self.value is not None and self.loaded is not None and self.contents is not None
        self.phase = GONE
        # A session that the store dropped to make room is started again. Otherwise the loaded
        # record stays known, so that only this request's own changes count.
        if self.loaded.disposable and self.backend.load(self.value) is None:
            self.loaded, self.contents.record, self.phase = None, None, ABSENT

    def change(self) -> Change | None:
        """Return what the request did to the session, or None for nothing."""
        contents = self.contents
        # Another app may have set one of several sessions, and would see a token or message.
        if contents is None or (self.rivals and not contents.values and not contents.is_whole):
            return None
        return contents.change()
