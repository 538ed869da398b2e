"""Starlette's SessionMiddleware around a bare ASGI app, driven without a server or an event loop.

Neither the app nor the middleware ever waits, so that one step of the coroutine is the whole
request. Knows no clock.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from starlette.middleware.sessions import SessionMiddleware

from benchmarks.commands.overhead import DATA
from benchmarks.apps.peer_apps import KEY, App, Environ, Peer, Place

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _without_session(scope: Message, receive: Any, send: Send) -> None:
    await _answer(send, b"ok")


async def _with_session(scope: Message, receive: Any, send: Send) -> None:
    path, body = scope["path"], b"ok"
    if path == "/read":
        scope["session"]["user"]
    elif path == "/write":
        scope["session"]["n"] += 1
    elif path == "/new":
        scope["session"].update(DATA)
    elif path == "/seen":
        body = json.dumps(scope["session"]).encode()
    await _answer(send, body)


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _scope(environ: Environ) -> Message:
    names = [name for name in environ if name.startswith("HTTP_")]
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query_string": environ["QUERY_STRING"].encode(),
        "headers": [
            (name[5:].lower().replace("_", "-").encode(), environ[name].encode()) for name in names
        ],
    }


def _as_wsgi(app: Any) -> App:
    """The ASGI app as a WSGI callable; what this costs is in the base too."""

    def called(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        chunks: list[bytes] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start_response(f"{message['status']} -", message["headers"])
            else:
                chunks.append(message["body"])

        try:
            app(_scope(environ), _receive, send).send(None)
        except StopIteration:
            return chunks
        raise RuntimeError("the ASGI app waits for something; expected one that never does")

    return called


@contextmanager
def open_peers(place: Place) -> Iterator[list[Peer]]:
    """The signed cookie, which is all that Starlette has."""
    app = SessionMiddleware(_with_session, secret_key=KEY)
    yield [Peer("cookie", "Starlette", _as_wsgi(app), _as_wsgi(_without_session))]
