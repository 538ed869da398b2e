"""Decide which requests may pass, by what the browser says of their origin and by the CSRF token.

The form is read only if the token decides and no header's token fits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

from ..http.origin import get_origin
from ..request import Request
from ._csrf_token import find_secrets, fits, read_form_or_header, read_header
from ._masked_token import unmask_token

# RFC 9110 section 9.2.1 calls TRACE safe too; Ring does not.
_SAFE = frozenset(("get", "head", "options"))

Judgement = Literal["pass", "refuse", "token"]


def judge_origin(request: Request, trusted_origins: Collection[str] = ()) -> Judgement:
    """What the browser's own headers say of where a request comes from; "token" if they say
    nothing.

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
    # Fetch section 3.1: "null" stands for an origin that the browser does not tell. The page may be
    # ours, under `Referrer-Policy: no-referrer`, or another site's, in a sandbox.
    return request.get_header("origin") == "null" and request.get_header("sec-fetch-site") is None


def _is_safe(request: Request) -> bool:
    # RFC 9110 section 9.1: "The method token is case-sensitive", so that a "get" is no GET to the
    # app behind.
    environ = dict.get(request, "environ")
    return request["request_method"] in _SAFE and (
        environ is None or environ["REQUEST_METHOD"].isupper()
    )


def _is_websocket(upgrade: str) -> bool:
    # RFC 9110 section 7.8: Upgrade = #( protocol-name ["/" protocol-version] ), in any case.
    protocols = upgrade.lower().split(",")
    return any(name.partition("/")[0].strip() == "websocket" for name in protocols)


def _is_of_a_browser(request: Request) -> bool:
    # RFC 6455 section 4.1: "The request MUST include a header field with the name |Origin| if the
    # request is coming from a browser client."
    names = ("origin", "sec-fetch-site")
    return any(request.get_header(name) is not None for name in names)


class Guard:
    """Decide whether a request may pass, by the options of `wrap_anti_forgery`."""

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
        """Return why a request may not pass, or None if it may."""
        if _is_safe(request):
            upgrade = request.get_header("upgrade")
            if upgrade is None or not self._is_guarded_socket(request, upgrade):
                return None
        if self._exempt is not None and self._exempt(request):
            return None
        judgement = "token" if self._mode == "token" else judge_origin(request, self._trusted)
        if judgement == "refuse":
            return "another site made the browser send it"
        if judgement == "pass" and self._mode != "strict":
            return None
        return None if self._has_safe_header(request) else self._token_refusal(request)

    def _is_guarded_socket(self, request: Request, upgrade: str) -> bool:
        if self._mode == "token" or not _is_websocket(upgrade):
            return False
        return self._mode == "strict" or _is_of_a_browser(request)

    def _has_safe_header(self, request: Request) -> bool:
        # A browser sends a header of this kind to another origin only if that one has agreed
        # (Fetch, CORS-preflight).
        if self._safe_header is None or self._mode == "strict":
            return False
        if self._mode == "auto" and _hides_origin(request):
            return False
        return bool((request.get_header(self._safe_header) or "").strip())

    def _token_refusal(self, request: Request) -> str | None:
        # The session comes first: without a secret no token fits, and the body is not read for
        # nothing.
        known = find_secrets(request)
        if not known:
            return "its session has no token: the cookie did not come, or the session has ended"
        if self._read_token is read_form_or_header and fits(read_header(request), known):
            return None  # and the form stays unread
        brought = self._read_token(request)
        if unmask_token(brought) is None:
            return "it brought no token"
        return (
            None
            if fits(brought, known)
            else "its token is of another session, or from before the login"
        )
