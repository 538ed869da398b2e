"""Open a session where no layers are around the app: a test's context, a shell, an event.

The same layers open it and store it, without a response between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import Response as FlaskResponse
from werkzeug.datastructures import Headers

from ..http.uri import encode_url
from ..middleware.cookies import wrap_cookies
from ..middleware.flash import wrap_flash
from ..middleware.session import wrap_session
from ..request import AppRequest, Handler, Request, Response
from ..session.mapping import Session
from ..stores import StoreUnavailable
from ..wsgi.environ import environ_request
from ..wsgi.message import field_lines, group_fields

_ANSWER = "ringsession.answer"


class Opened(NamedTuple):
    """A session of the layers, with the request and the response that go with it."""

    ring: Session
    request: Request
    response: dict[str, Any]
    is_outside: bool = False  # no layers around the app store it


class _IsOpen(Exception):
    """Leave the layers when the session is open; a handler that raises commits nothing."""


def _answer(request: Request) -> Response:
    answer: Response | None = request["environ"].get(_ANSWER)
    if answer is None:
        raise _IsOpen
    return answer


class Outside:
    """The layers of a session, without an app between them."""

    def __init__(self, options: Mapping[str, Any], provide: Callable[[Request], object]) -> None:
        self._layers: Handler = wrap_cookies(wrap_session(wrap_flash(_answer), **options))
        self._provide = provide

    def open(self, environ: dict[str, Any]) -> Opened:
        """Open the session as it is stored now.

        Contexts may share one environ, also in several threads, so each works on a copy.
        """
        # Werkzeug's request holds the environ, and Flask takes it from that environ alone.
        request = environ_request({**environ, "werkzeug.request": None})
        self._provide(request)
        try:
            self._layers(request)
        except _IsOpen:
            pass
        opened = Opened(request["session"], request, {}, is_outside=True)
        environ.setdefault("ringsession.request", AppRequest(request))
        environ.setdefault("ringsession.response", opened.response)
        environ.setdefault("ringsession.session", opened.ring)
        return opened

    def finish(self, opened: Opened, response: FlaskResponse) -> None:
        """Store the session, and give the response its headers. Raises StoreUnavailable."""
        body: list[bytes] = []
        opened.request["environ"][_ANSWER] = {
            "status": response.status_code,
            "headers": group_fields(list(response.headers), encode_url),
            "body": body,
            **opened.response,
        }
        answer = self._layers(opened.request)
        if answer["body"] is not body:
            raise StoreUnavailable("the session could not be stored")
        response.headers = Headers(field_lines(answer["headers"]))
