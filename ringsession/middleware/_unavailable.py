"""The response to a request whose store failed: the app's own page, or a plain one, with a 503."""

from __future__ import annotations

from typing import Any

from ..http.headers import change_header
from ..http.refusals import refuse
from ..request import Request, Response
from ..stores.unavailable import MAKE_PAGE, RETRY_AFTER, StoreUnavailable
from ..wsgi.body import close_body
from ..wsgi.environ import app_environ

_OF_THE_SESSION = ("session", "flash", "session_cookie_attrs", "session_cookie_when")


def plain_page(request: Request) -> Response:
    """Return the page of an app that makes none, in the form that the client reads."""
    page = refuse(StoreUnavailable(), request)
    page["headers"] |= {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
    return page


def keep_page(page: Response, cookie_name: str) -> Response:
    """Return the app's own page for a 503: never stored by a cache, and without the session's
    cookie.
    """
    page = {key: value for key, value in page.items() if key not in _OF_THE_SESSION}
    headers = dict(page.get("headers") or {})
    change_header(headers, "Retry-After", lambda own: own or str(RETRY_AFTER))
    change_header(headers, "Cache-Control", lambda own: "no-store")
    for name in [name for name in headers if name.lower() == "set-cookie"]:
        lines = [headers[name]] if isinstance(headers[name], str) else headers[name] or []
        kept = [line for line in lines if line.partition("=")[0].strip() != cookie_name]
        headers[name] = kept
        if not kept:
            del headers[name]
    own = page.get("cookies") or {}
    if cookie_name in own:
        page["cookies"] = {name: own[name] for name in own if name != cookie_name}
    return {**page, "headers": headers}


def unavailable_response(request: Request, response: Any, cookie_name: str) -> Response:
    """Return the 503, whatever the app answered.

    response: what the app answered, or None. Its page is kept if its status is 503. Where the store
    failed only after the app had answered, Flask is asked for a page.
    """
    page = response
    if page is not None and page["status"] != 503:
        close_body(page.get("body"))
        environ = dict.get(request, "environ") or {}
        make = environ.pop(MAKE_PAGE, None)
        page = None if make is None else make(app_environ(request))
    if page is None or page["status"] != 503:
        close_body(page and page.get("body"))
        return plain_page(request)
    return keep_page(page, cookie_name)
