"""Answer a request that is refused, in the form that the client reads.

The errors are Werkzeug's exceptions, so that Flask too answers with them when a view reads a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.sansio.request import Request as HeadersOnly

from ..request import Handler, Request, Response
from .grammar import CONTROL


class Negotiated(HTTPException):
    """Answer in the form that the client reads, also where Flask answers with the exception."""

    def get_body(self, environ: Any = None, scope: Any = None) -> str:
        return _write(self, _find_accept(environ), None)[1]

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        return [("Content-Type", _write(self, _find_accept(environ), None)[0]), ("Vary", "Accept")]


class BadParams(Negotiated, BadRequest):
    """The form breaks the rules of its media type. The client gets a 400."""


class ParamsTooLarge(Negotiated, RequestEntityTooLarge):
    """The form or the query is over a limit. The client gets a 413."""


class UnknownCharset(Negotiated, UnsupportedMediaType):
    """The form has a charset that ringsession does not read. The client gets a 415."""

    description = "expected a form in utf-8, iso-8859-1 or us-ascii"


class NoTemporaryFile(Negotiated, HTTPException):
    """A form cannot be kept, since no temporary file can be written. The client gets a 507.

    reason: for the log. The client does not see it.
    """

    code = 507
    description = "The site cannot keep the form or file that you sent. Try again later."

    def __init__(self, reason: str = "") -> None:
        super().__init__()
        self.reason = reason


UNREADABLE = (BadParams, ParamsTooLarge, UnknownCharset, ClientDisconnected, NoTemporaryFile)

_PROBLEM = "application/problem+json"
_LONGEST = 1024  # characters of Accept that are read; browsers send under 200
_FORMS = ("text/html", _PROBLEM, "application/json")
_PAGE = Markup(
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<title>{title}</title>\n<main>\n<h1>{title}</h1>\n<p>{detail}</p>\n</main>\n</html>\n"
)


def _find_form(accept: str | None) -> str | None:
    """Return the one of _FORMS that the client asked for by name; None if it asked for none."""
    if accept is None or len(accept) > _LONGEST or CONTROL.search(accept):
        return None
    headers = Headers({"Accept": accept.lower()})
    # The one way to read this header that Werkzeug 3.1 and 3.3 share.
    reader = HeadersOnly("GET", "http", None, "", "/", b"", headers, None)
    accepted = reader.accept_mimetypes
    best = accepted.best_match(_FORMS)
    return best if best in {value for value, quality in accepted if quality} else None


def _find_accept(environ: Mapping[str, Any] | None) -> str | None:
    return None if environ is None else environ.get("HTTP_ACCEPT")


def _write(
    error: HTTPException, accept: str | None, short: tuple[str, str] | None
) -> tuple[str, str]:
    """Return the Content-Type and the body of a refusal."""
    line, detail = f"{error.code} {error.name}", str(error.description)
    match _find_form(accept):
        case None:
            return short or ("text/plain; charset=utf-8", f"{line}: {detail}")
        case "text/html":
            return "text/html; charset=utf-8", str(_PAGE.format(title=line, detail=detail))
        case _:
            problem = {"title": error.name, "status": error.code, "detail": detail}
            return _PROBLEM, json.dumps(problem)


def refuse(
    error: HTTPException, request: Request, short: tuple[str, str] | None = None
) -> Response:
    """Return the response to a request that is refused.

    error: its status, name and description.
    short: the Content-Type and body for a client that asks for no form of its own; None for one
        line of plain text.
    Reads Accept: a browser gets a page, a client that accepts JSON a problem document. Sets Vary.
    Source: RFC 9457 section 3, RFC 9110 section 12.5.1.

    >>> request = Request({"headers": {"accept": "application/json"}})
    >>> refuse(ParamsTooLarge("expected at most 1000 fields"), request)["body"]
    '{"title": "Request Entity Too Large", "status": 413, "detail": "expected at most 1000 fields"}'
    """
    kind, body = _write(error, request.get_header("accept"), short)
    return {
        "status": error.code,
        "headers": {"Content-Type": kind, "Vary": "Accept"},
        "body": body,
    }


def answer_unreadable(handler: Handler, request: Request) -> Response:
    """Return the handler's response, or the refusal if the handler read an unreadable form."""
    try:
        return handler(request)
    except UNREADABLE as error:
        return refuse(error, request)
