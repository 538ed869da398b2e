"""The processor time and the memory of processes, as Linux tells them in /proc.

A server is a process that listens on a port, with all its children: gunicorn's workers,
PostgreSQL's backends.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil


class Memory(NamedTuple):
    """Bytes of one process: RSS counts shared pages in full, PSS by its share."""

    rss: int
    pss: int


def find_server(port: int) -> psutil.Process:
    """Return the process that listens on a port of loopback; the outermost, if it has forked."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            process = psutil.Process(connection.pid)
            # A fork has the same listener, and the same command line.
            while (parent := process.parent()) and parent.cmdline() == process.cmdline():
                process = parent
            return process
    raise LookupError(f"no process listens on port {port}")


def family(process: psutil.Process) -> list[int]:
    """Return the ids of a process and of all its descendants."""
    return [process.pid, *(child.pid for child in process.children(recursive=True))]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the seconds of processor time that these processes have used, in user and system.

    /proc/PID/stat counts in hundredths of a second, schedstat in nanoseconds.
    """
    taken = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                taken += int(task.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # a thread that ended between the two looks
    return taken / 1e9


def memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return Memory(kilobytes["Rss"] * 1024, kilobytes["Pss"] * 1024)
