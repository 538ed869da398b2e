"""The CSRF token of a request: its secret in the session, and where a request may bring it.

Reading the token makes a secret if the session has none. Who may pass is decided in
`_csrf_guard.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from ..request import Request, as_request
from ..session.contents import SECRETS
from ..session.mapping import request_state
from ..session.committed import SessionCommitted
from ._masked_token import SIZE, mask_secret, unmask_token

FIELD = "__anti-forgery-token"
_TOO_LATE = (
    'request["anti_forgery_token"]: the session has no CSRF token yet, and the response has already'
    " started, so its cookie cannot be sent. Read the token before the response starts."
)
_HEADERS = ("x-csrf-token", "x-xsrf-token", "x-csrftoken")


def find_secrets(request: Request) -> list[bytes]:
    """Return the session's secrets: several if concurrent requests have each made one."""
    state = request_state(request)
    if state is None or not state.load().own_keys:
        return []
    own_keys = state.own_keys()
    return [bytes.fromhex(own_keys[key]) for key in own_keys if key.startswith(SECRETS)]


def make_token(request: Request) -> str:
    """Return a token of the session's secret, another text each time. Make the first secret."""
    found = find_secrets(request)
    if found:
        return mask_secret(found[0])
    secret = secrets.token_bytes(SIZE)
    state = request_state(request)
    if state is not None:  # without one, a token that no request can bring back, as in Ring
        if state.has_started:
            raise SessionCommitted(_TOO_LATE)
        state.set_own_key(SECRETS + secrets.token_hex(4), secret.hex())
    return mask_secret(secret)


def read_form_or_header(request: Mapping[str, Any]) -> Any:
    """Return the token that a request brings: the form's field, else a header.

    Source: ring.middleware.anti-forgery/default-request-token.

    >>> read_form_or_header({"form_params": {"__anti-forgery-token": "T"}})
    'T'
    """
    request = as_request(request)
    for params in ("form_params", "multipart_params"):
        if FIELD in (found := request.get(params) or {}):
            return found[FIELD]
    return read_header(request)


def read_header(request: Request) -> str | None:
    """Return the token that a request brings in a header."""
    return next(filter(None, map(request.get_header, _HEADERS)), None)


def fits(token: object, known: list[bytes]) -> bool:
    """Return whether a token belongs to one of these secrets."""
    brought = unmask_token(token)
    return brought is not None and any([compare_digest(brought, secret) for secret in known])
