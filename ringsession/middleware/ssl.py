"""HTTPS for everybody: the redirect to it, and the header by which browsers remember it.

Owns the redirect's status and Location, and Strict-Transport-Security. Ends no TLS; believes the request's scheme, which
`proxy.py` may have corrected.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    """The host to go on with; None if the request names none, or none that is allowed."""
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
    # RFC 9110 section 15.4.9: after a 308 the method and the body stay, after a 301 a POST may become a GET.
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
    """Send requests over plain http to https.

    host: None, where the redirect goes to the request's own Host; a name, where it always goes; or a list of
    names, of which the request's must be one.
    ssl_port: None (443). refuse: False; True answers 403, for an API whose clients sent their key in the clear.

    Reads `scheme`, Host, `uri` and `query_string`. Answers 301 to GET and HEAD, 308 to other methods, 400 to a Host that
    is none or is not in the list. Raises OptionError for wrong options.
    Source: ring.middleware.ssl/wrap-ssl-redirect, RFC 9110 section 15.4.

    >>> handler = wrap_ssl_redirect(lambda request: {"status": 200})
    >>> handler({"request_method": "get", "scheme": "http", "uri": "/a", "headers": {"host": "example.org"}})["headers"]
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
    # RFC 6797 section 8.1.1: browsers note no host that is an address; that ends in a number if it is an IPv4 one.
    found = split_host(request.get_header("host") or request["server_name"])
    return found is not None and found[0][0] != "[" and not found[0].rpartition(".")[2].isdigit()


def wrap_hsts(
    handler: Handler,
    *,
    max_age: int = _YEAR,
    include_subdomains: bool = True,
    preload: bool = False,
) -> Handler:
    """Have browsers come back by https only.

    max_age: 31536000 s, a year. include_subdomains: True. preload: False; True asks for a place in the lists that
    browsers bring along, which takes a year and the subdomains.

    Reads `scheme` and Host; sets Strict-Transport-Security on what is sent over https from a host with a name.
    Raises OptionError for wrong options.
    Source: ring.middleware.ssl/wrap-hsts, RFC 6797 sections 6.1 and 7.2.

    >>> handler = wrap_hsts(lambda request: {"status": 200, "headers": {}}, max_age=60)
    >>> handler({"scheme": "https", "headers": {"host": "example.org"}})["headers"]
    {'Strict-Transport-Security': 'max-age=60; includeSubDomains'}
    """
    if type(max_age) is not int or max_age < 0:
        raise wrong_value("max_age", "seconds", max_age)
    check_switches(include_subdomains=include_subdomains, preload=preload)
    if preload and not (include_subdomains and max_age >= _YEAR):
        problem = "expected include_subdomains and a max_age of at least 31536000 beside it"
        raise OptionError("preload", problem)
    text = f"max-age={max_age}"
    text += "; includeSubDomains" if include_subdomains else ""
    text += "; preload" if preload else ""

    def hsts(request: Request) -> Response:
        request = as_request(request)
        response = check_response(handler(request))
        # RFC 6797 section 7.2: "MUST NOT include the STS header field in HTTP responses conveyed over non-secure transport".
        if request["scheme"] != "https" or not _has_name(request):
            return response
        return header(response, "Strict-Transport-Security", text)

    return hsts
