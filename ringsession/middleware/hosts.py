"""Refuse a request whose Host header does not name one of the app's hosts.

A client may write any name into Host. An app that builds a link with it, such as the link in a mail
to reset a password, would send its users to that name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from werkzeug.exceptions import BadRequest

from ..http.log_text import show_sender
from ..http.refusal_log import RefusalLog
from ..http.refusals import refuse
from ..request import Handler, Request, Response, as_request
from ._except_paths import is_excepted, read_paths, replace_host
from ._host_names import check_names, find_host, is_listed

_WRONG_HOST = BadRequest("expected a Host header with a name that is served here")
_refusals = RefusalLog("host_refused")
_ADVICE = (
    'List the hosts of your app in ["security"]["hosts"]. Behind a proxy, let it pass on the Host'
    " header (nginx: proxy_set_header Host $http_host)."
)


def hosts_request(
    request: Request, names: Sequence[str], except_paths: Collection[bytes] = ()
) -> Request | None:
    """See wrap_hosts. Return None for a request that is refused."""
    host = find_host(request)
    if host is not None and is_listed(host, names):
        return request
    if not is_excepted(request, except_paths):
        return None
    return replace_host(request, names[0].removeprefix("."))


def wrap_hosts(
    handler: Handler, *, names: Sequence[str], except_paths: Collection[str] = ()
) -> Handler:
    """Answer 400 to a request for a host that is not listed.

    names: the hosts of the app, in lower case and without a port. "example.org" is that name only;
        ".example.org" is the domain and all its subdomains. The port of a request does not matter.
    except_paths: (); decoded paths, such as "/healthz", that a load balancer may ask for by any
        Host. Only a GET or HEAD for exactly such a path passes, and its Host becomes the first of
        the names, so that no URL in the response is built from what the client wrote.

    Reads Host (the server's name in a request without it), `request_method` and `uri`. Logs
    refusals at WARNING, at most 10 in a second. Raises OptionError for a name or path that no
    request can have.
    Source: RFC 9112 section 3.2.

    >>> handler = wrap_hosts(lambda request: {"status": 200}, names=["example.org"])
    >>> handler({"headers": {"host": "example.org:8000"}})["status"]
    200
    """
    check_names("names", names, domains=True)
    paths = read_paths("except_paths", except_paths)
    known = tuple(names)

    def hosts(request: Request) -> Response:
        request = as_request(request)
        allowed = hosts_request(request, known, paths)
        if allowed is None:
            reason = "the host is not listed"
            sender = partial(show_sender, request)
            _refusals.warn(sender, _ADVICE, request=request, reason=reason)
            return refuse(_WRONG_HOST, request)
        return handler(allowed)

    return hosts
