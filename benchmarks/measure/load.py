"""Load on a server on loopback for a bounded time: by `wrk` where it is on PATH, or by threads of
this process.

Owns both clients, and what they say: requests a second, and the time within which 99 of 100 were
answered. Knows no app.
"""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import threading
from time import monotonic, perf_counter
from typing import NamedTuple

CONNECTIONS = 16
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Load(NamedTuple):
    """What one run has given."""

    per_second: float
    p99_ms: float


def client_name() -> str:
    return "wrk" if shutil.which("wrk") else f"{CONNECTIONS} Python threads"


def load(port: int, path: str, cookie: str | None, seconds: int) -> Load:
    """GET the path again and again; any answer but a 200, or a broken connection, is an error.

    wrk keeps its connections where the server does, the threads do not: compare within one client
    only.
    """
    return (_wrk if shutil.which("wrk") else _threads)(port, path, cookie, seconds)


def _wrk(port: int, path: str, cookie: str | None, seconds: int) -> Load:
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    sizes = ["-t", "2", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency"]
    command = ["wrk", *sizes, *headers, f"http://127.0.0.1:{port}{path}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    done = run.stdout + run.stderr
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done)
    worst = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", done)
    if rate is None or worst is None or "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(f"wrk, {path}: expected answers of 200 alone, got {done}")
    return Load(float(rate[1]), float(worst[1]) * UNITS[worst[2]])


def _threads(port: int, path: str, cookie: str | None, seconds: int) -> Load:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    request = "\r\n".join([*lines, "", ""]).encode()
    begin, taken, errors = monotonic(), list[float](), list[str]()
    end = begin + seconds

    def work() -> None:
        while monotonic() < end and not errors:
            started = perf_counter()
            try:
                answer = _ask(port, request)
            except OSError as error:
                errors.append(repr(error))
                return
            taken.append(perf_counter() - started)
            if not answer.startswith(b"HTTP/1.1 200 "):
                errors.append(repr(answer[:80]))

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 30)
    if errors:
        raise RuntimeError(f"{path}: expected answers of 200 alone, got {errors[0]}")
    p99 = statistics.quantiles(taken, n=100, method="inclusive")[98]
    return Load(len(taken) / (monotonic() - begin), p99 * 1000)


def _ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer
