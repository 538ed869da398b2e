"""Check requests and responses against SPEC, for development and tests.

SPEC's rules are tables here. The dicts are only checked, never changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .wsgi.body import AppIter, close_body, is_empty
from .http.fields import is_safe_field
from .expanded_requests import INSTEAD, is_expanded
from .request import AppRequest, Handler, Request, Response
from .response_shape import unknown_key
from .session.recreated import Recreated


class LintError(AssertionError):
    """A request or response breaks SPEC. The message names the key, the rule and the value."""


Check = tuple[str, Callable[[Any], bool]]


def _is_headers(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and name == name.lower() and isinstance(item, str)
        for name, item in value.items()
    )


def _is_response_headers(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str)
        and is_safe_field(name, "")
        and (isinstance(item, str) or _is_list_of_str(item))
        and all(is_safe_field(name, text) for text in ([item] if isinstance(item, str) else item))
        for name, item in value.items()
    )


def _is_list_of_str(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_body(value: Any) -> bool:
    if isinstance(value, Mapping):
        return False
    return value is None or isinstance(value, (str, bytes, os.PathLike, Iterable))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and value.isascii()


REQUEST: dict[str, Check] = {
    "request_method": ("a lower-case str", lambda v: _is_text(v) and v == v.lower() != ""),
    "uri": ('an ASCII str that starts with "/"', _is_path),
    "scheme": ('"http" or "https"', lambda v: v in ("http", "https")),
    "server_name": ("a str", _is_text),
    "server_port": ("an int", lambda v: type(v) is int),
    "remote_addr": ("a str", _is_text),
    "protocol": ("a str", _is_text),
    "headers": ("a dict of lower-case names to str", _is_headers),
}
OPTIONAL: dict[str, Check] = {
    "query_string": ("a str or None", lambda v: v is None or _is_text(v)),
    "path_info": ("a str", _is_text),
    "body": ("a binary file or None", lambda v: v is None or hasattr(v, "read")),
}
RESPONSE: dict[str, Check] = {
    "status": ("an int from 100 to 599", lambda v: isinstance(v, int) and 100 <= v <= 599),
    "headers": (
        "a dict of names to str or a list of str, without control characters",
        _is_response_headers,
    ),
}
RESPONSE_OPTIONAL: dict[str, Check] = {
    "body": ("None, str, bytes, an iterable of either, a file or a path", _is_body),
    "session": ("a mapping or None", lambda v: v is None or isinstance(v, Mapping)),
    "cookies": ("a mapping or None", lambda v: v is None or isinstance(v, Mapping)),
    "session_cookie_attrs": ("a mapping or None", lambda v: v is None or isinstance(v, Mapping)),
    "session_cookie_when": (
        '"always", "moved" or "changed"',
        lambda v: v in ("always", "moved", "changed"),
    ),
}


def _check(name: str, value: Any, required: dict[str, Check], optional: dict[str, Check]) -> None:
    if not isinstance(value, Mapping):
        raise LintError(f"{name}: expected a dict, got {type(value).__name__}")
    for key, (expected, fits) in {**required, **optional}.items():
        if key not in value:
            if key in required:
                raise LintError(f'{name}["{key}"]: expected {expected}, got no such key')
        elif not fits(value[key]):
            raise LintError(f'{name}["{key}"]: expected {expected}, got {value[key]!r:.60}')


def lint_request(request: Mapping[str, Any]) -> None:
    """Raise LintError unless the request follows SPEC. See `wrap_lint`."""
    _check("request", request, REQUEST, OPTIONAL)
    if not isinstance(request, (Request, AppRequest)) and is_expanded(request):
        raise LintError(f"request: expected a Request, got a plain dict made of one; {INSTEAD}")


def lint_response(response: Mapping[str, Any]) -> None:
    """Raise LintError unless the response follows SPEC. See `wrap_lint`."""
    _check("response", response, RESPONSE, RESPONSE_OPTIONAL)
    for problem in filter(None, map(unknown_key, response)):
        raise LintError(problem)


_TOKEN = "anti_forgery_token"


def _note_token(request: Mapping[str, Any]) -> list[str]:
    """Return a list that gets the token when it is read, even from a copy of the request."""
    tokens: list[str] = []

    def note(request: Request, token: str) -> str:
        tokens.append(token)
        return token

    if (
        isinstance(request, Request)
        and _TOKEN in request
        and not dict.__contains__(request, _TOKEN)
    ):
        request.revise(_TOKEN, note)
    return tokens


def _may_hold(body: Any, token: str) -> bool:
    """Return whether a body holds this token. A stream may hold it, so the answer is True."""
    if isinstance(body, AppIter):
        body = body.unwrap()
    if isinstance(body, (str, bytes, bytearray, memoryview)):
        return token in body if isinstance(body, str) else token.encode() in bytes(body)
    if isinstance(body, (list, tuple)):
        return any(_may_hold(part, token) for part in body)
    return not (is_empty(body) or isinstance(body, os.PathLike))


def _check_token(response: Mapping[str, Any], tokens: Iterable[str]) -> None:
    """Raise LintError for a page whose response ends the session that the page's token is for."""
    session = response.get("session", {})
    if not (session is None or isinstance(session, Recreated)) or 300 <= response["status"] < 400:
        return
    if any(_may_hold(response.get("body"), token) for token in tokens):
        value = "None" if session is None else "recreate(...)"
        raise LintError(
            f'response["session"]: {value} ends the anti-forgery token in this page, so the forms'
            ' of the page would be refused. Answer with a redirect, {"status": 303, "headers":'
            f' {{"Location": ...}}, "session": {value}}}, and read the token in the next page'
        )


def wrap_lint(handler: Handler) -> Handler:
    """Check each request and each response against SPEC.

    Put this layer between two layers of your own while you write them. It computes no lazy key
    except the keys that it checks. It refuses a plain dict that was made of a request, and a key of
    a response that no layer knows: a key of your own needs a dot or a slash, "myapp.user". Directly
    around a handler, it also finds a page with an `anti_forgery_token` whose response ends or
    recreates the session: the token is dead before the page arrives, so the handler should answer
    with a redirect.
    Raises LintError, which names the key, the rule and the value.
    Source: ring.middleware.lint/wrap-lint.

    >>> from ringsession import testing
    >>> wrap_lint(lambda request: {"status": "200"})(testing.request("GET", "/"))
    Traceback (most recent call last):
    ...
    ringsession.lint.LintError: response["status"]: expected an int from 100 to 599, got '200'
    """

    def lint(request: Request) -> Response:
        lint_request(request)
        tokens = _note_token(request)
        response = handler(request)
        try:
            lint_response(response)
            _check_token(response, tokens)
        except BaseException:
            close_body(isinstance(response, Mapping) and response.get("body"))
            raise
        return response

    return lint
