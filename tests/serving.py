"""Run servers on free ports of loopback, in a process of their own or in this one, and ask them
with curl.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.machine import find_program

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise TimeoutError(f"no server on port {port}: {log.read_text()[-2000:]}")


def wait_until(is_so: Callable[[], bool]) -> None:
    """Until something is so, for a minute at most."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def running(arguments: list[str], port: int, folder: Path, cwd: Path = ROOT) -> Iterator[Path]:
    """A Python process that serves on `port`; the file that gets all it prints."""
    log = folder / f"server-{port}.log"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, *arguments], cwd=cwd, env=environ, stdout=output, stderr=output
        )
        try:
            _wait_for(port, server, log)
            yield log
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(10)


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """Serve an app in this process, on a free port of loopback; the port."""
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def curl(*arguments: str, cwd: Path) -> str:
    """Return what curl prints."""
    command = [find_program("curl", package="curl"), "-sS", "--max-time", "60", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=90, check=True)
    return done.stdout.decode()
