"""Send a body that is made while it is sent, and that may read the session meanwhile.

Its headers cannot say later that it did, so they say from the start that it may.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from flask import Response as FlaskResponse
from werkzeug.wsgi import ClosingIterator

from .. import codec
from ..http.caching import keep_private, vary_by_cookie
from ..http.log_text import show_request
from ..session.contents import EMPTY, Contents
from ..session.failure import say
from ..session.committed import SessionCommitted
from ..session.state import State
from ..stores import Change, Loaded, SessionGone, StoreUnavailable
from ..wsgi.body import close_body

log = logging.getLogger("ringsession")

_TOO_LATE = (
    "flask.session: a value inside the session was changed after the response had started, so the"
    " change is lost. Change it before you return the response."
)
_NOT_TAKEN = (
    "The session store failed after a stream had shown messages, so the next page shows them again:"
    " %s. %s"
)


def is_stream(response: FlaskResponse) -> bool:
    """Return whether a body is made while it is sent. A file is not."""
    body = response.response
    if not response.is_streamed or response.direct_passthrough or hasattr(body, "read"):
        return False
    # Flask's error pages come out of a WSGI call. Werkzeug gives it a length if its body is made.
    is_made = isinstance(body, (chain, ClosingIterator)) and "Content-Length" in response.headers
    return not is_made


def keep_out_of_caches(response: FlaskResponse, state: State) -> None:
    """Keep a shared cache from giving one user's stream to another. This asks no store."""
    headers = response.headers
    headers["Vary"] = vary_by_cookie(headers.getlist("Vary") or None)
    if state.find_values(state.request):
        headers["Cache-Control"] = keep_private(headers.getlist("Cache-Control") or None)


class Stream:
    """A body that takes the messages it has shown when it has ended and the server asks for more.

    A server that lost its client closes the body before its end.
    shown: gets the keys of the messages while the body is made.
    """

    def __init__(self, body: Iterable[Any], state: State, shown: list[str]) -> None:
        self._body = body
        self._pieces = iter(body)
        self._state = state
        self._shown = shown
        self._before = self._encode_values(state.contents)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._pieces)
        except StopIteration:
            self._take_messages()
            self._check_values()
            raise

    def close(self) -> None:
        close_body(self._body)

    def _take_messages(self) -> None:
        """Take the messages for good. The page is sent, so a failure is only logged."""
        shown = self._shown[:]
        self._shown.clear()
        try:
            _remove(self._state, shown)
        except StoreUnavailable as error:
            log.error(_NOT_TAKEN, say(error), show_request(self._state.request))
            log.debug("The traceback of the store's failure:", exc_info=error)

    def _check_values(self) -> None:
        """Raise SessionCommitted for a change inside a value, which no assignment could refuse."""
        contents = self._state.contents
        if contents is None or not contents.may_differ:
            return
        before = self._before or self._encode_values(Contents(contents.record))
        if self._encode_values(contents) != before:
            raise SessionCommitted(_TOO_LATE)

    def _encode_values(self, contents: Contents | None) -> str | None:
        """Return the values as text, to compare them; None if there are none yet."""
        try:
            return None if contents is None else self._state.encode(contents.values)
        except (TypeError, ValueError):
            return "a value that no store can hold"


def _remove(state: State, entries: list[str]) -> None:
    """Remove messages from the stored session, if that needs no cookie and loses no other write."""
    value = state.stored_as
    if not entries or value is None or state.is_refused or not state.backend.merges(value):
        return
    change = Change(codec.encode(dict.fromkeys(entries)), EMPTY)
    with suppress(SessionGone):  # and its messages with it
        state.backend.patch(value, Loaded(None), change)
