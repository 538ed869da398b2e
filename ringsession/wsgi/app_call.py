"""Run a WSGI app once, and make a response dict of its `start_response` and `write` calls.

Sending that response is left to `exchange.py`.
"""

from __future__ import annotations

from .body import AppIter, close_body
from .environ import Environ
from .exchange import EarlyResponse, ExcInfo, Exchange, Write, WSGIApp, discard, start_early
from .message import group_fields, parse_status
from ..request import Request, Response


class AppCall:
    """Record what one call of a WSGI app passes to `start_response` and `write`."""

    __slots__ = ("request", "environ", "exchange", "status", "headers", "write_on", "written")

    headers: list[tuple[str, str]]

    def __init__(self, request: Request, environ: Environ, exchange: Exchange | None) -> None:
        self.request = request
        self.environ = environ
        self.exchange = exchange
        self.status: str | None = None
        # Where `write()` sends its data; set by its first call, or when the app returns.
        self.write_on: Write | None = None
        self.written: list[bytes] | None = None

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Write:
        # PEP 3333: "if exc_info is provided, and the HTTP headers have already been output,
        # start_response must raise an error, and should re-raise using the exc_info tuple".
        if self.status is not None and exc_info is None:
            raise RuntimeError(
                "start_response: the app called it a second time without exc_info. PEP 3333 allows"
                " that only with exc_info"
            )
        if self.write_on is not None and exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        self.status, self.headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        if self.write_on is None:
            if self.exchange is None:  # a handler called this handler: there is no server
                self.written = []
                self.write_on = self.written.append
            else:
                response = self.response(_unsent())
                self.write_on = start_early(self.exchange, self.request, self.environ, response)
        self.write_on(data)

    def response(self, body: AppIter) -> Response:
        """Return the app's response as a dict. The app cannot change it any more."""
        assert self.status is not None
        return {
            "status": parse_status(self.status),
            "headers": group_fields(self.headers),
            "body": body,
            **self.environ["ringsession.response"],
        }

    def run(self, app: WSGIApp) -> Response:
        """Call the app, and read its chunks only until it has called `start_response`."""
        iterable = app(self.environ, self.start_response)
        rest, chunks = None, self.written or []
        try:
            if self.status is None:
                rest = iter(iterable)
                chunks = [chunk for chunk in [next(filter(None, rest), b"")] if chunk]
            body = AppIter(iterable, chunks, rest)
            response = self.upgraded(chunks) if self.status is None else self.response(body)
        except BaseException:
            close_body(iterable)
            raise
        if self.status is None:
            body.close()
        elif self.exchange is not None and self.write_on is not None:
            assert self.exchange.early is not None
            self.send_rest(body, self.exchange.early)
            response["body"] = _unsent()
        self.write_on = self.write_on or discard
        return response

    def upgraded(self, chunks: list[bytes]) -> Response:
        """Return the response of an app that took over the socket. Only the layers see it.

        Such an app, for a websocket, does not call `start_response`, so the server's is not called.
        Raises RuntimeError if the app cannot have taken the socket.
        """
        if chunks:
            raise RuntimeError("the WSGI app returned a body without calling start_response")
        if not self.environ.get("HTTP_UPGRADE"):
            raise RuntimeError("the WSGI app ended without calling start_response")
        own = self.environ["ringsession.response"]
        response = {"status": 101, "headers": {}, "body": AppIter([], [], None), **own}
        if self.exchange is not None:
            self.exchange.early = EarlyResponse(response)
        return response

    def send_rest(self, body: AppIter, early: EarlyResponse) -> None:
        """Send what the app returned after its calls of `write()`, unless a layer replaced it."""
        if self.write_on is discard:
            body.close()
        else:
            early.rest = body.unwrap()


def _unsent() -> AppIter:
    """Return the body of a response that `write()` sends. Its length is unknown."""
    return AppIter(iter(()), [], None)
