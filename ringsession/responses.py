"""Make and change response dicts, as ring.util.response does: each function returns a new dict.

Looking up a header is in `http/headers.py`; its functions are offered here too, as in Ring.
`file_responses.py` makes responses of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .http.fields import write_field
from .http.headers import CHARSET, change_header as change_header, find_header as find_header
from .http.headers import get_charset as get_charset, get_header as get_header
from .http.grammar import TOKEN
from .request import Response
from .response_shape import check_response as check_response


def _written(name: str, value: Any) -> Any:
    """Return the value of a header as it is sent. Raises for one that cannot be sent.

    A value that is neither text nor a list of text is refused later, when it is sent.
    """
    if isinstance(value, (list, tuple)):
        return [_written(name, item) for item in value]
    return write_field(name, value) if isinstance(value, str) else value


def response(body: Any) -> Response:
    """Return a 200 response with this body and no headers.

    Source: ring.util.response/response.

    >>> response("hello")
    {'status': 200, 'headers': {}, 'body': 'hello'}
    """
    return {"status": 200, "headers": {}, "body": body}


def redirect(url: str, status: int = 302) -> Response:
    """Return a redirect to a URL. Use 303 to answer a form.

    What is not ASCII is percent-encoded. Raises ValueError for a control character in the URL.
    Source: ring.util.response/redirect.

    >>> redirect("/login")
    {'status': 302, 'headers': {'Location': '/login'}, 'body': ''}
    """
    return {"status": status, "headers": {"Location": _written("Location", url)}, "body": ""}


def created(url: str, body: Any = None) -> Response:
    """Return a 201 response for a new resource at a URL.

    What is not ASCII is percent-encoded. Raises ValueError for a control character in the URL.
    Source: ring.util.response/created.

    >>> created("/users/1")
    {'status': 201, 'headers': {'Location': '/users/1'}, 'body': None}
    """
    return {"status": 201, "headers": {"Location": _written("Location", url)}, "body": body}


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

    Raises ValueError for a name that is no token, and a control character in the value.
    Source: ring.util.response/header.

    >>> header({"headers": {"A": "1"}}, "Age", 5)
    {'headers': {'A': '1', 'Age': '5'}}
    """
    text = str(value)
    if type(name) is not str or not (TOKEN.match(name) and text.isascii() and text.isprintable()):
        text = write_field(name, text)
    return {**response, "headers": {**(response.get("headers") or {}), name: text}}


def update_header(
    response: Mapping[str, Any], name: str, change: Callable[..., Any], *arguments: Any
) -> Response:
    """Return the response with a header set to `change(old value or None, *arguments)`.

    Raises ValueError for a name that is no token, and a control character in any header.
    Source: ring.util.response/update-header.

    >>> update_header({"headers": {"vary": "Cookie"}}, "Vary", lambda old: f"{old}, Origin")
    {'headers': {'vary': 'Cookie, Origin'}}
    """
    headers = dict(response.get("headers") or {})
    change_header(headers, name, lambda old: change(old, *arguments))
    return {**response, "headers": {key: _written(key, headers[key]) for key in headers}}


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
        _written("Content-Type", old)  # the old charset could hide a line end
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
