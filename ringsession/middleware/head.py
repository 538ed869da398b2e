"""Answer HEAD requests with a handler that only knows GET.

As in Ring, this layer is not in the defaults.
"""

from __future__ import annotations

from ..wsgi.body import close_body
from ..request import Handler, Request, Response, as_request


def head_request(request: Request) -> Request:
    """See wrap_head."""
    request = as_request(request)
    if request["request_method"] != "head":
        return request
    return as_request(request | {"request_method": "get"})


def head_response(response: Response, request: Request) -> Response:
    """See wrap_head."""
    if request["request_method"] != "head":
        return response
    close_body(response.get("body"))
    return {**response, "body": None}


def wrap_head(handler: Handler) -> Handler:
    """Let a handler answer HEAD as it answers GET. The body is closed and not sent.

    Reads and changes `request["request_method"]`, changes `response["body"]`.
    Source: ring.middleware.head/wrap-head, RFC 9110 section 9.3.2.

    >>> handler = wrap_head(lambda request: {"status": 200, "body": request["request_method"]})
    >>> handler({"request_method": "get"})["body"], handler({"request_method": "head"})["body"]
    ('get', None)
    """

    def head(request: Request) -> Response:
        request = as_request(request)
        return head_response(handler(head_request(request)), request)

    return head
