"""The two edges: a handler as a WSGI app, and a WSGI app as a handler.

Owns the commit point: nothing is told to the server before every layer has seen the response. Together with
`environ.py` (requests), `message.py` (status, headers) and `body.py` (bodies) this alone knows WSGI; it knows no layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from .body import AppIter, ClosedAtEnd, app_iter, close_body
from .environ import Environ, environ_request, request_environ
from .form_input import take_form_input
from .message import field_lines, group_fields, parse_status, status_line
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, get_charset

Write = Callable[[bytes], object]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
StartResponse = Callable[..., Write]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_WITHOUT_BODY = frozenset((204, 304))  # RFC 9110 sections 15.3.5 and 15.4.5


class _Early:
    """What the server was told before the app had ended, since the app called `write()`."""

    rest: Iterable[bytes] = ()

    def __init__(self, response: Response) -> None:
        self.response = response


# What `to_wsgi` leaves in the environ for `from_wsgi`; the list holds the early answer, once there is one.
_Edge = tuple[Handler, StartResponse, list[_Early]]


def _begin(
    response: Response, environ: Environ, start_response: StartResponse
) -> tuple[Iterable[bytes], Write]:
    """Tell the server the status and the headers; the body, to be sent, and the server's `write`."""
    body, status = response.get("body"), response["status"]
    lines = field_lines(response.get("headers") or {})
    if isinstance(body, AppIter):
        chunks = body.unwrap()
    elif status in _WITHOUT_BODY or environ["REQUEST_METHOD"] == "HEAD":
        close_body(body)
        chunks = []
    else:
        chunks = app_iter(body, get_charset(response) or "utf-8", environ)
    return chunks, start_response(status_line(status), lines)


def _begin_early(edge: _Edge, request: Request, environ: Environ, response: Response) -> Write:
    """Answer while the app still runs, since it called `write()`.

    The layers stand below the app on this very stack, so they run once more, on the app's response
    alone; what they give when the app has ended comes too late for the client and is dropped.
    """
    handler, start_response, early = edge
    early.append(_Early(response))
    final = handler(request)
    chunks, write = _begin(final, environ, start_response)
    if final.get("body") is response["body"]:
        return write
    for chunk in chunks:  # a layer put its own answer in place of the app's
        write(chunk)
    close_body(chunks)
    return _drop


def _drop(data: bytes) -> None:
    """What an app writes after a layer answered in its place goes nowhere."""


class RingApp:
    """A handler as a WSGI app. See `to_wsgi`."""

    __slots__ = ("handler", "config")

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.config: dict[str, Any] | None = None  # that of wrap_defaults, to be explained

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        form = take_form_input(environ) if "CONTENT_TYPE" in environ else None
        if form is None:
            return self._answer(environ, start_response)
        try:
            chunks = self._answer(environ, start_response)
        except BaseException:
            form.close()
            raise
        if type(chunks) is list:  # nothing is left to be read while it is sent
            form.close()
            return chunks
        return ClosedAtEnd(chunks, form.close)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        early: list[_Early] = []
        environ["ringsession.edge"] = (self.handler, start_response, early)
        response = self.handler(environ_request(environ))
        if early:
            return early[0].rest
        return _begin(check_response(response), environ, start_response)[0]


