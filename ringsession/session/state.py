"""The state of one request's session: its phase, its ending, and its contents once they are loaded.

Layers get it by `session_state`. `commit.py` decides the step of the commit, and `contents.py`
compares the values. Of the request, this module uses only the cookies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any
from weakref import ref

from .. import codec
from ..http.audit_log import audit
from ..request import Request
from ..stores import Change, Loaded, StoreUnavailable
from ..stores.backend import Backend
from .committed import SessionCommitted
from .contents import Contents, Encode
from .failure import NOT_LOADED, fail
from .lookup import look_up
from .terms import NO_TERMS, Terms
from .user import is_bound
from .phases import ABSENT, DESTROY, FAILED, GONE, LIVE, NONE, RECREATE, UNREAD, UNTOUCHED, Ending

log = logging.getLogger("ringsession")

DROPPED = "A session's record could not be read, so the session was dropped."
NOT_BOUND = (
    "Dropped a session from before the app had its user_key: the store would not find it by its"
    " user. The user has to sign in once more."
)
_TOO_LATE = (
    "the session cannot change any more: the response has already started. Change it before the"
    " first chunk is sent."
)


class State:
    """One request's session, as the layers see it."""

    # What is seldom read, and so need not be set for each request.
    remember: bool | None = None  # what the handler said of a login's times; None: nothing
    confirms = False  # the user confirms now who they are
    rivals: Sequence[str] = ()  # several values with a live session each: none counts
    is_exact = False  # the new id gets the handler's values and no others
    stored_as: str | None = None  # the cookie's value, once nothing can change any more
    has_failed = False  # the store has, and the log says so
    asked = 0.0  # when the store was last asked, by `monotonic`
    messages_wait = False  # as in Flask: until it is read; a new one replaces none
    shown_message: str | None = None  # the key of the message that the handler read

    def __init__(
        self,
        backend: Backend,
        find_values: Callable[[Request], list[str]],
        request: Request,
        terms: Terms = NO_TERMS,
    ) -> None:
        self.backend = backend
        self.terms = terms
        self.find_values = find_values
        self.cookie_follows = terms.cookie_follows  # Flask has its own
        self.encode: Encode = codec.encode  # Flask's converts what the codec refuses
        # The request holds the session, so that a reference would be a cycle.
        self._request = ref(request)
        environ = dict.get(request, "environ") or {}
        self._headers = dict.get(request, "headers") or {"cookie": environ.get("HTTP_COOKIE")}
        self._method = dict.get(request, "request_method") or environ.get("REQUEST_METHOD")
        self._path = dict.get(request, "uri") or environ.get("PATH_INFO")
        self.phase = UNTOUCHED
        self.ending = NONE
        self.sent: Sequence[str] = ()  # the different values of the session's cookie
        self.value: str | None = None  # the one of them that counts, once the store was asked
        self.loaded: Loaded | None = None  # the store's answer
        self.contents: Contents | None = None
        self.ended: Sequence[str] = ()  # whose sessions the commit ended, for the audit log
        self.is_refused = False  # the request is, so that its changes are dropped
        self.has_started = False  # the response has, so that nothing can change any more
        self.is_mute = False  # no cookie can be sent, though the session can change
        self.was_read = False  # by the handler, not by a layer, and the store answered
        self._lock = Lock()

    @property
    def request(self) -> Request:
        """Return the request, or for a late read what is kept of one that is over."""
        request = self._request()
        if request is not None:
            return request
        kept = {"headers": self._headers, "request_method": self._method, "uri": self._path}
        return Request(kept)

    def check_open(self) -> None:
        """Raise SessionCommitted if it is too late for a change."""
        if self.has_started:
            raise SessionCommitted(_TOO_LATE)

    def touch(self) -> None:
        """Note that the response depends on the session, and find the cookie's values."""
        if self.phase is UNTOUCHED:
            self.sent = self.find_values(self.request)
            self.phase = UNREAD

    def ask(self) -> None:
        """Ask the store, once, for the session of each value that the request brought."""
        if self.phase is FAILED:
            raise StoreUnavailable(NOT_LOADED)
        if self.phase is not UNTOUCHED and self.phase is not UNREAD:
            return
        self.touch()
        load = self.backend.load
        is_activity = self.terms.is_activity
        if is_activity is not None and not is_activity(self.request):
            load = self.backend.load_passive
        elif self.has_started or self.is_mute:
            load = partial(self.backend.load_late, follows=self.cookie_follows)
        self.asked = monotonic()
        try:
            if len(self.sent) > 1 or self.backend.find_former is not None:
                found = look_up(self.backend, self.request, self.sent, load)
                self.value, self.loaded, self.rivals = found
            elif self.sent:
                (self.value,) = self.sent
                self.loaded = load(self.value)
        except (StoreUnavailable, codec.UnknownVersion) as error:
            raise fail(self, error) from error
        loaded = self.loaded
        if loaded is None or loaded.outlived:
            self.phase = ABSENT
        else:
            self.phase = GONE if loaded.record is None else LIVE
        if self.has_started and self.phase is LIVE:
            self.stored_as = self.value

    def load(self) -> Contents:
        """Return the contents, for a layer; the first call asks the store."""
        contents = self.contents
        if contents is None:
            with self._lock:  # for threads that share the request
                contents = self.contents
                if contents is None:
                    self.ask()
                    contents = self.contents = self._decode()
        elif self.phase is FAILED:
            raise StoreUnavailable(NOT_LOADED)
        return contents

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
            return self._drop(DROPPED)
        except codec.UnknownVersion as error:
            raise fail(self, error) from error
        is_of_user = self.terms.user_key is not None and self.phase is LIVE
        if is_of_user and not is_bound(self, contents):
            return self._drop(NOT_BOUND)
        if self.ending is RECREATE:
            contents.forget_secrets()
        return contents

    def _drop(self, line: str) -> Contents:
        """End a session that this request cannot use, and go on without one."""
        assert self.value is not None
        audit("cookie_unreadable", line, request=self.request, reason=line)
        self.loaded, self.phase = None, FAILED  # unless the store takes the next step
        try:
            self.backend.destroy(self.value)
        except StoreUnavailable as failure:
            raise fail(self, failure) from failure
        self.phase = ABSENT
        return Contents(None)

    def end(self, ending: Ending) -> None:
        """Let the session end, or move, when the response starts. An end cannot become a move."""
        self.check_open()
        self.touch()
        if ending is DESTROY and self.phase is not FAILED:
            with self._lock:  # so that no other thread's load brings the values back
                self.contents = Contents(None)
        elif self.ending is NONE and self.contents is not None and self.contents.own_keys:
            self.contents.expect_change()
            self.contents.forget_secrets()
        if self.ending is not DESTROY:
            self.ending = ending

    def change(self) -> Change | None:
        """Return what the request did to the session, or None for nothing."""
        contents = self.contents
        if contents is None or self.is_refused:
            return None
        # Another app may have set one of several sessions, and would see a token or message.
        is_own = contents.values or contents.is_whole or not self.rivals
        return contents.change(self.encode) if is_own else None
