"""What is wrong with a query or a form that cannot be read, and the answer to it.

Owns the statuses: 400, 413, 415. They are Werkzeug's exceptions, so that Flask answers with them too where a view reads them.
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
    """A form that breaks the rules of its type; the client gets a 400."""


class ParamsTooLarge(RequestEntityTooLarge):
    """A form or a query past the limits; the client gets a 413."""


class UnknownCharset(UnsupportedMediaType):
    """A form in a charset that is not read; the client gets a 415."""

    description = "expected a form in utf-8, iso-8859-1 or us-ascii"


UNREADABLE = (BadParams, ParamsTooLarge, UnknownCharset, ClientDisconnected)


def refuse(error: HTTPException) -> Response:
    """The answer to a request that cannot be read: one plain line.

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
    """What the handler answers; if it read what cannot be read, the refusal."""
    try:
        return handler(request)
    except UNREADABLE as error:
        return refuse(error)