class _AppCall:
    """One call of a WSGI app: what it says by `start_response` is recorded here."""

    headers: list[tuple[str, str]]

    def __init__(self, request: Request, environ: Environ, edge: _Edge | None) -> None:
        self.request = request
        self.environ = environ
        self.edge = edge
        self.status: str | None = None
        # where `write()` goes, from its first call or the app's return on
        self.write_on: Write | None = None
        self.written: list[bytes] | None = None

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Write:
        # PEP 3333: "if exc_info is provided, and the HTTP headers have already been output,
        # start_response must raise an error, and should re-raise using the exc_info tuple".
        if self.status is not None and exc_info is None:
            raise RuntimeError("start_response: called a second time without exc_info")
        if self.write_on is not None and exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        self.status, self.headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        if self.write_on is None:
            if self.edge is None:  # nobody to write to: a handler called by a handler
                self.written = []
                self.write_on = self.written.append
            else:
                response = self.response(AppIter(iter(()), [], None))  # of a length not known
                self.write_on = _begin_early(self.edge, self.request, self.environ, response)
        self.write_on(data)

    def response(self, body: AppIter) -> Response:
        """What the app has said, as a response dict; nothing can be changed from here on."""
        if self.status is None:
            raise RuntimeError("the app ended without calling start_response")
        return {
            "status": parse_status(self.status),
            "headers": group_fields(self.headers),
            "body": body,
            **self.environ["ringsession.response"],
        }

    def run(self, app: WSGIApp) -> Response:
        """Call the app, and read on only until it has called `start_response`."""
        iterable = app(self.environ, self.start_response)
        rest, taken = None, self.written or []
        try:
            if self.status is None:
                rest = iter(iterable)
                taken = [chunk for chunk in [next(filter(None, rest), b"")] if chunk]
            body = AppIter(iterable, taken, rest)
            response = self.response(body)
        except BaseException:
            close_body(iterable)
            raise
        if self.edge is not None and self.write_on is not None:
            self.leave(body, self.edge[2][0])
        self.write_on = self.write_on or _drop
        return response

    def leave(self, body: AppIter, early: _Early) -> None:
        """After `write()`: what the app returned goes to the server as it is, or nowhere."""
        if self.write_on is _drop:
            body.close()
        else:
            early.rest = body.unwrap()


class _AppHandler:
    """A WSGI app as a handler. See `from_wsgi`."""

    __slots__ = ("app",)

    def __init__(self, app: WSGIApp) -> None:
        self.app = app

    def __call__(self, request: Mapping[str, Any]) -> Response:
        request = as_request(request)
        environ = request_environ(request)
        edge: _Edge | None = environ.get("ringsession.edge")
        if edge is not None and edge[2]:
            return dict(edge[2][0].response)
        environ["ringsession.request"] = request
        environ["ringsession.response"] = {}
        if (session := dict.get(request, "session")) is not None:
            environ["ringsession.session"] = session
        return _AppCall(request, environ, edge).run(self.app)


def to_wsgi(handler: Handler) -> WSGIApp:
    """Make a WSGI app of a handler: a function from a request dict to a response dict.

    `to_wsgi(from_wsgi(app)) is app`. The server hears nothing before the handler has returned. A body may be
    None, str, bytes, an iterable of either, a binary file or a path; on HEAD, 204 and 304 none is sent.
    Raises TypeError or ValueError where the response cannot be sent as it is (a control character in a
    header, a body of another type), before anything is.
    Source: the adapter of a Ring server, PEP 3333.

    >>> app = to_wsgi(lambda request: {"status": 200, "headers": {}, "body": request["uri"]})
    >>> from werkzeug.test import Client
    >>> Client(app).get("/hello").text
    '/hello'
    """
    return handler.app if isinstance(handler, _AppHandler) else RingApp(handler)


def from_wsgi(app: WSGIApp) -> Handler:
    """Make a handler of a WSGI app, so that layers can stand around it.

    `from_wsgi(to_wsgi(handler)) is handler`. The app finds the request dict in `environ["ringsession.request"]`,
    the session in `environ["ringsession.session"]`, and may put `session`, `flash`, `cookies` and
    `session_cookie_attrs` into `environ["ringsession.response"]`. The response is made when the app has
    called `start_response` and returned, or at its first non-empty chunk, or at its first `write()`.
    Raises RuntimeError where the app breaks PEP 3333, and what the app raises.

    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("X-Greeting", "hello")])
    ...     return [b"world"]
    >>> response = from_wsgi(app)({"request_method": "get", "uri": "/"})
    >>> response["status"], response["headers"], list(response["body"])
    (200, {'X-Greeting': 'hello'}, [b'world'])
    """
    return app.handler if isinstance(app, RingApp) else _AppHandler(app)
