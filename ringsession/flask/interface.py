"""Open the session when Flask starts a request, and save it when the response is made.

The session is the layers' own. Without layers around the app (a test's context, a shell) it is
opened here by the same layers. This module knows no store and no key of app.config.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from flask import (
    Flask,
    Request as FlaskRequest,
    Response as FlaskResponse,
    request as current_request,
)
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import Headers

from ..wsgi.body import close_body
from ..wsgi.environ import environ_request
from .csrf_error import hold_refused
from .live_config import LiveConfig
from .session import FlaskSession
from .values import settle
from ..wsgi.message import field_lines, group_fields
from ..middleware.cookies import wrap_cookies
from ..middleware.flash import wrap_flash
from ..middleware.session import wrap_session
from ..session.contents import Contents
from ..session.mapping import Session, session_state
from ..session.state import DESTROY, FAILED, LIVE, NONE, UNTOUCHED
from ..request import Handler, Request, Response
from ..stores import StoreUnavailable

_KEY = "ringsession.flask"
_ANSWER = "ringsession.answer"


class _IsOpen(Exception):
    """Leave the layers when the session is open; a handler that raises commits nothing."""


def _answer(request: Request) -> Response:
    answer: Response | None = request["environ"].get(_ANSWER)
    if answer is None:
        raise _IsOpen
    return answer


class _Streamed:
    """Let a streamed body see the session as in production, also if a test keeps the context."""

    def __init__(self, body: Iterable[Any], session: FlaskSession) -> None:
        self._body = body
        self._pieces = iter(body)
        self._session = session

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._session._is_streaming = True
        try:
            return next(self._pieces)
        finally:
            self._session._is_streaming = False

    def close(self) -> None:
        close_body(self._body)


class FlaskSessionInterface(SessionInterface):
    """The interface that `RingSession` gives an app."""

    def __init__(
        self,
        live: LiveConfig,
        start: Callable[[], object],
        provide: Callable[[Request], object],
        find_former_name: Callable[[], str | None],
    ) -> None:
        self._live = live
        self._start = start
        self._provide = provide
        self._find_former_name = find_former_name  # of a cookie that Flask signed

    def use(self, options: Mapping[str, Any]) -> None:
        """Open sessions outside the layers with these options of `wrap_session`."""
        self._outside: Handler = wrap_cookies(wrap_session(wrap_flash(_answer), **options))

    def get_cookie_name(self, app: Flask) -> str:
        name: str = self._live.find_cookie_name()
        return name

    def is_null_session(self, obj: object) -> bool:
        return False

    def open_session(self, app: Flask, request: FlaskRequest) -> FlaskSession:
        environ = request.environ
        ring = environ.get("ringsession.session")
        session: FlaskSession | None = environ.get(_KEY)
        if ring is None:
            session = FlaskSession(self._begin(environ))
            session._is_outside = True
        elif session is None or session._inner is not ring:
            is_kept = "werkzeug.debug.preserve_context" in environ
            session = FlaskSession(ring, partial(self._reopen, environ) if is_kept else None)
        environ[_KEY] = session
        hold_refused(request)
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        assert isinstance(session, FlaskSession)
        state = session._state
        if state.has_started or state.phase is FAILED:
            return
        if state.phase is not UNTOUCHED and self._is_fit(session):
            own = current_request.environ["ringsession.response"]
            if "session_cookie_attrs" not in own:  # a view's own attributes win
                own |= self._cookie_attrs(session)
        if state.ending is DESTROY and not state.is_refused:
            self._delete_former(app, response)
        if session._is_kept and response.is_streamed and not response.direct_passthrough:
            response.response = _Streamed(response.response, session)
        if session._is_outside:
            self._finish(current_request.environ, response)

    def _delete_former(self, app: Flask, response: FlaskResponse) -> None:
        """Delete the cookie that Flask signed: a logout ends the session of that, too."""
        name = self._find_former_name()
        if name is not None and name in current_request.cookies:
            response.delete_cookie(
                name,
                domain=self.get_cookie_domain(app),
                path=self.get_cookie_path(app),
                secure=self.get_cookie_secure(app),
                httponly=self.get_cookie_httponly(app),
                samesite=self.get_cookie_samesite(app),
                partitioned=self.get_cookie_partitioned(app),
            )

    def _is_fit(self, session: FlaskSession) -> bool:
        """Return whether the session can be stored.

        Raise the error for a value that no store can hold or for a wrong app.config, so that
        Flask's handlers see it. Their page may use the session. The values may raise errors of
        their own.
        """
        state = session._state
        try:
            self._live.check()
            if state.contents is not None and state.contents.may_differ:
                self._check_contents(session, state.contents)
        except Exception:
            if not session._is_refused:
                session._is_refused = True
                raise
            session._state.has_started = True  # the page of that error: nothing is stored
            return False
        return True

    def _check_contents(self, session: FlaskSession, contents: Contents) -> None:
        is_plain, check_size = session._is_plain, session._state.backend.check_size
        if not is_plain:
            settle(contents)
        change = None if is_plain and check_size is None else session._state.change()
        if change is not None and check_size is not None:
            check_size(change.record)

    def _cookie_attrs(self, session: FlaskSession) -> dict[str, Any]:
        """Return what the response says of the cookie's lifetime, and when to send it for that."""
        was, permanent = session._is_permanent
        state = session._state
        turned = was != permanent and state.phase is LIVE and state.ending is NONE
        if not (permanent or turned):
            return {}
        max_age = self._live.find_permanent_age()
        if max_age is None:
            return {}
        when = "always" if turned else "moved" if self._live.is_refreshing else "changed"
        attrs = {"max_age": max_age if permanent else None}
        return {"session_cookie_attrs": attrs, "session_cookie_when": when}

    def _begin(self, environ: dict[str, Any]) -> Session:
        self._start()
        request = environ_request(environ)
        self._provide(request)
        try:
            self._outside(request)
        except _IsOpen:
            pass
        environ["ringsession.request"] = request
        environ["ringsession.response"] = {}
        session: Session = request["session"]
        environ["ringsession.session"] = session
        return session

    def _reopen(self, environ: Mapping[str, Any]) -> Session:
        """Return the session as it is stored now, to read when the request is over."""
        session = self._begin(dict(environ))
        state = session_state(session)
        assert state is not None
        state.load()
        state.has_started = True
        return session

    def _finish(self, environ: dict[str, Any], response: FlaskResponse) -> None:
        headers = group_fields(list(response.headers))
        body: list[bytes] = []
        environ[_ANSWER] = {
            "status": response.status_code,
            "headers": headers,
            "body": body,
            **environ["ringsession.response"],
        }
        answer = self._outside(environ["ringsession.request"])
        if answer["body"] is not body:
            raise StoreUnavailable("the session could not be stored")
        response.headers = Headers(field_lines(answer["headers"]))
