"""An app that took over the socket, for a websocket, ends without `start_response`."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, TextMessage
from wsproto.events import Request as Handshake

from ringsession import from_wsgi, wrap_defaults
from ringsession.testing import request
from tests.serving import ROOT, free_port, running, wait_until

UPGRADE = {
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_ORIGIN": "http://127.0.0.1",
}


@pytest.fixture(scope="module", params=["gevent-websocket", "simple-websocket"])
def server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    port = free_port()
    script = str(ROOT / "tests/wsgi/websocket_server.py")
    program = ["-m", "gevent.monkey", script, str(port), request.param]
    with running(program, port, tmp_path_factory.mktemp("websockets")) as log:
        yield port, log


def echo(port: int, path: str, cookie: str = "") -> list[str]:
    """Say two words, read what comes back, and close the websocket as a browser does."""
    host = f"127.0.0.1:{port}"
    headers = {"Origin": f"http://{host}"} | ({"Cookie": cookie} if cookie else {})
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    client, received = WSConnection(ConnectionType.CLIENT), list[str]()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(client.send(Handshake(host=host, target=path, extra_headers=lines)))
        while client.state is not ConnectionState.CLOSED:
            client.receive_data(connection.recv(4096) or None)
            for event in client.events():
                received += [event.data] if isinstance(event, TextMessage) else []
            say = ("hello", "you")[len(received) :][:1]
            reply = TextMessage(say[0]) if say else CloseConnection(1000)
            if client.state is ConnectionState.OPEN:
                connection.sendall(client.send(reply))
    return received


def get(port: int, path: str, cookie: str = "") -> tuple[str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        return answer.read().decode(), (answer.getheader("Set-Cookie") or "").partition(";")[0]
    finally:
        connection.close()


@pytest.mark.server
def test_a_websocket_ends_without_a_word_in_the_log(server: tuple[int, Path]) -> None:
    port, log = server
    before = log.read_text()
    assert echo(port, "/echo") == ["HELLO", "YOU"]
    wait_until(lambda: "ended /echo" in log.read_text())
    assert get(port, "/")[0] == "{'pages': 1}"
    said = log.read_text().removeprefix(before)
    assert re.findall("Traceback|Error|Warning| 500 ", said) == []


@pytest.mark.server
def test_a_change_to_a_live_session_is_stored_when_the_websocket_ends(
    server: tuple[int, Path],
) -> None:
    port, _ = server
    _, cookie = get(port, "/")
    assert echo(port, "/session", cookie) == ["HELLO", "YOU"]
    wait_until(lambda: "'sockets': 1" in get(port, "/", cookie)[0])


@pytest.mark.server
def test_a_body_without_start_response_is_still_an_error(server: tuple[int, Path]) -> None:
    port, log = server
    assert get(port, "/broken")[0] == "Internal Server Error"
    assert "RuntimeError: the WSGI app returned a body without calling start_response" in (
        log.read_text()
    )


class Server:
    """A server that fails a test when it is told anything."""

    def __init__(self, **environ: str) -> None:
        self.environ: dict[str, Any] = dict(environ)
        setup_testing_defaults(self.environ)

    def start_response(self, *start: Any) -> Any:
        raise AssertionError(f"the socket is the app's own: {start}")

    def run(self, body: Any) -> list[bytes]:
        app = wrap_defaults(wrap_defaults(lambda environ, start_response: body))
        return list(app(self.environ, self.start_response))


@pytest.mark.parametrize("body", [[], (), [b""], iter([]), iter([b"", b""])])
def test_an_upgrade_without_a_body_tells_the_server_nothing(body: Any) -> None:
    assert Server(**UPGRADE).run(body) == []


def test_what_the_app_returned_is_closed() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([])

        def close(self) -> None:
            closed.append(True)

    assert (Server(**UPGRADE).run(Body()), closed) == ([], [True])


@pytest.mark.parametrize(
    "environ, body, problem",
    [
        ({}, [], "the WSGI app ended without calling start_response"),
        ({"HTTP_CONNECTION": "Upgrade"}, [], "ended without calling start_response"),
        (UPGRADE, [b"x"], "the WSGI app returned a body without calling start_response"),
        ({}, [b"x"], "the WSGI app returned a body without calling start_response"),
        (UPGRADE, iter([b"", b"x"]), "returned a body without calling start_response"),
    ],
)
def test_what_is_no_upgrade_or_has_a_body_is_an_error(
    environ: dict[str, str], body: Any, problem: str
) -> None:
    with pytest.raises(RuntimeError, match=problem):
        Server(**environ).run(body)


def test_a_handler_that_is_called_without_a_server_gets_a_101() -> None:
    app = from_wsgi(lambda environ, start_response: [])
    upgrade = request(headers={"upgrade": "websocket", "connection": "upgrade"})
    answer = app(upgrade)
    assert (answer["status"], answer["headers"], list(answer["body"])) == (101, {}, [])
