"""The keys `session`, `session_key` and `session_cookie_attrs`, and when a session is stored.

`session/commit.py` decides what is stored, `_session_cookie.py` which Set-Cookie lines tell the
client. This module knows no kind of store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from ..wsgi.body import close_body
from ..session.commit import commit
from ..session.outcome import Outcome
from ..option_error import check_switches
from ..request import Handler, Request, Response, as_request
from ..responses import change_header, check_response
from ..session.failure import note_failure
from ..session.mapping import Session, request_state
from ..session.recreated import apply_response
from ..session.phases import FAILED, UNTOUCHED
from ..session.state import State
from ..session.terms import Terms
from ..stores import Lifetime, SessionGone
from ..stores.backend import Backend
from ._unavailable import unavailable_response
from ..http.caching import keep_private, vary_by_cookie
from ._audit import audit_lost_race, audit_outcome
from ._clear_site_data import clear_response, read_clear_site_data
from ._live_cookie import CookieAttrs, LiveCookie
from ._login_options import REMEMBER, Passive, Remember
from ._login_options import read_limit, read_passive, read_users
from ._session_cookie import SessionCookie, keep_attrs, kept_attrs
from ._session_options import find_attrs, find_store, open_backend, read_seconds
from ._request_session import find_values_in
from .cookies import after_own

# The checks of single options are for the Flask extension.
__all__ = ["find_attrs", "find_store", "read_seconds"]
__all__ += ["session_request", "session_response", "wrap_session"]


def session_response(response: Response, lines: list[str], *, cookie_name: str) -> Response:
    """See wrap_session. lines: the session's Set-Cookie lines."""
    headers = dict(response.get("headers") or {})
    if lines:
        change_header(headers, "Set-Cookie", lambda own: after_own(own, lines))
        change_header(headers, "Cache-Control", keep_private)
        if cookie_name in (own := response.get("cookies") or {}):  # the session's wins
            own = {name: own[name] for name in own if name != cookie_name}
            response = {**response, "cookies": own}
    change_header(headers, "Vary", vary_by_cookie)
    return {**response, "headers": headers}


def _read_key(request: Request) -> Any:
    return request["session"].key


def session_request(request: Request, session: Session) -> Request:
    """See wrap_session."""
    request["session"] = session
    request.provide("session_key", _read_key)
    return request


def _store(
    state: State,
    request: Request,
    response: Response,
    cookie: SessionCookie,
    cleared: str | None,
) -> Response:
    """The one place where a session is stored."""
    response = apply_response(state, response)
    own, when = None, "always"
    if "session_cookie_attrs" in response:
        response = dict(response)
        own = response.pop("session_cookie_attrs")
        when = response.pop("session_cookie_when", "always")
        own = None if state.is_refused else own
    try:
        if own is not None:
            state.ask()
        if own is not None and when == "always":
            keep_attrs(state, cookie.to_keep(own, kept_attrs(state)))
        outcome = commit(state, response["status"])
    except SessionGone:
        outcome = Outcome()
        audit_lost_race(state, request)
    finally:
        state.has_started = True
    lines = []
    if cookie.is_due(outcome, own, when):
        lines = cookie.lines(outcome, own, kept_attrs(state), was_sent=bool(state.sent))
    if state.ended or outcome.event is not None:
        audit_outcome(state, request, outcome)
    if cleared is not None and outcome.ended:
        response = clear_response(response, cleared)
    return session_response(response, lines, cookie_name=cookie.name)


