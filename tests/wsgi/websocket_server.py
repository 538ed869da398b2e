"""Echo over a websocket behind the whole stack, under gevent. Arguments: the port and the library.

`/echo` answers in capitals until the client closes; `/session` counts in the session first. A page
is served everywhere else. Run it by `python -m gevent.monkey`, since simple-websocket uses threads.
"""

from __future__ import annotations

import sys
from typing import Any

from gevent import pywsgi
from geventwebsocket.handler import WebSocketHandler
from simple_websocket import ConnectionClosed, Server

from ringsession import wrap_defaults


def by_gevent_websocket(environ: Any) -> None:
    socket = environ["wsgi.websocket"]
    while (message := socket.receive()) is not None:
        socket.send(message.upper())


def by_simple_websocket(environ: Any) -> None:
    socket = Server.accept(environ)
    try:
        while True:
            socket.send(socket.receive().upper())
    except ConnectionClosed:
        pass


def main(port: str, library: str) -> None:
    echo, handler = {
        "gevent-websocket": (by_gevent_websocket, WebSocketHandler),
        "simple-websocket": (by_simple_websocket, pywsgi.WSGIHandler),
    }[library]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        session = environ["ringsession.session"]
        match environ["PATH_INFO"]:
            case "/echo":
                echo(environ)
                return []
            case "/session":
                session["sockets"] = session.get("sockets", 0) + 1
                echo(environ)
                return []
            case "/broken":
                return [b"a body, and no start_response"]
        session["pages"] = session.get("pages", 0) + 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(dict(session)).encode()]

    stack = wrap_defaults(app)

    def logged(environ: Any, start_response: Any) -> Any:
        try:
            return stack(environ, start_response)
        finally:
            print("ended", environ["PATH_INFO"], flush=True)

    pywsgi.WSGIServer(("127.0.0.1", int(port)), logged, handler_class=handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
