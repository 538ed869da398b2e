"""Convert between WSGI apps and Ring-style handlers.

This package is the only one that knows WSGI. It calls the server's `start_response` only after all
layers have processed the response.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .app_call import AppCall
from .body import ClosedAtEnd, close_body
from .callables import check_app, check_handler
from .environ import Environ, environ_request, request_environ
from .exchange import Exchange, StartResponse, start
from .exchange import WSGIApp as WSGIApp
from .form_input import take_form_input
from ..request import AppRequest, Handler, Request, Response, as_request


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
        environ["ringsession.exchange"] = exchange = Exchange(self.handler, start_response)
        try:
            response = self.handler(environ_request(environ))
            if exchange.early is None:
                return start(response, environ, start_response)[0]
            # The client has received the early response.
            close_body(isinstance(response, dict) and response.get("body"))
            return exchange.early.rest
        except BaseException:
            if exchange.early is not None:
                close_body(exchange.early.rest)
            raise
        finally:
            exchange.start_response = exchange.early = None


class _AppHandler:
    """Call a WSGI app as a handler. See `from_wsgi`."""

    __slots__ = ("app",)

    def __init__(self, app: WSGIApp) -> None:
        self.app = app

    def handle(self, request: Mapping[str, Any]) -> Response:
        if not isinstance(request, Request):  # of which most calls have one
            request = as_request(request)
        environ = request_environ(request)
        exchange: Exchange | None = environ.get("ringsession.exchange")
        if exchange is not None and exchange.early is not None:
            return dict(exchange.early.response)
        if environ is dict.get(request, "environ"):
            request["environ"] = dict(environ)  # see AppRequest
        environ["ringsession.request"] = AppRequest(request)
        environ["ringsession.response"] = {}
        if (session := dict.get(request, "session")) is not None:
            environ["ringsession.session"] = session
        return AppCall(request, environ, exchange).run(self.app)


def to_wsgi(handler: Handler) -> WSGIApp:
    """Make a WSGI app of a handler: a function from a request dict to a response dict.

    `to_wsgi(from_wsgi(app)) is app`. The server gets nothing before the handler has returned. A
    body may be None, str, bytes, an iterable of either, a binary file or a path. A response to HEAD
    and a 204 or 304 are sent without their body.
    Raises TypeError at once for what is no handler: a WSGI app, an async function, a function of
    three arguments (see `blocking`). Raises TypeError or ValueError before anything is sent, if the
    response cannot be sent as it is (no status, a control character in a header, a body of another
    type).
    Source: the adapter of a Ring server, PEP 3333.

    >>> def hello(request):
    ...     headers = {"Content-Type": "text/plain; charset=utf-8"}
    ...     return {"status": 200, "headers": headers, "body": request["uri"]}
    >>> from werkzeug.test import Client
    >>> Client(to_wsgi(hello)).get("/hello").text
    '/hello'
    """
    owner = getattr(handler, "__self__", None)
    if isinstance(owner, _AppHandler):
        return owner.app
    if isinstance(handler, RingApp):
        raise TypeError(
            "to_wsgi: this is a WSGI app already, by to_wsgi or wrap_defaults. Call to_wsgi once"
        )
    check_handler(handler)
    return RingApp(handler)


def from_wsgi(app: WSGIApp) -> Handler:
    """Make a handler of a WSGI app, so that layers can wrap it.

    `from_wsgi(to_wsgi(handler)) is handler`. The app finds the request in
    `environ["ringsession.request"]`, a mapping that shows all its keys but `environ`, and the
    session in `environ["ringsession.session"]`. It may put `session`, `flash`, `cookies` and
    `session_cookie_attrs` into `environ["ringsession.response"]`.
    The response is complete when the app has called `start_response` and returned, or at its first
    non-empty chunk, or at its first `write()`.
    An app that took over the socket, for a websocket, may end without calling `start_response`: the
    request has an Upgrade header, and the app returns no bytes.
    Raises TypeError at once for what is no WSGI app, RuntimeError if the app breaks PEP 3333, and
    whatever the app raises.
    Source: PEP 3333.

    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("X-Greeting", "hello")])
    ...     return [b"world"]
    >>> response = from_wsgi(app)({"request_method": "get", "uri": "/"})
    >>> response["status"], response["headers"], list(response["body"])
    (200, {'X-Greeting': 'hello'}, [b'world'])
    """
    if isinstance(app, RingApp):
        return app.handler
    check_app(app)
    return _AppHandler(app).handle
