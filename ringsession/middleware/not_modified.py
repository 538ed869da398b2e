"""Answers 304 where the client has the same response already.

Owns the comparison of If-None-Match and If-Modified-Since with the response's ETag and Last-Modified. Makes no ETag,
and knows no file.
"""

from __future__ import annotations

from typing import Any

from werkzeug.http import parse_date

from ..http.conditions import read_entity_tags
from ..wsgi.body import close_body
from ..wsgi.message import field_lines
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, get_header

_METHODS = (
    "get",
    "head",
)  # RFC 9110 section 13.1.2: of other methods it would be a 412, which needs their handler
_LONGEST = 8192  # characters of If-None-Match that are looked at
_LONGEST_DATE = 100  # of If-Modified-Since


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
    """Whether the client's conditions say that it has this response (RFC 9110 section 13.2.2).

    >>> request = Request({"headers": {"if-none-match": 'W/"a", "b"'}})
    >>> is_not_modified(request, {"headers": {"ETag": '"a"'}})
    True
    """
    wanted = request.get_header("if-none-match")
    if wanted is not None:
        # "*" is true of any response that there is; dates count only without this header.
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
    field_lines(headers)  # raises for what cannot be sent, before a part of it is dropped
    close_body(response.get("body"))
    kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    return {**response, "status": 304, "headers": kept, "body": None}


def wrap_not_modified(handler: Handler) -> Handler:
    """Answer 304 without a body where the client has the response already.

    Reads If-None-Match (a list, compared weakly, or "*"; past 8 kB it matches nothing), without it If-Modified-Since;
    ETag and Last-Modified of a 200 to GET or HEAD. The handler runs all the same; every header but Content-Length stays.
    Source: ring.middleware.not-modified/wrap-not-modified, RFC 9110 section 13.

    >>> handler = wrap_not_modified(lambda request: {"status": 200, "headers": {"ETag": '"a"'}, "body": "b"})
    >>> handler({"request_method": "get", "headers": {"if-none-match": '"a"'}})["status"]
    304
    """

    def not_modified(request: Request) -> Response:
        request = as_request(request)
        return not_modified_response(check_response(handler(request)), request)

    return not_modified
