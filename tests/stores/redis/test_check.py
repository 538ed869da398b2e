"""What the check of a server makes of answers that no server of today gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from ringsession.stores import StoreUnavailable
from ringsession.stores.redis.check import check_server
from ringsession.stores.redis.failures import Broken, Refused
from ringsession.stores.redis.replies import ErrorReply
from tests.servers import Server
from tests.serving import ROOT, free_port, running
from tests.stores.networked import make_store

NAME = b"ringsession:" + b"0" * 64


class Answers:
    """A server in place of the connections, which answers each command by its name."""

    timeout = 2.0
    own_commands = ()
    shown = "redis://old:6379/0"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.is_closed = False

    def ask(self, key: bytes, commands: Any, deadline: float) -> list[Any]:
        found = [self.answers[command[0].decode()] for command in commands]
        for answer in found:
            if isinstance(answer, Exception):
                raise answer
        return found

    def close(self) -> None:
        self.is_closed = True


def refused(text: str) -> Refused:
    return Refused(ErrorReply(text))


TIME = [b"1", b"0"]
NIL_SCRIPT = refused(
    "ERR Error running script: attempt to call field 'acl_check_cmd' (a nil value)"
)
OLD = [
    (
        {"INFO": b"# Server\r\nredis_version:6.2.14\r\n"},
        r"7\.0 or newer, got an older server \(6\.2",
    ),
    ({"INFO": refused("NOPERM no"), "EVALSHA": NIL_SCRIPT}, r"7\.0 or newer, got an older server$"),
    ({"INFO": b"", "GET": refused("NOAUTH Authentication required.")}, "Put the password into"),
]


@pytest.mark.parametrize(("answers", "expected"), OLD)
def test_what_waiting_does_not_cure_is_a_value_error(answers: Any, expected: str) -> None:
    server = Answers(**{"GET": None, "TIME": TIME, "EVALSHA": None, **answers})
    with pytest.raises(ValueError, match=expected):
        check_server(server, NAME, "<store>")
    assert server.is_closed


@pytest.mark.parametrize(
    "error",
    [
        refused("LOADING Redis is loading the dataset in memory"),
        refused("CLUSTERDOWN The cluster is down"),
        Broken("redis_store: the connection failed", was_sent=True),
        StoreUnavailable("redis_store: the server did not answer in time"),
    ],
)
def test_what_waiting_cures_stays_what_it_is(error: Exception) -> None:
    server = Answers(INFO=error, GET=None, TIME=TIME, EVALSHA=None)
    with pytest.raises(type(error)):
        check_server(server, NAME, "<store>")
    assert server.is_closed


@pytest.mark.server
def test_the_workers_of_a_preforking_server_share_no_connection(
    redis: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_store(redis).close()
    with redis_py.Redis(port=redis.port) as admin:
        before = {one["addr"] for one in admin.client_list()}
        monkeypatch.setenv("SESSION_STORE", redis.url)
        port = free_port()
        words = ["-m", "gunicorn", "--preload", "--workers=3", f"--bind=127.0.0.1:{port}"]
        with running([*words, "tests.flask.served:make_app()"], port, tmp_path):
            # The app was wrapped, and so the server was asked, before the workers were forked.
            assert {one["addr"] for one in admin.client_list()} - before == set()


def test_a_check_that_hangs_ends_by_the_timeout() -> None:
    program = """
import socket
from ringsession import redis_store
listener = socket.create_server(("127.0.0.1", 0))
try:
    redis_store(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", timeout=0.2).check()
except Exception as error:
    print(error)
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "redis_store: the server did not answer in time\n"
