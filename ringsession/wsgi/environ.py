"""Convert a WSGI environ to a request, and a request to a WSGI environ.

Only the keys of SPEC that come from the server are handled here. The layers provide the others.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from werkzeug.wsgi import get_input_stream

from .form_input import FormInput
from ..request import AppRequest, Provider, Request

Environ = dict[str, Any]

# RFC 3986 section 3.3: a path holds pchar and "/" as they are. All else is percent-encoded.
_PATH_SAFE = "/!$&'()*+,;=:@~"


def _path(*names: str) -> Callable[[Environ], str]:
    def path(environ: Environ) -> str:
        text = "".join(environ.get(name, "") for name in names)
        return quote(text.encode("latin-1", "replace"), safe=_PATH_SAFE)

    return path


def _server_port(environ: Environ) -> int:
    # Some servers copy SERVER_PORT from the client's Host header, so it may not be a number.
    port = environ["SERVER_PORT"]
    return int(port) if port.isascii() and port.isdecimal() else 80


def _variable(name: str) -> str:
    """Return a header's name in CGI's form (RFC 3875 section 4.1.18)."""
    variable = name.upper().replace("-", "_")
    return variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"


# The headers that layers and most handlers read.
_VARIABLES = {name: _variable(name) for name in """
    accept accept-encoding accept-language authorization content-length content-type cookie host
    if-match if-modified-since if-none-match if-range if-unmodified-since origin range referer
    sec-fetch-dest sec-fetch-mode sec-fetch-site upgrade user-agent x-csrf-token x-csrftoken
    x-forwarded-for x-forwarded-proto x-requested-with x-xsrf-token
    """.split()}


def _find_header(request: Request, name: str) -> str | None:
    value: str | None = request["environ"].get(_VARIABLES.get(name) or _variable(name))
    if value == "" and name in ("content-type", "content-length"):
        return None
    return value


def _headers(environ: Environ) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("content-type", "content-length"):
        if value := environ.get(name.upper().replace("-", "_")):
            headers[name] = value
    return headers


def _body(environ: Environ) -> Any:
    form: FormInput | None = environ.get("ringsession.form")
    body: Any = form.open() if form else get_input_stream(environ)
    if isinstance(body, io.RawIOBase):  # read(n) may return fewer than n bytes before the end
        body = io.BufferedReader(body)
    environ["ringsession.body"] = body  # request_environ compares the request's body with it
    return body


_READ: dict[str, Callable[[Environ], Any]] = {
    "request_method": lambda environ: environ["REQUEST_METHOD"].lower(),
    "uri": _path("SCRIPT_NAME", "PATH_INFO"),
    "path_info": _path("PATH_INFO"),
    "query_string": lambda environ: environ.get("QUERY_STRING") or None,
    "scheme": lambda environ: environ["wsgi.url_scheme"],
    "server_name": lambda environ: environ["SERVER_NAME"],
    "server_port": _server_port,
    "remote_addr": lambda environ: environ.get("REMOTE_ADDR", ""),
    "protocol": lambda environ: environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
    "headers": _headers,
    "body": _body,
}


def _provider(read: Callable[[Environ], Any]) -> Provider:
    return lambda request: read(request["environ"])


_MOUNTED = {key: _provider(read) for key, read in _READ.items()}
# SPEC: a request has path_info only if SCRIPT_NAME is not empty.
_PROVIDERS = {key: provider for key, provider in _MOUNTED.items() if key != "path_info"}


def environ_request(environ: Environ) -> Request:
    """Return the request that an environ describes. Each key is computed when it is first read.

    >>> environ_request({"REQUEST_METHOD": "GET"})["request_method"]
    'get'
    """
    providers = _MOUNTED if environ.get("SCRIPT_NAME") else _PROVIDERS
    request = Request({}, providers, _find_header)
    request["environ"] = environ
    return request


def _write_headers(environ: Environ, headers: Mapping[str, str]) -> None:
    for name in [name for name in environ if name.startswith("HTTP_")]:
        del environ[name]
    environ.pop("CONTENT_TYPE", None)
    environ.pop("CONTENT_LENGTH", None)
    for name, value in headers.items():
        environ[_variable(name)] = value


def _write_path(environ: Environ, request: Mapping[str, Any]) -> None:
    uri, path_info = request["uri"], request.get("path_info")
    script_name = uri.removesuffix(path_info) if path_info is not None else ""
    decode = partial(str, encoding="latin-1")
    environ["SCRIPT_NAME"] = decode(unquote_to_bytes(script_name))
    environ["PATH_INFO"] = decode(unquote_to_bytes(uri[len(script_name) :]))


_WRITE: dict[str, Callable[[Environ, Mapping[str, Any]], None]] = {
    "request_method": lambda e, request: e.update(REQUEST_METHOD=request["request_method"].upper()),
    "uri": _write_path,
    "path_info": _write_path,
    "query_string": lambda e, request: e.update(QUERY_STRING=request["query_string"] or ""),
    "scheme": lambda e, request: e.update({"wsgi.url_scheme": request["scheme"]}),
    "server_name": lambda e, request: e.update(SERVER_NAME=request["server_name"]),
    "server_port": lambda e, request: e.update(SERVER_PORT=str(request["server_port"])),
    "remote_addr": lambda e, request: e.update(REMOTE_ADDR=request["remote_addr"]),
    "protocol": lambda e, request: e.update(SERVER_PROTOCOL=request["protocol"]),
    "headers": lambda e, request: _write_headers(e, request["headers"]),
    "body": lambda e, request: e.update({"wsgi.input": request["body"] or io.BytesIO()}),
}


def app_environ(request: Request) -> Environ:
    """Return another environ for an app that `from_wsgi` has called, with the layers' request."""
    return {**request["environ"], "ringsession.request": AppRequest(request)}


def _bare_environ() -> Environ:
    """Return an environ with the keys that PEP 3333 requires, for a request without a server."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _is_changed(request: Request, environ: Environ, key: str) -> bool:
    if key == "body":
        return request["body"] is not environ.get("ringsession.body")
    return bool(request[key] != _READ[key](environ))


def request_environ(request: Request) -> Environ:
    """Return the environ for the wrapped app: the server's own, with the layers' changes.

    >>> request_environ(Request({"request_method": "post", "uri": "/a%20b"}))["PATH_INFO"]
    '/a b'
    """
    environ: Environ | None = dict.get(request, "environ")
    if environ is None:
        environ = _bare_environ()
        changed = [key for key in _WRITE if key in request]
    else:
        changed = []
        for key in dict.keys(request):
            if key in _WRITE and _is_changed(request, environ, key):
                changed.append(key)
    if changed:
        environ = dict(environ)
        for key in changed:
            _WRITE[key](environ, request)
    form = environ.get("ringsession.form")
    if form and "body" not in changed:
        environ["wsgi.input"] = form.open()
    return environ
