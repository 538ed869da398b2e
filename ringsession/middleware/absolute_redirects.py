"""Locations with their scheme and host.

Owns the value of Location. A Location that is relative is good by today's rules; this is for clients of old ones.
"""

from __future__ import annotations

from urllib.parse import urljoin

from ..http.fields import check_field
from ..http.origin import get_origin, get_path
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, find_header, header

_STATUSES = frozenset((201, 301, 302, 303, 307, 308))


def absolute_redirects_response(response: Response, request: Request) -> Response:
    """See wrap_absolute_redirects."""
    found = find_header(response, "Location") if response["status"] in _STATUSES else None
    if found is None or not isinstance(found[1], str):
        return response
    check_field(*found)  # urljoin drops tabs and line ends, so that "/\t/host" is another host
    origin = get_origin(request)
    if origin is None:
        return response
    try:
        location = urljoin(f"{origin}{get_path(request)}", found[1])
    except ValueError:  # "http://[": a handler may hand on what a client wrote; it stays as it is
        return response
    return header(response, found[0], location)


def wrap_absolute_redirects(handler: Handler) -> Handler:
    """Make the Location of a redirect absolute.

    Reads `scheme`, Host, `uri` and `query_string`; changes Location on 201, 301, 302, 303, 307 and 308. Where the client
    named no host, it stays as it is. Raises ValueError for a control character in Location.
    Source: ring.middleware.absolute-redirects/wrap-absolute-redirects, RFC 3986 section 5.

    >>> handler = wrap_absolute_redirects(lambda request: {"status": 302, "headers": {"Location": "b"}})
    >>> handler({"scheme": "http", "uri": "/x/a", "headers": {"host": "example.org"}})["headers"]
    {'Location': 'http://example.org/x/b'}
    """

    def absolute_redirects(request: Request) -> Response:
        request = as_request(request)
        return absolute_redirects_response(check_response(handler(request)), request)

    return absolute_redirects
