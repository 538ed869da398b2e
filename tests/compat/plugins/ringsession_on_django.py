"""Put the layers around the handler of Django's test client, when this module is imported.

That client calls its handler without WSGI. So the handler becomes a WSGI app here, and what the
layers send is written back into Django's response.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test.client import ClientHandler
from ringsession_store import around

_call = ClientHandler.__call__


def _cookies(response: Any) -> list[str]:
    return [morsel.OutputString() for morsel in response.cookies.values()]


def _app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    response = _call(environ["compat.handler"], environ)
    environ["compat.responses"].append(response)
    lines = [*response.items(), *(("Set-Cookie", line) for line in _cookies(response))]
    start_response(f"{response.status_code} {response.reason_phrase}", lines)
    return response.streaming_content if response.streaming else [response.content]


_layers = around(_app)


def _take(response: Any, status: str, lines: list[tuple[str, str]], body: Iterable[bytes]) -> None:
    """Write what the layers sent into Django's response."""
    own = _cookies(response)
    response.status_code = int(status[:3])
    for name in list(response.headers):
        del response.headers[name]
    for name, value in lines:
        if name != "Set-Cookie":
            response.headers[name] = value
        elif value not in own:
            response.cookies.load(value)
    if response.streaming:
        response.streaming_content = body
    elif (content := b"".join(body)) != response.content:
        response.content = content


def _call_in_layers(handler: ClientHandler, environ: dict[str, Any]) -> Any:
    responses: list[Any] = []
    sent: list[Any] = []
    environ |= {"compat.handler": handler, "compat.responses": responses}
    environ["wsgi.multiprocess"] = False  # Django's client says True, in the one process it has
    body = _layers(environ, lambda status, lines, exc_info=None: sent.extend((status, lines)))
    if not responses:  # a layer answered
        responses.append(HttpResponse())
        responses[0].wsgi_request = WSGIRequest(environ)
    _take(responses[0], *sent, body)
    return responses[0]


ClientHandler.__call__ = _call_in_layers
