"""Open the session when Flask starts a request, and save it when the response is made.

The session is the layers' own. Where no layers are around the app, `outside.py` opens it. This
module knows no store and no key of app.config.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import (
    Flask,
    Request as FlaskRequest,
    Response as FlaskResponse,
    request as current_request,
)
from flask.sessions import SessionInterface, SessionMixin

from ..request import Request, Response, as_request
from ..session.contents import Contents
from ..session.phases import DESTROY, LIVE, NONE, UNTOUCHED
from ..stores.unavailable import MAKE_PAGE
from .csrf_error import hold_refused
from .events import check_event, check_saved, is_event
from .live_config import LiveConfig
from .outside import Opened, Outside
from .session import FlaskSession, is_permanent, state_of
from .streams import Stream, is_stream, keep_out_of_caches
from .values import encode, settle

_OUTSIDE = "ringsession.outside"  # in an environ: no layers are around it
_SOCKETIO = "flask.app"  # in an environ: Flask-SocketIO has seen it


class FlaskSessionInterface(SessionInterface):
    """The interface that `RingSession` gives an app."""

    def __init__(
        self,
        live: LiveConfig,
        start: Callable[[], object],
        provide: Callable[[Request], object],
        find_former_name: Callable[[], str | None],
        make_page: Callable[[dict[str, Any]], Response | None],
    ) -> None:
        self._live = live
        self._start = start
        self._provide = provide
        self._find_former_name = find_former_name  # of a cookie that Flask signed
        self._make_page = make_page

    def use(self, options: Mapping[str, Any]) -> None:
        """Open sessions outside the layers with these options of `wrap_session`."""
        self._outside = Outside(options, self._provide)

    def get_cookie_name(self, app: Flask) -> str:
        name: str = self._live.find_cookie_name()
        return name

    def is_null_session(self, obj: object) -> bool:
        return False

    def open_session(self, app: Flask, request: FlaskRequest) -> FlaskSession:
        """Return the session of the layers, or a fresh one if they have stored theirs already."""
        hold_refused(request)
        environ = request.environ
        ring: Any = environ.get("ringsession.session")
        if ring is None:
            environ[_OUTSIDE] = True
        if _OUTSIDE in environ or state_of(ring).has_started:
            return FlaskSession(self._open_outside(environ))
        layers_request = as_request(environ["ringsession.request"])
        opened = Opened(ring, layers_request, environ["ringsession.response"])
        # With the layers around Flask-SocketIO, a WebSocket is one request, and all its events
        # come before the response. They cannot be told apart before Flask-SocketIO marks them.
        reopen = partial(self._open_outside, environ) if _SOCKETIO in environ else None
        return FlaskSession(self._adopt(opened), reopen)

    def _open_outside(self, environ: dict[str, Any]) -> Opened:
        self._start()
        return self._adopt(self._outside.open(environ))

    def _adopt(self, opened: Opened) -> Opened:
        """Tell the layers' session the rules of Flask."""
        state = state_of(opened.ring)
        if not state.messages_wait:  # several contexts may share it, all events of a WebSocket too
            state.messages_wait, state.encode = True, encode
            state.cookie_follows = partial(self._follows, state.cookie_follows)
        return opened

    def _follows(self, configured: Callable[[str], bool], record: str) -> bool:
        """Return whether the cookie is sent again when the idle timeout is extended."""
        if configured(record):
            return True
        is_refreshed = self._live.is_refreshing and is_permanent(record)
        return is_refreshed and self._live.find_permanent_age() is not None

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        assert isinstance(session, FlaskSession)
        state = session._state
        if state.has_started or state.has_failed:
            return
        if state.phase is not UNTOUCHED and self._is_fit(session):
            session._current.request["environ"][MAKE_PAGE] = self._make_page
            own = session._current.response
            if "session_cookie_attrs" not in own:  # a view's own attributes win
                own |= self._cookie_attrs(session)
        if state.ending is DESTROY and not state.is_refused:
            self._delete_former(app, response)
        if session._current.is_outside and is_event():
            check_event(state)
            self._outside.finish(session._current, response)
            check_saved(state)
            return
        if is_stream(response):
            keep_out_of_caches(response, state)
            response.response = Stream(response.response, state, session._shown_late)
        if session._current.is_outside:
            self._outside.finish(session._current, response)

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
