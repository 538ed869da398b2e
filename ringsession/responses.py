"""Make and change response dicts, as ring.util.response does: each function returns a new dict.

Looking up a header is in `http/headers.py`; its functions are offered here too, as in Ring.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from time import time
from typing import Any

from werkzeug.http import http_date
from werkzeug.security import safe_join

from .http.fields import check_field
from .http.file_dates import is_likely_date
from .http.headers import CHARSET, change_header as change_header, find_header as find_header
from .http.headers import get_charset as get_charset, get_header as get_header
from .request import Response


def check_response(response: Any) -> Response:
    """Return a handler's response. A handler that forgot its `return` gives None.

    Raises TypeError for anything but a dict.

    >>> check_response(None)
    Traceback (most recent call last):
    ...
    TypeError: the handler's response: expected a dict, got None
    """
    if not isinstance(response, dict):
        raise TypeError(f"the handler's response: expected a dict, got {response!r:.60}")
    return response


def _check_text(name: str, value: object) -> None:
    """Raise ValueError for a header with a control character.

    A value that is neither text nor a list of text is refused later, when it is sent.
    """
    for text in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(text, str):
            check_field(name, text)


def response(body: Any) -> Response:
    """Return a 200 response with this body and no headers.

    Source: ring.util.response/response.

    >>> response("hello")
    {'status': 200, 'headers': {}, 'body': 'hello'}
    """
    return {"status": 200, "headers": {}, "body": body}


def redirect(url: str, status: int = 302) -> Response:
    """Return a redirect to a URL. Use 303 to answer a form.

    Raises ValueError for a control character in the URL.
    Source: ring.util.response/redirect.

    >>> redirect("/login")
    {'status': 302, 'headers': {'Location': '/login'}, 'body': ''}
    """
    _check_text("Location", url)
    return {"status": status, "headers": {"Location": url}, "body": ""}


def created(url: str, body: Any = None) -> Response:
    """Return a 201 response for a new resource at a URL.

    Raises ValueError for a control character in the URL.
    Source: ring.util.response/created.

    >>> created("/users/1")
    {'status': 201, 'headers': {'Location': '/users/1'}, 'body': None}
    """
    _check_text("Location", url)
    return {"status": 201, "headers": {"Location": url}, "body": body}


def bad_request(body: Any) -> Response:
    """Return a 400 response.

    Source: ring.util.response/bad-request.

    >>> bad_request("no name")["status"]
    400
    """
    return response(body) | {"status": 400}


def not_found(body: Any) -> Response:
    """Return a 404 response.

    Source: ring.util.response/not-found.

    >>> not_found("nothing here")["status"]
    404
    """
    return response(body) | {"status": 404}


def status(response: Mapping[str, Any], code: int) -> Response:
    """Return the response with another status.

    Source: ring.util.response/status.

    >>> status({"status": 200, "headers": {}, "body": ""}, 202)["status"]
    202
    """
    return {**response, "status": code}


def header(response: Mapping[str, Any], name: str, value: object) -> Response:
    """Return the response with one more header, whose value is converted to text.

    Raises ValueError for a control character in the name or the value.
    Source: ring.util.response/header.

    >>> header({"headers": {"A": "1"}}, "Age", 5)
    {'headers': {'A': '1', 'Age': '5'}}
    """
    text = str(value)
    if not (name + text).isprintable():
        check_field(name, text)
    return {**response, "headers": {**(response.get("headers") or {}), name: text}}


def update_header(
    response: Mapping[str, Any], name: str, change: Callable[..., Any], *arguments: Any
) -> Response:
    """Return the response with a header set to `change(old value or None, *arguments)`.

    Raises ValueError for a control character in any header.
    Source: ring.util.response/update-header.

    >>> update_header({"headers": {"vary": "Cookie"}}, "Vary", lambda old: f"{old}, Origin")
    {'headers': {'vary': 'Cookie, Origin'}}
    """
    headers = dict(response.get("headers") or {})
    change_header(headers, name, lambda old: change(old, *arguments))
    for spelled, value in headers.items():
        _check_text(spelled, value)
    return {**response, "headers": headers}


def content_type(response: Mapping[str, Any], value: str) -> Response:
    """Return the response with this Content-Type.

    Source: ring.util.response/content-type.

    >>> content_type({"headers": {}}, "text/html")
    {'headers': {'Content-Type': 'text/html'}}
    """
    return header(response, "Content-Type", value)


def charset(response: Mapping[str, Any], value: str) -> Response:
    """Return the response with this charset in its Content-Type. Without one, it is text/plain.

    Source: ring.util.response/charset.

    >>> charset({"headers": {"Content-Type": "text/html"}}, "utf-8")
    {'headers': {'Content-Type': 'text/html; charset=utf-8'}}
    """

    def replace(old: str | None) -> str:
        _check_text("Content-Type", old)  # the old charset could hide a line end
        return f"{CHARSET.sub('', old or 'text/plain')}; charset={value}"

    return update_header(response, "Content-Type", replace)


def set_cookie(response: Mapping[str, Any], name: str, value: object, **attrs: Any) -> Response:
    """Return the response with a cookie, which the cookies layer writes.

    attrs: domain, path, secure, http_only, max_age (s), expires, same_site, partitioned.
    Source: ring.util.response/set-cookie.

    >>> set_cookie({}, "theme", "dark", max_age=3600)
    {'cookies': {'theme': {'value': 'dark', 'max_age': 3600}}}
    """
    cookies = {**(response.get("cookies") or {}), name: {"value": value, **attrs}}
    return {**response, "cookies": cookies}


def file_response(path: str, *, root: str | os.PathLike[str] | None = None) -> Response | None:
    """Return a response with a file, its length and its date; None if it is not a regular file.

    root: None; a folder that `path` may not leave. Without it, `path` must be trusted.
    A time before 2001 or in the future, which build tools set, makes no Last-Modified.
    Source: ring.util.response/file-response.

    >>> file_response("no/such/file") is None
    True
    """
    found = path if root is None else safe_join(os.fspath(root), path)
    if found is None or not os.path.isfile(found):
        return None
    stat = os.stat(found)
    headers = {"Content-Length": str(stat.st_size)}
    if is_likely_date(stat.st_mtime, time()):
        headers["Last-Modified"] = http_date(stat.st_mtime)
    return response(Path(found)) | {"headers": headers}


def resource_response(path: str, *, package: str, root: str = "") -> Response | None:
    """Return a response with a file among a package's data; None if the package lacks the file.

    package: the package's name. root: ""; a folder of the package that `path` may not leave.
    Source: ring.util.response/resource-response.

    >>> resource_response("py.typed", package="ringsession")["status"]
    200
    >>> resource_response("../README.md", package="ringsession", root="stores") is None
    True
    """
    from importlib import resources  # as slow to import as ten modules of ringsession

    with resources.as_file(resources.files(package).joinpath(root)) as folder:
        found = file_response(path, root=folder)
        if found is not None:
            # The copy of a file from a zipped package is deleted after this block.
            found["body"] = found["body"].read_bytes()
    return found
