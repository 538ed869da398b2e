"""Check that a response can be sent, before a layer changes it or stores the session.

The values of headers are left to `wsgi/message.py`, and the body to `wsgi/body.py`.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .option_error import suggest
from .request import Response

KEYS = (
    *("status", "headers", "body"),
    *("session", "session_cookie_attrs", "session_cookie_when", "flash", "cookies"),
)
OWN_KEY = 'a key of your own needs a dot or a slash: "myapp.user"'
ASYNC = "is async, and WSGI waits for nothing. Write it with `def`; asyncio.run() runs a coroutine"
_KNOWN = frozenset(KEYS)


def check_response(response: Any) -> Response:
    """Return a handler's response. A handler that forgot its `return` gives None.

    Raises TypeError for anything but a dict.

    >>> check_response(None)
    Traceback (most recent call last):
    ...
    TypeError: the handler's response: expected a dict, got None
    """
    if isinstance(response, dict):
        return response
    if inspect.isawaitable(response):
        getattr(response, "close", int)()  # or Python warns that nobody awaited it
        raise TypeError(f"the handler's response: expected a dict; the handler {ASYNC}")
    raise TypeError(f"the handler's response: expected a dict, got {response!r:.60}")


def check_shape(response: Any) -> Response:
    """Return a response whose status can be sent, and whose headers and cookies are dicts.

    Warn of an unknown key that looks like a known one (RuntimeWarning).
    Raises TypeError or ValueError for any other response.

    >>> check_shape({"status": 99})
    Traceback (most recent call last):
    ...
    ValueError: response["status"]: expected an int from 100 to 599, got 99
    """
    if not isinstance(response, dict):
        return check_response(response)
    status = response.get("status")
    # An int of another type is a status of `http.HTTPStatus`, or a WSGI app's own.
    if type(status) is int:
        if not 100 <= status <= 599:
            raise _wrong_status(ValueError, status)
    elif not isinstance(status, int) or type(status) is bool:
        raise _wrong_status(TypeError, status, is_missing="status" not in response)
    headers, cookies = response.get("headers"), response.get("cookies")
    if type(headers) is not dict and not _is_mapping(headers):
        raise wrong_headers(headers)
    if cookies is not None and not _is_mapping(cookies):
        raise wrong_cookies(cookies)
    if not _KNOWN.issuperset(response):
        for key in response.keys() - _KNOWN:
            warn_of_key(key)
    return response


def _is_mapping(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _wrong_status(kind: type[Exception], status: Any, is_missing: bool = False) -> Exception:
    got = f"{status!r:.60}"
    if is_missing:
        got = 'no such key; write {"status": 200, ...} or start with response(body)'
    return kind(f'response["status"]: expected an int from 100 to 599, got {got}')


def wrong_headers(headers: object) -> TypeError:
    """Return the error for headers that are no dict. It shows no value, which may be a secret."""
    return TypeError(
        f'response["headers"]: expected a dict of names to str, got a {type(headers).__name__};'
        ' write {"Name": "value"}, with a list as the value of a repeated name'
    )


def wrong_cookies(cookies: object) -> TypeError:
    """Return the error for cookies that are no dict."""
    return TypeError(
        f'response["cookies"]: expected a dict of names to values, got a {type(cookies).__name__};'
        ' write {"name": "value"} or {"name": {"value": "...", "max_age": 60}}'
    )


def unknown_key(key: object) -> str | None:
    """Return what is wrong with a key of a response, or None for a known key and the app's own.

    >>> unknown_key("status"), unknown_key("myapp.user")
    (None, None)
    """
    if key in _KNOWN or (isinstance(key, str) and ("." in key or "/" in key)):
        return None
    return f'response["{key}"]: unknown key; {suggest(key, KEYS)} Otherwise {OWN_KEY}'


@lru_cache(maxsize=256)
def warn_of_key(key: object) -> None:
    """Warn, once, of an unknown key that looks like a known one."""
    problem = unknown_key(key)
    if problem is not None and "did you mean" in problem:
        warnings.warn(problem, RuntimeWarning, stacklevel=3)
