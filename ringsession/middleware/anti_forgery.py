"""The key `anti_forgery_token`, and the refusal of requests that another site made a browser send (CSRF).

Owns the judgement of a request's origin, the token and its secrets in the session. Reads the form only when the token
decides; knows no store and no page.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from hmac import compare_digest
from typing import Any, Literal

from markupsafe import Markup

from ..session.contents import SECRETS
from ..http.grammar import TOKEN
from ..http.origin import get_origin, split_host
from ..option_error import OptionError, check_callables, list_items, wrong_value
from ..request import Handler, Request, Response, as_request
from ..session.mapping import request_state
from ..wsgi.message import field_lines
from ._masked_token import SIZE, mask_secret, unmask_token

log = logging.getLogger("ringsession")

FIELD = "__anti-forgery-token"
_HEADERS = ("x-csrf-token", "x-xsrf-token", "x-csrftoken")
# RFC 9110 section 9.2.1 calls TRACE safe too; Ring does not.
_SAFE = frozenset(("get", "head", "options"))
_MODES = ("auto", "token", "strict")
_REFUSAL: Response = {
    "status": 403,
    "headers": {"Content-Type": "text/html; charset=utf-8"},
    "body": "<h1>Invalid anti-forgery token</h1>",
}

Judgement = Literal["pass", "refuse", "token"]


def _secrets(request: Request) -> list[bytes]:
    """The secrets in the session: more than one where requests at the same time have each made one."""
    state = request_state(request)
    if state is None or not state.load().own_keys:
        return []
    own_keys = state.own_keys()
    return [bytes.fromhex(own_keys[key]) for key in own_keys if key.startswith(SECRETS)]


def _read_anti_forgery_token(request: Request) -> str:
    found = _secrets(request)
    if found:
        return mask_secret(found[0])
    secret = secrets.token_bytes(SIZE)
    state = request_state(request)
    if state is not None:  # without one, a token that no request can bring back, as in Ring
        state.set_own_key(SECRETS + secrets.token_hex(4), secret.hex())
    return mask_secret(secret)


def anti_forgery_request(request: Request) -> Request:
    """See wrap_anti_forgery."""
    request = as_request(request)
    # `recreate` and `destroy` give the session another secret, so the token is no value to keep.
    request.provide_fresh("anti_forgery_token", _read_anti_forgery_token)
    return request


def anti_forgery_field(request: Mapping[str, Any]) -> Markup:
    """The hidden field that brings the token with a form, as HTML (ring.util.anti-forgery/anti-forgery-field).

    request: the request dict; of a WSGI app, `environ["ringsession.request"]`.

    >>> anti_forgery_field({"anti_forgery_token": "T"})
    Markup('<input id="__anti-forgery-token" name="__anti-forgery-token" type="hidden" value="T" />')
    """
    token = request["anti_forgery_token"]
    return Markup(f'<input id="{FIELD}" name="{FIELD}" type="hidden" value="{token}" />')


def read_form_or_header(request: Mapping[str, Any]) -> Any:
    """The token that a request brings: the form's field, else a header (ring.middleware.anti-forgery/default-request-token).

    >>> read_form_or_header({"form_params": {"__anti-forgery-token": "T"}})
    'T'
    """
    request = as_request(request)
    for params in ("form_params", "multipart_params"):
        if FIELD in (found := request.get(params) or {}):
            return found[FIELD]
    return _read_header(request)


def _read_header(request: Request) -> str | None:
    return next(filter(None, map(request.get_header, _HEADERS)), None)


def judge_origin(request: Request, trusted_origins: Collection[str] = ()) -> Judgement:
    """What the browser's own headers say of where a request comes from; "token" if they say nothing.

    Source: W3C Fetch Metadata, RFC 6454 section 7.

    >>> judge_origin(Request({"headers": {"sec-fetch-site": "cross-site"}}))
    'refuse'
    """
    site, origin = request.get_header("sec-fetch-site"), request.get_header("origin")
    if site == "same-origin" or origin in trusted_origins:
        return "pass"
    if site is not None:
        return "token" if site == "none" else "refuse"
    if origin is None or origin == "null":
        return "token"
    return "pass" if origin == get_origin(request) else "refuse"


def _hides_origin(request: Request) -> bool:
    # Fetch section 3.1: "null" stands for an origin that the browser does not tell. The page may be ours, under
    # `Referrer-Policy: no-referrer`, or another site's, in a sandbox.
    return request.get_header("origin") == "null" and request.get_header("sec-fetch-site") is None


def _is_safe(request: Request) -> bool:
    # RFC 9110 section 9.1: "The method token is case-sensitive", so that a "get" is no GET to the app behind.
    environ = dict.get(request, "environ")
    return request["request_method"] in _SAFE and (
        environ is None or environ["REQUEST_METHOD"].isupper()
    )


def _is_websocket(request: Request) -> bool:
    return (request.get_header("upgrade") or "").strip().lower() == "websocket"


def _fits(token: object, known: list[bytes]) -> bool:
    brought = unmask_token(token)
    return brought is not None and any([compare_digest(brought, secret) for secret in known])


class _Guard:
    """Whether a request may pass, by the options of `wrap_anti_forgery`."""

    def __init__(
        self,
        mode: str,
        trusted_origins: Collection[str],
        exempt: Callable[[Request], Any] | None,
        safe_header: str | None,
        read_token: Callable[[Request], Any],
    ) -> None:
        self._mode = mode
        self._trusted = trusted_origins
        self._exempt = exempt
        self._safe_header = safe_header and safe_header.lower()
        self._read_token = read_token

    def refusal(self, request: Request) -> str | None:
        """Why a request may not pass, None if it may."""
        if _is_safe(request) and (self._mode == "token" or not _is_websocket(request)):
            return None
        if self._exempt is not None and self._exempt(request):
            return None
        judgement = "token" if self._mode == "token" else judge_origin(request, self._trusted)
        if judgement == "refuse":
            return "another site made the browser send it"
        if judgement == "pass" and self._mode != "strict":
            return None
        return None if self._has_safe_header(request) else self._token_refusal(request)

    def _has_safe_header(self, request: Request) -> bool:
        # A browser sends a header of this kind to another origin only if that one has agreed (Fetch, CORS-preflight).
        if self._safe_header is None or self._mode == "strict":
            return False
        if self._mode == "auto" and _hides_origin(request):
            return False
        return bool((request.get_header(self._safe_header) or "").strip())

    def _token_refusal(self, request: Request) -> str | None:
        # The session comes first: without a secret no token fits, and the body is not read for nothing.
        known = _secrets(request)
        if not known:
            return "its session has no token: the cookie did not come, or the session has ended"
        if self._read_token is read_form_or_header and _fits(_read_header(request), known):
            return None  # and the form stays unread
        brought = self._read_token(request)
        if unmask_token(brought) is None:
            return "it brought no token"
        fits = _fits(brought, known)
        return None if fits else "its token is of another session, or from before the login"


def _check_origins(origins: Collection[str]) -> None:
    if isinstance(origins, (str, bytes, Mapping)) or not isinstance(origins, Collection):
        raise wrong_value("trusted_origins", "a list of origins", origins)
    for option, origin in list_items("trusted_origins", origins):
        scheme, _, host = origin.partition("://") if isinstance(origin, str) else ("", "", "")
        found = split_host(host)
        if scheme not in ("http", "https") or found is None or host != host.lower():
            what = '"https://host" or "https://host:port"'
            raise wrong_value(option, what, origin)


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

    mode: "auto"; GET, HEAD and OPTIONS pass. Of the others, `Sec-Fetch-Site: same-origin` passes, every other value but "none"
    is refused; without it an `Origin` that is ours passes, "null" lets the token decide, any other is refused; where
    the browser says nothing, the token decides. "token": the token alone, as in Ring. "strict": both.
    trusted_origins: (); other origins that pass, as "https://app.example.org".
    exempt: None; a function of the request, true for what is never checked (a webhook with its own signature).
    safe_header: None; the name of a header that stands for the token if it is not blank (not in "strict", and in "auto"
    not beside an `Origin` of "null").
    read_token: `read_form_or_header`; a function of the request.
    error_response: a 403; error_handler: None, a handler in its place. The log says why a request was refused, the answer does not.

    Adds `request["anti_forgery_token"]`: made when it is read, another text each time, good for as long as the session has
    its id; after `session.recreate()` or `session.destroy()` it belongs to the new session. Reads the session,
    `Sec-Fetch-Site`, `Origin`, `Host`, and where the token decides X-CSRF-Token, X-XSRF-Token, X-CSRFToken and the field
    "__anti-forgery-token" of the form. The body stays unread where the session has no token, and where a header's
    token fits; else the form's field comes before a header. Raises OptionError for wrong options.
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
    _check_origins(trusted_origins)
    _check_response(error_response)
    is_name = isinstance(safe_header, str) and TOKEN.match(safe_header)
    if safe_header is not None and not is_name:
        raise wrong_value("safe_header", "the name of a header, or None", safe_header)
    guard = _Guard(
        mode, frozenset(trusted_origins), exempt, safe_header, read_token or read_form_or_header
    )

    def anti_forgery(request: Request) -> Response:
        request = anti_forgery_request(request)
        reason = guard.refusal(request)
        if reason is None:
            return handler(request)
        log.warning("a request was refused, since %s", reason)
        if error_handler is not None:
            return error_handler(request)
        return dict(error_response or _REFUSAL)

    return anti_forgery
