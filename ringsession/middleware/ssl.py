"""Redirect plain http to https, and send Strict-Transport-Security.

The server or a proxy does TLS. These layers trust `request["scheme"]`, which `proxy.py` sets from
the proxies' headers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from werkzeug.exceptions import BadRequest, Forbidden

from ..http.origin import get_path
from ..http.refusals import refuse as refuse_request
from ..option_error import OptionError, check_switches, wrong_value
from ..request import Handler, Request, Response, as_request
from ..responses import header
from ._except_paths import is_excepted, read_paths, replace_host
from ._host_names import check_name, check_names, find_host
from ._one_pass import join

_YEAR = 31_536_000
_WRONG_HOST = BadRequest("expected a Host header with a name that is served here")
_NO_TLS = Forbidden("expected https")


def ssl_redirect_response(
    request: Request, host: str | None, allowed: Collection[str], ssl_port: int | None
) -> Response:
    """See wrap_ssl_redirect."""
    host = host or find_host(request)
    if host is None or allowed and host not in allowed:
        return refuse_request(_WRONG_HOST, request)
    # RFC 9110 section 15.4.9: after a 308 the client sends the same method and body again. After a
    # 301 a POST may become a GET.
    status = 301 if request["request_method"] in ("get", "head") else 308
    port = "" if ssl_port in (None, 443) else f":{ssl_port}"
    location = f"https://{host}{port}{get_path(request)}"
    return {"status": status, "headers": {"Location": location}, "body": ""}


def _probe_request(request: Request, names: Sequence[str]) -> Request:
    if find_host(request) in names:
        return request
    return replace_host(request, names[0] if names else "localhost")


def _read_names(host: Any) -> tuple[str, ...]:
    if host is None:
        return ()
    if isinstance(host, str):
        check_name(("host",), host)
        return (host,)
    check_names("host", host)
    return tuple(host)


def wrap_ssl_redirect(
    handler: Handler,
    *,
    host: str | Collection[str] | None = None,
    ssl_port: int | None = None,
    refuse: bool = False,
    except_paths: Collection[str] = (),
) -> Handler:
    """Redirect requests over plain http to https.

    host: None redirects to the request's own Host. A name redirects to that name always; a list of
        names redirects to the request's Host if it is one of them and refuses any other.
    ssl_port: None for 443, or another port.
    refuse: False; True answers 403 instead, for an API whose clients would send their key in clear.
    except_paths: (); decoded paths, such as "/healthz", that a load balancer may ask for over plain
        http. Only a GET or HEAD for exactly such a path passes. The handler then sees the Host only
        if `host` lists it; any other becomes the first name of `host`, or else "localhost", so that
        no URL in the response is built from what the client wrote.

    Reads `scheme`, Host, `uri` and `query_string`. Answers 301 to GET and HEAD, 308 to other
    methods, and 400 to a Host that is wrong or not in the list. Raises OptionError for wrong
    options.
    Source: ring.middleware.ssl/wrap-ssl-redirect, RFC 9110 section 15.4.

    >>> handler = wrap_ssl_redirect(lambda request: {"status": 200})
    >>> request = {"request_method": "get", "scheme": "http", "uri": "/a"}
    >>> handler({**request, "headers": {"host": "example.org"}})["headers"]
    {'Location': 'https://example.org/a'}
    """
    names = _read_names(host)
    only = host if isinstance(host, str) else None
    paths = read_paths("except_paths", except_paths)
    if ssl_port is not None and (type(ssl_port) is not int or not 0 < ssl_port < 65_536):
        raise wrong_value("ssl_port", "None or a port", ssl_port)
    check_switches(refuse=refuse)

    def ssl_redirect(request: Request) -> Response:
        request = as_request(request)
        if request["scheme"] in ("https", "wss"):
            return handler(request)
        if is_excepted(request, paths):
            return handler(_probe_request(request, names))
        if refuse:
            return refuse_request(_NO_TLS, request)
        return ssl_redirect_response(request, only, names, ssl_port)

    return ssl_redirect


def _has_name(request: Request) -> bool:
    # RFC 6797 section 8.1.1: browsers ignore the header from a host that is an IP address. An IPv4
    # address is the only kind of host that ends in a number.
    host = find_host(request)
    return host is not None and host[0] != "[" and not host.rpartition(".")[2].isdigit()


def wrap_hsts(
    handler: Handler,
    *,
    max_age: int | timedelta = _YEAR,
    include_subdomains: bool = True,
    preload: bool = False,
) -> Handler:
    """Tell browsers to use https only, from now on.

    max_age: 31536000; seconds (a year), or a timedelta.
    include_subdomains: True; the rule is for the subdomains too.
    preload: False; True asks for a place in the lists that browsers ship with, which needs a
        max_age of at least a year and the subdomains.

    Reads `scheme` and Host. Sets Strict-Transport-Security on responses over https from a host with
    a name. Raises OptionError for wrong options.
    Source: ring.middleware.ssl/wrap-hsts, RFC 6797 sections 6.1 and 7.2.

    >>> handler = wrap_hsts(lambda request: {"status": 200, "headers": {}}, max_age=60)
    >>> handler({"scheme": "https", "headers": {"host": "example.org"}})["headers"]
    {'Strict-Transport-Security': 'max-age=60; includeSubDomains'}
    """
    seconds = max_age // timedelta(seconds=1) if isinstance(max_age, timedelta) else max_age
    if type(seconds) is not int or seconds < 0:
        raise wrong_value("max_age", "seconds", max_age)
    check_switches(include_subdomains=include_subdomains, preload=preload)
    if preload and not (include_subdomains and seconds >= _YEAR):
        problem = "expected include_subdomains and a max_age of at least 31536000 beside it"
        raise OptionError("preload", problem)
    text = f"max-age={seconds}"
    text += "; includeSubDomains" if include_subdomains else ""
    text += "; preload" if preload else ""

    def hsts(response: Response, request: Request) -> Response:
        # RFC 6797 section 7.2: "MUST NOT include the STS header field in HTTP responses conveyed
        # over non-secure transport".
        if request["scheme"] != "https" or not _has_name(request):
            return response
        return header(response, "Strict-Transport-Security", text)

    return join(handler, hsts)
