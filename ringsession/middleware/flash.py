"""The keys `flash` of request and response: a message for the next request.

Owns the session's entries for it, one for each message. Only the handler's reading takes a message; knows no store.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from ..session.contents import FLASH
from ..request import Handler, Request, Response, as_request
from ..responses import check_response
from ..session.mapping import Session


def _session(request: Request) -> Session:
    session = dict.get(request, "session")
    if type(session) is not Session:
        raise RuntimeError("wrap_flash: expected wrap_session outside it")
    return session


def pending(session: Session) -> list[str]:
    """The keys of the waiting messages, the oldest first."""
    if not session.has_reserved:
        return []
    return sorted(key for key in session.reserved if key.startswith(FLASH))


def new_entry(place: int = 0) -> str:
    """The key of a new message; place: how many of this request stand before it."""
    # Sorts by time, then by place; the random part keeps the entries of requests in the same moment apart.
    return f"{FLASH}{time.time_ns():016x}-{place:04x}{secrets.token_hex(4)}"


def _read_flash(request: Request) -> Any:
    session = _session(request)
    waiting = pending(session)
    session.read = True
    session.asked_message = waiting[0] if waiting else None
    return session.reserved[waiting[0]] if waiting else None


def _taken(session: Session, replaced: bool) -> list[str]:
    """The keys of the messages that this request takes."""
    if session.keeps_messages:
        return [key for key in pending(session) if key == session.asked_message]
    waiting = pending(session) if replaced or session.read else []
    return waiting if replaced else waiting[:1]


def flash_request(request: Request) -> Request:
    """See wrap_flash."""
    request = as_request(request)
    request.provide("flash", _read_flash)
    return request


def flash_response(response: Response, request: Request) -> Response:
    """See wrap_flash."""
    session = _session(request)
    message = response.get("flash")
    if message is not None and message is not False:  # as in Ring
        response = session.take(
            response
        )  # before the message, which outlives a session that ends here
        for key in _taken(session, True):
            del session.reserved[key]
        session.reserved[new_entry()] = message
    elif session.read and session.has_reserved and session.ending != "destroy":
        for key in _taken(session, False):
            request["flash"]  # a body that streams may still ask for it
            del session.reserved[key]
    return response


def wrap_flash(handler: Handler) -> Handler:
    """Give the next request of a session what this one's response holds under "flash".

    Reads `request["session"]`, adds `request["flash"]` (None where there is no message); reads `response["flash"]`
    (any value the session can hold; None is no message). A message is gone once a handler has read
    `request["flash"]` or its session, and then exactly that message; a newer one replaces it.
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
        return flash_response(check_response(handler(request)), request)

    return flash