def wrap_session(
    handler: Handler,
    *,
    store: Any = None,
    cookie_name: str = "ring-session",
    cookie_attrs: CookieAttrs = None,
    root: str | None = None,
    timeout: float | timedelta | None = 1800,
    absolute_timeout: float | timedelta | None = None,
    rolling: bool = False,
    former_cookie_attrs: Sequence[Mapping[str, Any]] = (),
    remember: Remember = REMEMBER,
    passive: Passive = (),
    user_key: str | None = None,
    user_limit: int | None = None,
    clear_site_data: bool | Sequence[str] = False,
    audit_user: bool = False,
) -> Handler:
    """Give each request its session, and store its changes when the response starts.

    store: a new memory_store(); or another of ours, also by name (see `open_store`), or an object
        with Ring's three functions.
    cookie_name: "ring-session".
    cookie_attrs: over {"path": "/", "http_only": True, "same_site": "lax"}; see
        `set_cookie_header`. Or a function that returns them. It is called for each response whose
        request used the session, so that the cookie follows a config that changes.
    root: None; the path of the cookie, over the one in cookie_attrs.
    timeout: 1800; seconds or a timedelta without a request that touches the session, None for no
        limit.
    absolute_timeout: None; likewise, from the session's first write or its last `recreate`.
    rolling: False; send the cookie again whenever the idle timeout is extended (for a max_age that
        slides).
    former_cookie_attrs: (); scopes under which this app used to set the cookie, each a dict of
        `domain`, `path` and `partitioned`. What a browser still has there is deleted when it gets a
        new id.
    remember: {"timeout": 30 days, "absolute_timeout": 90 days}; the times of a session that
        `session.recreate(remember=True)` made, as `timeout` and `absolute_timeout`. Its cookie has
        a Max-Age that follows the deadline. None: `remember=True` raises ValueError.
    passive: (); decoded paths, or a function of the request. Such a request, a page that polls,
        reads and writes the session without extending the idle timeout.
    user_key: None; the session key that names the user, "user" or Flask-Login's "_user_id". Then
        `user_sessions(store)` lists and ends the sessions of a user, and a request that changes the
        user moves the session to a new id. It needs a server-side store.
    user_limit: None; how many logins a user may have. One more ends the oldest.
    clear_site_data: False; True, or a list of "cache" and "storage": sends `Clear-Site-Data` with
        a response that ends the session.
    audit_user: False; True writes the user's name into the records of the audit log.

    Reads the cookie header; adds `request["session"]` (a `Session`) and `request["session_key"]`.
    Reads `response["session"]` (absent = keep, None = end, a mapping = the new values,
    `recreate(mapping)` = these under a new id), `response["session_cookie_attrs"]` (for the
    session's cookie, now and later) and `response["session_cookie_when"]` ("always": send the
    cookie now and keep the attributes; "changed", "moved": only if it is sent for a new id, or also
    when the idle timeout was extended, and do not keep them).
    Raises OptionError at once for wrong options; at the commit TypeError or ValueError for a value
    that no store can hold, CookieTooLarge. A store that fails makes the response a 503.
    Source: ring.middleware.session/wrap-session.

    >>> from ringsession import to_wsgi
    >>> def handler(request):
    ...     n = request["session"].get("n", 0) + 1
    ...     return {"status": 200, "headers": {}, "body": str(n), "session": {"n": n}}
    >>> from werkzeug.test import Client
    >>> client = Client(to_wsgi(wrap_session(handler)))
    >>> client.get("/").text, client.get("/").text
    ('1', '2')
    """
    times = Lifetime(*read_seconds(timeout=timeout, absolute_timeout=absolute_timeout))
    limit = read_limit(times, remember)
    check_switches(rolling=rolling, audit_user=audit_user)
    cleared = read_clear_site_data(clear_site_data)
    terms = Terms(
        user_key=user_key,
        may_remember=remember is not None,
        is_activity=read_passive(passive),
        cookie_follows=lambda record: rolling,
        audit_user=audit_user,
    )
    live_cookie = LiveCookie(cookie_name, cookie_attrs, root, rolling, former_cookie_attrs)
    store = find_store(store)
    backend = open_backend(store, cookie_name, limit, read_users(user_key, user_limit, store))
    find_values = find_values_in(store, cookie_name)
    new_state = partial(State, backend, find_values, terms=terms)
    return _layer(handler, backend, new_state, live_cookie, cleared)


def _layer(
    handler: Handler,
    backend: Backend,
    new_state: Callable[[Request], State],
    live_cookie: LiveCookie,
    cleared: str | None,
) -> Handler:
    """Return the layer of `wrap_session`, whose options are checked."""
    fixed = live_cookie.fixed

    def session(request: Request) -> Response:
        request = as_request(request)
        state = request_state(request)  # the layers run again for an app that calls write()
        if state is None or state.backend is not backend:
            state = new_state(request)
        response = None
        try:
            response = check_response(handler(session_request(request, Session(state))))
            if state.phase is not FAILED:
                has_attrs = "session_cookie_attrs" in response
                about = state.phase is not UNTOUCHED or has_attrs or "session" in response
                if state.has_started or not about:
                    state.has_started = True
                    return response
                cookie = fixed or live_cookie()
                if has_attrs:
                    cookie.check_own(response)
                return _store(state, request, response, cookie, cleared)
        except BaseException as error:
            if not note_failure(state, error):
                close_body(response and response.get("body"))
                raise
        return unavailable_response(request, response, live_cookie.name)

    return session
