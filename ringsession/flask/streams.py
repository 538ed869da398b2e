"""Send a body that is made while it is sent, and that may read the session meanwhile.

Its headers cannot say later that it did, so they say from the start that it may.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from flask import Response as FlaskResponse
from werkzeug.wsgi import ClosingIterator

from ..http.caching import keep_private, vary_by_cookie
from ..request import log_place
from ..session.commit import remove_late
from ..session.state import State
from ..stores import StoreUnavailable
from ..wsgi.body import close_body

log = logging.getLogger("ringsession")

_NOT_TAKEN = (
    "The session store failed after a stream had shown messages, so the next page shows them again."
    " method=%s path=%s"
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
    """Call `at_end` when a body has ended and the server still asks for more of it.

    A server that lost its client closes the body before its end.
    """

    def __init__(self, body: Iterable[Any], at_end: Callable[[], object]) -> None:
        self._body = body
        self._pieces = iter(body)
        self._at_end = at_end

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._pieces)
        except StopIteration:
            self._at_end()
            raise

    def close(self) -> None:
        close_body(self._body)


def take_messages(state: State, entries: list[str]) -> None:
    """Take the messages that a stream has shown. The page is sent, so a failure is only logged."""
    try:
        remove_late(state, entries)
    except StoreUnavailable as error:
        log.error(_NOT_TAKEN, *log_place(state.request), exc_info=error)
    entries.clear()
