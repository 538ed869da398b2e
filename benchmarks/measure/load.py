"""Load on a server on loopback: by `wrk` where it is on PATH, or by this process.

Owns both clients, and what they say: requests a second, and the times within which 50 and 99 of 100
were answered. Knows no app.
"""

from __future__ import annotations

import re
import selectors
import shutil
import socket
import statistics
import subprocess
from array import array
from collections.abc import Iterator
from time import monotonic, perf_counter
from typing import NamedTuple

CONNECTIONS = 16
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
LONGEST = 30  # seconds without any answer


class Load(NamedTuple):
    """What one run has given."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float


def client_name() -> str:
    return "wrk" if shutil.which("wrk") else "one Python process"


def make_request(port: int, path: str, cookie: str | None) -> bytes:
    """Return a GET whose connection ends with the answer, as gunicorn's sync workers do anyway."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    return "\r\n".join([*lines, "", ""]).encode()


def load(port: int, path: str, cookie: str | None, seconds: int) -> Load:
    """GET the path again and again; any answer but a 200, or a broken connection, is an error.

    wrk keeps its connections where the server does, this process does not: compare within one
    client only.
    """
    if shutil.which("wrk"):
        return _wrk(port, path, cookie, seconds)
    return send(port, _repeat(make_request(port, path, cookie), seconds))


def _repeat(request: bytes, seconds: int) -> Iterator[bytes]:
    end = monotonic() + seconds
    while monotonic() < end:
        yield request


def send(port: int, requests: Iterator[bytes]) -> Load:
    """Send requests over CONNECTIONS connections at a time, until there are no more.

    One loop over sockets takes less of the machine from the servers than threads would.
    """
    begin, taken = perf_counter(), array("d")
    with selectors.DefaultSelector() as selector:

        def ask() -> None:
            """Send the next request, if there is one."""
            if (request := next(requests, None)) is not None:
                started = perf_counter()
                connection = socket.create_connection(("127.0.0.1", port), LONGEST)
                connection.sendall(request)
                selector.register(connection, selectors.EVENT_READ, (started, bytearray()))

        for _ in range(CONNECTIONS):
            ask()
        while selector.get_map():
            ready = selector.select(LONGEST)
            if not ready:
                raise TimeoutError(f"port {port}: no answer for {LONGEST} seconds")
            for key, _ in ready:
                started, answer = key.data
                if chunk := key.fileobj.recv(65536):  # type: ignore[union-attr]
                    answer += chunk
                    continue
                taken.append(perf_counter() - started)
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
                if not answer.startswith(b"HTTP/1.1 200 "):
                    raise RuntimeError(f"port {port}: expected a 200, got {bytes(answer[:80])!r}")
                ask()
    whole = perf_counter() - begin
    shares = statistics.quantiles(taken, n=100, method="inclusive")
    return Load(len(taken), len(taken) / whole, shares[49] * 1000, shares[98] * 1000)


def _wrk(port: int, path: str, cookie: str | None, seconds: int) -> Load:
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    sizes = ["-t", "2", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency"]
    command = ["wrk", *sizes, *headers, f"http://127.0.0.1:{port}{path}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    done = run.stdout + run.stderr
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done)
    count = re.search(r"(\d+) requests in ", done)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s)\b", done) for share in (50, 99))
    if None in (rate, count, p50, p99) or "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(f"wrk, {path}: expected answers of 200 alone, got {done}")
    assert rate and count and p50 and p99
    times = (float(each[1]) * UNITS[each[2]] for each in (p50, p99))
    return Load(int(count[1]), float(rate[1]), *times)
