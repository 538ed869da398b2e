"""Answer 304 if the client has the same response already.

The layer compares If-None-Match and If-Modified-Since with the response's ETag and Last-Modified.
It does not make an ETag.
"""

from __future__ import annotations

from typing import Any

from werkzeug.http import parse_date

from ..http.conditions import read_entity_tags
from ..wsgi.body import close_body
from ..wsgi.message import field_lines
from ..request import Handler, Request, Response
from ..responses import get_header
from ._one_pass import join

# RFC 9110 section 13.1.2: for other methods the answer would be a 412, before their handler runs.
_METHODS = ("get", "head")
_LONGEST = 8192  # characters of If-None-Match that are read
_LONGEST_DATE = 100  # characters of If-Modified-Since that are read


def _has_etag(wanted: str, etag: Any) -> bool:
    if not isinstance(etag, str) or len(wanted) > _LONGEST:
        return False
    # Section 13.1.2: "A recipient MUST use the weak comparison function", which leaves "W/" out.
    return not set(read_entity_tags(wanted)).isdisjoint(read_entity_tags(etag))


def _is_as_old(since: str, last_modified: Any) -> bool:
    wanted = parse_date(since)
    found = parse_date(last_modified) if isinstance(last_modified, str) else None
    return wanted is not None and found is not None and found <= wanted


def is_not_modified(request: Request, response: Response) -> bool:
    """Return whether the request's conditions name this response (RFC 9110 section 13.2.2).

    >>> request = Request({"headers": {"if-none-match": 'W/"a", "b"'}})
    >>> is_not_modified(request, {"headers": {"ETag": '"a"'}})
    True
    """
    wanted = request.get_header("if-none-match")
    if wanted is not None:
        # "*" fits every response. If-Modified-Since counts only without this header.
        return wanted.strip() == "*" or _has_etag(wanted, get_header(response, "ETag"))
    since = request.get_header("if-modified-since")
    return (
        since is not None
        and len(since) <= _LONGEST_DATE
        and _is_as_old(since, get_header(response, "Last-Modified"))
    )


def not_modified_response(response: Response, request: Request) -> Response:
    """See wrap_not_modified."""
    if response["status"] != 200 or request["request_method"] not in _METHODS:
        return response
    if not is_not_modified(request, response):
        return response
    headers: dict[str, Any] = response.get("headers") or {}
    field_lines(headers)  # raises for a wrong header, also for one that is dropped here
    close_body(response.get("body"))
    kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    return {**response, "status": 304, "headers": kept, "body": None}


def wrap_not_modified(handler: Handler) -> Handler:
    """Answer 304 without a body if the client has the response already.

    Reads If-None-Match: "*", or a list of entity tags, which are compared weakly; over 8 kB it fits
    nothing. Without it, If-Modified-Since is read. They are compared with the ETag and the
    Last-Modified of a 200 to GET or HEAD. The handler runs in any case, and all headers but
    Content-Length stay.
    Source: ring.middleware.not-modified/wrap-not-modified, RFC 9110 section 13.

    >>> def handler(request):
    ...     return {"status": 200, "headers": {"ETag": '"a"'}, "body": "b"}
    >>> request = {"request_method": "get", "headers": {"if-none-match": '"a"'}}
    >>> wrap_not_modified(handler)(request)["status"]
    304
    """
    return join(handler, not_modified_response)
