"""Convert between WSGI apps and Ring-style handlers.

This package is the only one that knows WSGI. It calls the server's `start_response` only after all
layers have processed the response.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .app_call import AppCall
from .body import ClosedAtEnd, close_body
from .environ import Environ, environ_request, request_environ
from .exchange import EarlyResponse, Exchange, StartResponse, start
from .exchange import WSGIApp as WSGIApp
from .form_input import take_form_input
from ..request import Handler, Response, as_request
from ..responses import check_response


class RingApp:
    """Call a handler as a WSGI app. See `to_wsgi`."""

    __slots__ = ("handler", "config")

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.config: dict[str, Any] | None = None  # the config of wrap_defaults, for `explain`

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        form = take_form_input(environ) if "CONTENT_TYPE" in environ else None
        if form is None:
            return self._answer(environ, start_response)
        try:
            chunks = self._answer(environ, start_response)
        except BaseException:
            form.close()
            raise
        if type(chunks) is list:  # sending a list reads nothing more from the form
            form.close()
            return chunks
        return ClosedAtEnd(chunks, form.close)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        early: list[EarlyResponse] = []
        environ["ringsession.exchange"] = (self.handler, start_response, early)
        try:
            response = check_response(self.handler(environ_request(environ)))
        except BaseException:
            if early:
                close_body(early[0].rest)
            raise
        if not early:
            return start(response, environ, start_response)[0]
        close_body(response.get("body"))  # the client has received the early response
        return early[0].rest


class _AppHandler:
    """Call a WSGI app as a handler. See `from_wsgi`."""

    __slots__ = ("app",)

    def __init__(self, app: WSGIApp) -> None:
        self.app = app

    def __call__(self, request: Mapping[str, Any]) -> Response:
        request = as_request(request)
        environ = request_environ(request)
        exchange: Exchange | None = environ.get("ringsession.exchange")
        if exchange is not None and exchange[2]:
            return dict(exchange[2][0].response)
        environ["ringsession.request"] = request
        environ["ringsession.response"] = {}
        if (session := dict.get(request, "session")) is not None:
            environ["ringsession.session"] = session
        return AppCall(request, environ, exchange).run(self.app)


def to_wsgi(handler: Handler) -> WSGIApp:
    """Make a WSGI app of a handler: a function from a request dict to a response dict.

    `to_wsgi(from_wsgi(app)) is app`. The server gets nothing before the handler has returned. A
    body may be None, str, bytes, an iterable of either, a binary file or a path. A bytearray or a
    memoryview is sent as bytes. A response to HEAD and a 204 or 304 are sent without their body. A
    body that has `close()` is closed, whether it is sent or not.
    Raises TypeError or ValueError before anything is sent, if the response cannot be sent as it is
    (a control character in a header, a body of another type).
    Source: the adapter of a Ring server, PEP 3333.

    >>> def hello(request):
    ...     headers = {"Content-Type": "text/plain; charset=utf-8"}
    ...     return {"status": 200, "headers": headers, "body": request["uri"]}
    >>> from werkzeug.test import Client
    >>> Client(to_wsgi(hello)).get("/hello").text
    '/hello'
    """
    return handler.app if isinstance(handler, _AppHandler) else RingApp(handler)


def from_wsgi(app: WSGIApp) -> Handler:
    """Make a handler of a WSGI app, so that layers can wrap it.

    `from_wsgi(to_wsgi(handler)) is handler`. The app finds the request dict in
    `environ["ringsession.request"]` and the session in `environ["ringsession.session"]`. It may put
    `session`, `flash`, `cookies` and `session_cookie_attrs` into `environ["ringsession.response"]`.
    The response is complete when the app has called `start_response` and returned, or at its first
    non-empty chunk, or at its first `write()`.
    Raises RuntimeError if the app breaks PEP 3333, and whatever the app raises.
    Source: PEP 3333.

    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("X-Greeting", "hello")])
    ...     return [b"world"]
    >>> response = from_wsgi(app)({"request_method": "get", "uri": "/"})
    >>> response["status"], response["headers"], list(response["body"])
    (200, {'X-Greeting': 'hello'}, [b'world'])
    """
    return app.handler if isinstance(app, RingApp) else _AppHandler(app)
