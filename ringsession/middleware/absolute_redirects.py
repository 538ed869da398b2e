"""Make the Location of a redirect absolute, for clients that do not follow a relative one.

RFC 9110 allows a relative Location; RFC 2616, the older rule, did not.
"""

from __future__ import annotations

from urllib.parse import urljoin

from ..http.fields import write_field
from ..http.origin import get_origin, get_path
from ..request import Handler, Request, Response
from ..responses import find_header, header
from ._one_pass import join

_STATUSES = frozenset((201, 301, 302, 303, 307, 308))


def absolute_redirects_response(response: Response, request: Request) -> Response:
    """See wrap_absolute_redirects."""
    found = find_header(response, "Location") if response["status"] in _STATUSES else None
    if found is None or not isinstance(found[1], str):
        return response
    # urljoin drops tabs and line ends, so "/\t/host" would become another host.
    location = write_field(*found)
    origin = get_origin(request)
    if origin is None:
        return response
    try:
        location = urljoin(f"{origin}{get_path(request)}", location)
    except ValueError:  # "http://[": a handler may repeat what a client wrote
        return response
    return header(response, found[0], location)


def wrap_absolute_redirects(handler: Handler) -> Handler:
    """Make the Location of a redirect absolute.

    Reads `scheme`, Host, `uri` and `query_string`. Changes Location if the status is 201, 301, 302,
    303, 307 or 308, and if the client named a host. Raises ValueError for a control character in
    Location.
    Source: ring.middleware.absolute-redirects/wrap-absolute-redirects, RFC 3986 section 5.

    >>> handler = lambda request: {"status": 302, "headers": {"Location": "b"}}
    >>> request = {"scheme": "http", "uri": "/x/a", "headers": {"host": "example.org"}}
    >>> wrap_absolute_redirects(handler)(request)["headers"]
    {'Location': 'http://example.org/x/b'}
    """
    return join(handler, absolute_redirects_response)
