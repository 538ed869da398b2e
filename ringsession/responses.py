"""Making and changing response dicts, as ring.util.response: each function gives a new dict.

Owns no header of its own. Knows nothing of WSGI and of the layers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from werkzeug.http import http_date
from werkzeug.security import safe_join

from .wsgi.message import check_field
from .request import Response

# RFC 9110 section 5.6.6: parameters = *( OWS ";" OWS [ parameter ] ), the value a token or a quoted-string.
_CHARSET = re.compile(r';[ \t]*charset=("[^"]*"|[^ \t;"]+)', re.ASCII | re.IGNORECASE)


def check_response(response: Any) -> Response:
    """The response, if it is one; a handler that forgot its `return` gives None.

    >>> check_response(None)
    Traceback (most recent call last):
    ...
    TypeError: the handler's response: expected a dict, got None
    """
    if not isinstance(response, dict):
        raise TypeError(f"the handler's response: expected a dict, got {response!r:.60}")
    return response


def _check_text(name: str, value: object) -> None:
    """Refuse a header with a control character; a value that is no text is named when it is sent."""
    for text in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(text, str):
            check_field(name, text)


def response(body: Any) -> Response:
    """A 200 response with this body and no headers (ring.util.response/response).

    >>> response("hello")
    {'status': 200, 'headers': {}, 'body': 'hello'}
    """
    return {"status": 200, "headers": {}, "body": body}


def redirect(url: str, status: int = 302) -> Response:
    """A redirect; 303 is for the answer to a form (ring.util.response/redirect).

    Raises ValueError for a control character in the URL.

    >>> redirect("/login")
    {'status': 302, 'headers': {'Location': '/login'}, 'body': ''}
    """
    _check_text("Location", url)
    return {"status": status, "headers": {"Location": url}, "body": ""}


def created(url: str, body: Any = None) -> Response:
    """A 201 response for a new resource (ring.util.response/created).

    Raises ValueError for a control character in the URL.

    >>> created("/users/1")
    {'status': 201, 'headers': {'Location': '/users/1'}, 'body': None}
    """
    _check_text("Location", url)
    return {"status": 201, "headers": {"Location": url}, "body": body}


def bad_request(body: Any) -> Response:
    """A 400 response (ring.util.response/bad-request).

    >>> bad_request("no name")["status"]
    400
    """
    return response(body) | {"status": 400}


def not_found(body: Any) -> Response:
    """A 404 response (ring.util.response/not-found).

    >>> not_found("nothing here")["status"]
    404
    """
    return response(body) | {"status": 404}


def status(response: Mapping[str, Any], code: int) -> Response:
    """The response with another status (ring.util.response/status).

    >>> status({"status": 200, "headers": {}, "body": ""}, 202)["status"]
    202
    """
    return {**response, "status": code}


def header(response: Mapping[str, Any], name: str, value: object) -> Response:
    """The response with one more header, its value as text (ring.util.response/header).

    Raises ValueError for a control character in the name or the value.

    >>> header({"headers": {"A": "1"}}, "Age", 5)
    {'headers': {'A': '1', 'Age': '5'}}
    """
    text = str(value)
    if not (name + text).isprintable():
        check_field(name, text)
    return {**response, "headers": {**(response.get("headers") or {}), name: text}}


def find_header(response: Mapping[str, Any], name: str) -> tuple[str, Any] | None:
    """The name as it is spelt and the value of a header, whatever its case (ring.util.response/find-header).

    >>> find_header({"headers": {"content-TYPE": "text/css"}}, "Content-Type")
    ('content-TYPE', 'text/css')
    """
    headers: Mapping[str, Any] = response.get("headers") or {}
    if name in headers:
        return name, headers[name]
    lower, length = name.lower(), len(name)
    for spelled in headers:
        if len(spelled) == length and spelled.lower() == lower:
            return spelled, headers[spelled]
    return None


def get_header(response: Mapping[str, Any], name: str) -> Any:
    """The value of a header, whatever its case, or None (ring.util.response/get-header).

    >>> get_header({"headers": {"ETag": "x"}}, "etag")
    'x'
    """
    found = find_header(response, name)
    return found[1] if found else None


def update_header(
    response: Mapping[str, Any], name: str, change: Callable[..., Any], *arguments: Any
) -> Response:
    """The response with a header that `change(old value or None, *arguments)` made (ring.util.response/update-header).

    Raises ValueError for a control character in a header.

    >>> update_header({"headers": {"vary": "Cookie"}}, "Vary", lambda old: f"{old}, Origin")
    {'headers': {'vary': 'Cookie, Origin'}}
    """
    headers = dict(response.get("headers") or {})
    change_header(headers, name, lambda old: change(old, *arguments))
    for spelled, value in headers.items():
        _check_text(spelled, value)
    return {**response, "headers": headers}


def change_header(headers: dict[str, Any], name: str, change: Callable[[Any], Any]) -> None:
    """Set a header, whatever its case, to `change(old value or None)`, in place.

    >>> headers = {"vary": "Cookie"}
    >>> change_header(headers, "Vary", lambda old: f"{old}, Origin")
    >>> headers
    {'vary': 'Cookie, Origin'}
    """
    if name not in headers:
        lower, length = name.lower(), len(name)
        for spelled in headers:
            if len(spelled) == length and spelled.lower() == lower:
                name = spelled
    headers[name] = change(headers.get(name))


def content_type(response: Mapping[str, Any], value: str) -> Response:
    """The response with this Content-Type (ring.util.response/content-type).

    >>> content_type({"headers": {}}, "text/html")
    {'headers': {'Content-Type': 'text/html'}}
    """
    return header(response, "Content-Type", value)


def get_charset(response: Mapping[str, Any]) -> str | None:
    """The charset in the Content-Type, or None (ring.util.response/get-charset).

    >>> get_charset({"headers": {"Content-Type": "text/html; charset=latin-1"}})
    'latin-1'
    """
    found = _CHARSET.findall(str(get_header(response, "Content-Type") or ""))
    return found[-1].strip('"') or None if found else None


def charset(response: Mapping[str, Any], value: str) -> Response:
    """The response with this charset in its Content-Type, text/plain where it has none (ring.util.response/charset).

    >>> charset({"headers": {"Content-Type": "text/html"}}, "utf-8")
    {'headers': {'Content-Type': 'text/html; charset=utf-8'}}
    """

    def replace(old: str | None) -> str:
        _check_text("Content-Type", old)  # what is replaced could hide a line end
        return f"{_CHARSET.sub('', old or 'text/plain')}; charset={value}"

    return update_header(response, "Content-Type", replace)


def set_cookie(response: Mapping[str, Any], name: str, value: object, **attrs: Any) -> Response:
    """The response with a cookie that the cookies layer writes (ring.util.response/set-cookie).

    attrs: domain, path, secure, http_only, max_age (s), expires, same_site, partitioned.

    >>> set_cookie({}, "theme", "dark", max_age=3600)
    {'cookies': {'theme': {'value': 'dark', 'max_age': 3600}}}
    """
    cookies = {**(response.get("cookies") or {}), name: {"value": value, **attrs}}
    return {**response, "cookies": cookies}


def file_response(path: str, *, root: str | os.PathLike[str] | None = None) -> Response | None:
    """A file with its length and date, or None if there is no such regular file (ring.util.response/file-response).

    root: a folder that `path` may not leave; without it, `path` must be trusted.

    >>> file_response("no/such/file") is None
    True
    """
    found = path if root is None else safe_join(os.fspath(root), path)
    if found is None or not os.path.isfile(found):
        return None
    stat = os.stat(found)
    headers = {"Content-Length": str(stat.st_size), "Last-Modified": http_date(stat.st_mtime)}
    return response(Path(found)) | {"headers": headers}


def resource_response(path: str, *, package: str, root: str = "") -> Response | None:
    """A file among a package's data, or None (ring.util.response/resource-response).

    package: where the data is; root: the folder inside it that `path` may not leave.

    >>> resource_response("py.typed", package="ringsession")["status"]
    200
    >>> resource_response("../README.md", package="ringsession", root="stores") is None
    True
    """
    from importlib import resources  # takes as long to import as ten of our modules

    with resources.as_file(resources.files(package).joinpath(root)) as folder:
        found = file_response(path, root=folder)
        if (
            found is not None
        ):  # a package in a zip file: its copy on the disk is gone after this block
            found["body"] = found["body"].read_bytes()
    return found
