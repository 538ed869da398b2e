"""The keys `flash` of request and response: a message for the next request.

Each message is an entry of its own in the session. Only a handler's reading takes a message; layers
never do.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from ..wsgi.body import close_body
from ..request import Handler, Request, Response, as_request
from ..responses import check_response
from ..session.contents import FLASH
from ..session.mapping import request_state
from ..session.recreated import apply_response
from ..session.phases import DESTROY, FAILED
from ..session.state import State


def _state(request: Request) -> State:
    state = request_state(request)
    if state is None:
        raise RuntimeError(
            "wrap_flash needs wrap_session around it: wrap_session(wrap_flash(handler))"
        )
    return state


def pending(state: State) -> list[str]:
    """Return the keys of the waiting messages, the oldest first."""
    if not state.load().own_keys:
        return []
    return sorted(key for key in state.own_keys() if key.startswith(FLASH))


def new_entry(place: int = 0, now: int | None = None, random: str | None = None) -> str:
    """Return the key of a new message.

    place: 0; how many of this request stand before it.
    now: None; nanoseconds since 1970, None for this moment.
    random: None; eight hexadecimal digits that keep the entries of one moment apart.
    """
    # Sorts by time, then by place.
    moment = time.time_ns() if now is None else now
    return f"{FLASH}{moment:016x}-{place:04x}{random or secrets.token_hex(4)}"


def _read_flash(request: Request) -> Any:
    state = _state(request)
    waiting = pending(state)
    state.was_read = True
    state.shown_message = waiting[0] if waiting else None
    return state.own_keys()[waiting[0]] if waiting else None


def _find_taken(state: State, is_replaced: bool) -> list[str]:
    """The keys of the messages that go with this response."""
    if state.messages_wait:
        return [key for key in pending(state) if key == state.shown_message]
    waiting = pending(state) if is_replaced or state.was_read else []
    return waiting if is_replaced else waiting[:1]


def flash_request(request: Request) -> Request:
    """See wrap_flash."""
    request = as_request(request)
    request.provide("flash", _read_flash)
    return request


def flash_response(response: Response, request: Request) -> Response:
    """See wrap_flash."""
    state = _state(request)
    if state.phase is FAILED:
        return response  # wrap_session makes it a 503
    message = response.get("flash")
    if message is not None and message is not False:  # as in Ring
        # Before the message, which outlives a session that ends here.
        response = apply_response(state, response)
        for key in _find_taken(state, True):
            del state.own_keys()[key]
        state.own_keys()[new_entry()] = message
    elif state.was_read and state.load().own_keys and state.ending is not DESTROY:
        for key in _find_taken(state, False):
            request["flash"]  # a body that streams may still ask for it
            del state.own_keys()[key]
    return response


def wrap_flash(handler: Handler) -> Handler:
    """Give the next request of a session what this one's response holds under "flash".

    Reads `request["session"]`, adds `request["flash"]` (None where there is no message); reads
    `response["flash"]` (any value the session can hold; None is no message). A message is gone once
    a handler has read `request["flash"]` or its session, and then exactly that message; a newer one
    replaces it.
    Raises RuntimeError at the first request if wrap_session is not outside.
    Source: ring.middleware.flash/wrap-flash.

    >>> from ringsession import site_defaults, to_wsgi, wrap_defaults
    >>> def handler(request):
    ...     return {"status": 200, "headers": {}, "body": str(request["flash"]), "flash": "saved"}
    >>> from werkzeug.test import Client
    >>> client = Client(wrap_defaults(to_wsgi(handler), site_defaults))
    >>> client.get("/").text, client.get("/").text
    ('None', 'saved')
    """

    def flash(request: Request) -> Response:
        request = flash_request(request)
        response = check_response(handler(request))
        try:
            return flash_response(response, request)
        except BaseException:
            close_body(response.get("body"))
            raise

    return flash
