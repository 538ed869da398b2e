"""Give a response to the WSGI server.

This is the commit point: the server's `start_response` is called here, after every layer has
processed the response. Running the app is left to `app_call.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from .body import AppIter, app_iter, close_body
from .environ import Environ
from .message import field_lines, status_line
from ..http.headers import get_charset
from ..request import Handler, Request, Response
from ..response_shape import check_shape

Write = Callable[[bytes], object]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
StartResponse = Callable[..., Write]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_WITHOUT_BODY = frozenset((204, 304))  # RFC 9110 sections 15.3.5 and 15.4.5


class EarlyResponse:
    """Keep a response that was sent while the app was still running: it had called `write()`."""

    rest: Iterable[bytes] = ()

    def __init__(self, response: Response) -> None:
        self.response = response


class Exchange:
    """Pass from `to_wsgi` to `from_wsgi`, in the environ, what a call of `write()` needs.

    handler: the handler with all its layers.
    start_response: the server's; None when the layers have returned, because the server may hold
        the environ, and the environ holds this exchange.
    early: None until the app calls `write()`, and when the layers have returned.
    """

    __slots__ = ("handler", "start_response", "early")

    def __init__(self, handler: Handler, start_response: StartResponse) -> None:
        self.handler = handler
        self.start_response: StartResponse | None = start_response
        self.early: EarlyResponse | None = None


def start(
    response: Response, environ: Environ, start_response: StartResponse
) -> tuple[Iterable[bytes], Write]:
    """Send the status and the headers. Return the body's chunks and the server's `write`."""
    body = response.get("body") if isinstance(response, dict) else None
    chunks: Any = body
    try:
        status = check_shape(response)["status"]
        lines = field_lines(response.get("headers") or {})
        if isinstance(body, AppIter):
            chunks = body.unwrap()
        elif status in _WITHOUT_BODY or environ["REQUEST_METHOD"] == "HEAD":
            chunks = []
            close_body(body)
        else:
            chunks = app_iter(body, get_charset(response) or "utf-8", environ)
        return chunks, start_response(status_line(status), lines)
    except BaseException:
        close_body(chunks)  # the server cannot, since it does not get them
        raise


def start_early(
    exchange: Exchange, request: Request, environ: Environ, response: Response
) -> Write:
    """Send a response while the app is still running. Return where `write()` goes from now on.

    The layers are waiting for the app on this very stack. So they run once more, around the app's
    response alone. The response that they return after the app has ended is dropped, because the
    client has received this one.
    """
    start_response = exchange.start_response
    assert start_response is not None
    exchange.early = EarlyResponse(response)
    final = exchange.handler(request)
    chunks, write = start(final, environ, start_response)
    if final.get("body") is response["body"]:
        return write
    try:
        for chunk in chunks:  # a layer has replaced the app's response
            write(chunk)
    finally:
        close_body(chunks)
    return discard


def discard(data: bytes) -> None:
    """Discard what the app writes after a layer has replaced its response."""
