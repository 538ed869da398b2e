"""Refuse a query or a form that cannot be read, with status 400, 413 or 415.

The errors are Werkzeug's exceptions, so that Flask too answers with them when a view reads a form.
"""

from __future__ import annotations

from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from ..request import Handler, Request, Response


class BadParams(BadRequest):
    """The form breaks the rules of its media type. The client gets a 400."""


class ParamsTooLarge(RequestEntityTooLarge):
    """The form or the query is over a limit. The client gets a 413."""


class UnknownCharset(UnsupportedMediaType):
    """The form has a charset that ringsession does not read. The client gets a 415."""

    description = "expected a form in utf-8, iso-8859-1 or us-ascii"


UNREADABLE = (BadParams, ParamsTooLarge, UnknownCharset, ClientDisconnected)


def refuse(error: HTTPException) -> Response:
    """Return the response to a request that cannot be read: one line of plain text.

    >>> refuse(ParamsTooLarge("expected at most 1000 fields"))["status"]
    413
    """
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return {
        "status": error.code,
        "headers": headers,
        "body": f"{error.code} {error.name}: {error.description}",
    }


def answer_unreadable(handler: Handler, request: Request) -> Response:
    """Return the handler's response, or the refusal if the handler read an unreadable form."""
    try:
        return handler(request)
    except UNREADABLE as error:
        return refuse(error)
