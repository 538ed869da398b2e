"""Let a Flask app make its own page of a 503 where the session's store has failed.

`StoreUnavailable` is Werkzeug's exception for a 503, so Flask looks for the app's error handler and
logs nothing. While that handler runs, the session is empty and keeps nothing: its page may ask for
the signed-in user, as Flask-Login does for each template.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import signature
from typing import Any

from flask import Flask, Response as FlaskResponse, session as current_session

from .session import FlaskSession
from .values import encode
from ..request import Response
from ..session.contents import Contents
from ..session.mapping import Session
from ..session.phases import ABSENT, FAILED
from ..session.state import State
from ..stores import StoreUnavailable
from ..wsgi.message import group_fields


def _find_failed() -> FlaskSession | None:
    """Return the current session if its store has failed."""
    found: Any = current_session
    session = found._get_current_object()
    is_ours = isinstance(session, FlaskSession)
    return session if is_ours and session._state.phase is FAILED else None


def _give_up(session: FlaskSession) -> None:
    """Make a session empty, of which nothing is stored, for the rest of the request."""
    failed, request = session._state, session._opened.request.copy()
    state = State(failed.backend, failed.find_values, request)
    state.phase, state.contents, state.has_failed = ABSENT, Contents(None), True
    state.messages_wait, state.encode = True, encode
    request["session"] = ring = Session(state)  # a form on the page may ask for a CSRF token
    session._opened = session._opened._replace(ring=ring, request=request, response={})


def handle_failures(flask_app: Flask) -> None:
    """Give up a failed session before the app's error handlers run, also after the request."""
    app: Any = flask_app
    handle: Callable[..., Any] = app.handle_user_exception
    dispatch: Callable[..., FlaskResponse] = app.full_dispatch_request

    # Flask 3.2 passes its context before the other arguments.
    def handle_user_exception(*arguments: Any) -> Any:
        if isinstance(arguments[-1], StoreUnavailable):
            session = _find_failed()
            if session is not None:
                _give_up(session)
        return handle(*arguments)

    def full_dispatch_request(*arguments: Any) -> FlaskResponse:
        try:
            return dispatch(*arguments)
        except StoreUnavailable as error:  # of a function that runs after each request
            if _find_failed() is None:
                raise
            page = app.handle_user_exception(*arguments, error)
            response: FlaskResponse = app.finalize_request(*arguments, page)
            return response

    app.handle_user_exception = handle_user_exception
    app.full_dispatch_request = full_dispatch_request


def page_maker(flask_app: Flask) -> Callable[[dict[str, Any]], Response | None]:
    """Return what makes the app's page if the commit fails, when Flask has answered already."""
    app: Any = flask_app
    passes_context = "ctx" in signature(Flask.handle_user_exception).parameters

    def make_page(environ: dict[str, Any]) -> Response | None:
        with app.request_context(environ) as context:
            arguments = (context,) if passes_context else ()
            session: Any = current_session
            _give_up(session._get_current_object())
            try:
                page = app.handle_user_exception(*arguments, StoreUnavailable("not stored"))
                response = app.make_response(page)
                body = response.get_data()
            except Exception:  # as Flask does if an error handler fails
                app.log_exception(*arguments, sys.exc_info())
                return None
            headers = group_fields(list(response.headers))
            return {"status": response.status_code, "headers": headers, "body": [body]}

    return make_page
