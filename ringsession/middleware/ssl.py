"""Redirect plain http to https, and send Strict-Transport-Security.

The server or a proxy does TLS. These layers trust `request["scheme"]`, which `proxy.py` sets from
the proxies' headers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from ..http.origin import get_path, split_host
from ..option_error import OptionError, Path, check_switches, list_items, wrong_value
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, header

_YEAR = 31_536_000


def _plain(status: int, text: str) -> Response:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return {"status": status, "headers": headers, "body": text}


def _host(request: Request, allowed: Collection[str]) -> str | None:
    """Return the request's host, or None if it has none or if it is not allowed."""
    found = split_host(request.get_header("host") or request["server_name"])
    host = found and found[0]
    return host if not allowed or host in allowed else None


def ssl_redirect_response(
    request: Request, host: str | None, allowed: Collection[str], ssl_port: int | None
) -> Response:
    """See wrap_ssl_redirect."""
    host = host or _host(request, allowed)
    if host is None:
        return _plain(
            400, "400 Bad Request: expected a Host header with a name that is served here"
        )
    # RFC 9110 section 15.4.9: after a 308 the client sends the same method and body again. After a
    # 301 a POST may become a GET.
    status = 301 if request["request_method"] in ("get", "head") else 308
    port = "" if ssl_port in (None, 443) else f":{ssl_port}"
    location = f"https://{host}{port}{get_path(request)}"
    return {"status": status, "headers": {"Location": location}, "body": ""}


def _check_host(option: Path, name: Any) -> None:
    found = split_host(name) if isinstance(name, str) else None
    if found is None or found != (name, None):
        raise wrong_value(option, "a name in lower case, without a port", name)


def _check_hosts(host: Any) -> list[str]:
    if host is None:
        return []
    if isinstance(host, str):
        _check_host(("host",), host)
        return [host]
    if not isinstance(host, Collection) or isinstance(host, (bytes, Mapping)) or not host:
        raise wrong_value("host", "None, a name or a list of names", host)
    for option, name in list_items("host", host):
        _check_host(option, name)
    return list(host)


def wrap_ssl_redirect(
    handler: Handler,
    *,
    host: str | Collection[str] | None = None,
    ssl_port: int | None = None,
    refuse: bool = False,
) -> Handler:
    """Redirect requests over plain http to https.

    host: None redirects to the request's own Host. A name redirects to that name always; a list of
        names redirects to the request's Host if it is one of them.
    ssl_port: None for 443, or another port.
    refuse: False; True answers 403 instead, for an API whose clients would send their key in clear.

    Reads `scheme`, Host, `uri` and `query_string`. Answers 301 to GET and HEAD, 308 to other
    methods, and 400 to a Host that is wrong or not in the list. Raises OptionError for wrong
    options.
    Source: ring.middleware.ssl/wrap-ssl-redirect, RFC 9110 section 15.4.

    >>> handler = wrap_ssl_redirect(lambda request: {"status": 200})
    >>> request = {"request_method": "get", "scheme": "http", "uri": "/a"}
    >>> handler({**request, "headers": {"host": "example.org"}})["headers"]
    {'Location': 'https://example.org/a'}
    """
    hosts = _check_hosts(host)
    only = host if isinstance(host, str) else None
    if ssl_port is not None and (type(ssl_port) is not int or not 0 < ssl_port < 65_536):
        raise wrong_value("ssl_port", "None or a port", ssl_port)
    check_switches(refuse=refuse)

    def ssl_redirect(request: Request) -> Response:
        request = as_request(request)
        if request["scheme"] in ("https", "wss"):
            return handler(request)
        if refuse:
            return _plain(403, "403 Forbidden: expected https")
        return ssl_redirect_response(request, only, hosts, ssl_port)

    return ssl_redirect


def _has_name(request: Request) -> bool:
    # RFC 6797 section 8.1.1: browsers ignore the header from a host that is an IP address. An IPv4
    # address is the only kind of host that ends in a number.
    found = split_host(request.get_header("host") or request["server_name"])
    return found is not None and found[0][0] != "[" and not found[0].rpartition(".")[2].isdigit()


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

    def hsts(request: Request) -> Response:
        request = as_request(request)
        response = check_response(handler(request))
        # RFC 6797 section 7.2: "MUST NOT include the STS header field in HTTP responses conveyed
        # over non-secure transport".
        if request["scheme"] != "https" or not _has_name(request):
            return response
        return header(response, "Strict-Transport-Security", text)

    return hsts
