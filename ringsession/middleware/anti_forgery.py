"""The key `anti_forgery_token`, and the refusal of requests that another site made a browser send
(CSRF).

`_csrf_guard.py` decides who may pass, `_csrf_token.py` makes and reads tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from markupsafe import Markup
from werkzeug.exceptions import Forbidden

from ..http.grammar import TOKEN
from ..http.log_text import quote, show_sender
from ..http.origin import get_origin
from ..http.refusal_log import RefusalLog
from ..http.refusals import refuse
from ..option_error import OptionError, check_callables, wrong_value
from ..request import Handler, Request, Response, as_request
from ..wsgi.message import field_lines
from ._csrf_guard import Guard, judge_origin
from ._csrf_token import FIELD, make_token, read_form_or_header
from ._trusted_origins import read_origins

__all__ = [
    "FIELD",
    "anti_forgery_field",
    "anti_forgery_request",
    "judge_origin",
    "read_form_or_header",
    "wrap_anti_forgery",
]

_refusals = RefusalLog("csrf_refused")

_MODES = ("auto", "token", "strict")
REFUSED = (
    "The site could not tell that this request came from its own page."
    " Go back, reload the page and try again."
)
_SHORT = ("text/html; charset=utf-8", "<h1>Invalid anti-forgery token</h1>")  # as Ring's
_BEHIND_A_PROXY = (
    "If this Origin is your own site behind a proxy, let the proxy pass on the Host header with its"
    " port (nginx: proxy_set_header Host $http_host) and X-Forwarded-Proto, and set"
    ' ["proxy"] to {"hops": 1}. To let another site send such requests, list its origin in'
    ' ["security"]["anti_forgery"]["trusted_origins"].'
)


def anti_forgery_request(request: Request) -> Request:
    """See wrap_anti_forgery."""
    request = as_request(request)
    # `recreate` and `destroy` give the session another secret, so the token is no value to keep.
    request.provide_fresh("anti_forgery_token", make_token)
    return request


def anti_forgery_field(request: Mapping[str, Any]) -> Markup:
    """Return a hidden form field with the anti-forgery token, as HTML.

    Source: ring.util.anti-forgery/anti-forgery-field.

    request: the request dict; of a WSGI app, `environ["ringsession.request"]`.

    >>> print(anti_forgery_field({"anti_forgery_token": "T"}))
    <input id="__anti-forgery-token" name="__anti-forgery-token" type="hidden" value="T" />
    """
    token = request["anti_forgery_token"]
    return Markup(f'<input id="{FIELD}" name="{FIELD}" type="hidden" value="{token}" />')


def _check_safe_header(name: str | None) -> None:
    if name is not None and not (isinstance(name, str) and TOKEN.match(name)):
        raise wrong_value("safe_header", "the name of a header, or None", name)


def _check_response(response: Response | None) -> None:
    """Raise OptionError for an `error_response` that could not be sent."""
    if response is None:
        return
    if not isinstance(response, dict):
        raise wrong_value("error_response", "a response as a dict, or None", response)
    if type(response.get("status")) is not int:
        raise wrong_value(("error_response", "status"), "a number", response.get("status"))
    headers = response.get("headers") or {}
    if not isinstance(headers, Mapping):
        raise wrong_value(("error_response", "headers"), "a dict", headers)
    try:
        field_lines(headers)
    except (TypeError, ValueError) as error:
        raise OptionError(("error_response", "headers"), str(error)) from None


def _show(request: Request, trusted_origins: Collection[str]) -> str:
    """Return who sent a refused request and, if its origin may be the site's own, what to do."""
    sent = request.get_header("origin")
    knows_host = request.get_header("host") is not None or "server_name" in request
    own = get_origin(request) if knows_host else None
    if sent in (None, "null", own) or sent in trusted_origins:
        return show_sender(request)
    return f"{show_sender(request)} expected={quote(own)}. {_BEHIND_A_PROXY}"


def wrap_anti_forgery(
    handler: Handler,
    *,
    mode: str = "auto",
    trusted_origins: Collection[str] = (),
    exempt: Callable[[Request], Any] | None = None,
    safe_header: str | None = None,
    read_token: Callable[[Request], Any] | None = None,
    error_response: Response | None = None,
    error_handler: Handler | None = None,
) -> Handler:
    """Refuse requests that change something and that another site made a browser send.

    mode: "auto"; GET, HEAD and OPTIONS pass. Of the others, `Sec-Fetch-Site: same-origin` passes,
    every other value but "none" is refused; without it an `Origin` that is ours passes, "null" lets
    the token decide, any other is refused; where the browser says nothing, the token decides. The
    handshake of a websocket, a GET, is judged likewise, and passes where it has neither header.
    "token": the token alone, as in Ring, and every handshake passes. "strict": both.
    trusted_origins: (); other origins that pass, as "https://app.example.org", or of an app or an
    extension, as "capacitor://localhost".
    exempt: None; a function of the request, true for what is never checked (a webhook with its own
    signature).
    safe_header: None; the name of a header that stands for the token if it is not blank (not in
    "strict", and in "auto" not beside an `Origin` of "null").
    read_token: `read_form_or_header`; a function of the request.
    error_response: a 403; error_handler: None, a handler in its place. The log says why a request
    was refused, the answer does not. It has at most 10 such lines a second.

    Adds `request["anti_forgery_token"]`: made when it is read, another text each time, good for as
    long as the session has its id; after `session.recreate()` or `session.destroy()` it belongs to
    the new session. Reads the session, `Sec-Fetch-Site`, `Origin`, `Host`, and where the token
    decides X-CSRF-Token, X-XSRF-Token, X-CSRFToken and the field "__anti-forgery-token" of the
    form. The body stays unread where the session has no token, and where a header's token fits;
    else the form's field comes before a header. Raises OptionError for wrong options. Reading the
    token raises SessionCommitted if the session has none yet and the response has started.
    Source: ring.middleware.anti-forgery/wrap-anti-forgery, W3C Fetch Metadata.

    >>> handler = wrap_anti_forgery(lambda request: {"status": 200, "headers": {}, "body": "done"})
    >>> handler({"request_method": "post", "headers": {"sec-fetch-site": "cross-site"}})["status"]
    403
    """
    if mode not in _MODES:
        raise wrong_value("mode", '"auto", "token" or "strict"', mode)
    check_callables(exempt=exempt, read_token=read_token, error_handler=error_handler)
    if error_response is not None and error_handler is not None:
        raise OptionError("error_handler", "expected no error_response beside it")
    trusted = read_origins("trusted_origins", trusted_origins)
    _check_response(error_response)
    _check_safe_header(safe_header)
    guard = Guard(mode, trusted, exempt, safe_header, read_token or read_form_or_header)

    def anti_forgery(request: Request) -> Response:
        request = anti_forgery_request(request)
        reason = guard.refusal(request)
        if reason is None:
            return handler(request)
        _refusals.warn(reason, partial(_show, request, trusted), request=request, reason=reason)
        if error_handler is not None:
            return error_handler(request)
        return dict(error_response or refuse(Forbidden(REFUSED), request, _SHORT))

    return anti_forgery
