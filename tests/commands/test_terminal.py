"""What a person sees on a terminal: a question before the end of everyone, and a moving bar."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests import servers
from tests.commands.process import Done, environ, make_file
from tests.servers import Server

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminal")

ERASED = "\r\x1b[K"


class Terminal:
    """A process whose stdin and stderr are a terminal."""

    def __init__(self, *words: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ringsession", *words],
            env=environ(),
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
        )
        os.close(slave)
        self.shown = ""

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            self.shown += os.read(self.master, 1000).decode()

    def close(self) -> None:
        os.close(self.master)

    def finish(self) -> Done:
        """Return the exit code, what was printed, and what the terminal has shown."""
        with suppress(OSError):  # EIO: the process has closed its side
            while chunk := os.read(self.master, 1000):
                self.shown += chunk.decode()
        out, _ = self.process.communicate(timeout=60)
        return Done(self.process.returncode, out.decode(), self.shown.replace("\r\n", "\n"))


@contextmanager
def paused() -> Iterator[Server]:
    server = servers.valkey()
    try:
        server.start().pause()
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("answer", "done"),
    [("y", (0, "ended 4 sessions\n")), ("", (1, "ended 0 sessions\n"))],
    ids=["yes", "no"],
)
def test_the_end_of_everyone_is_asked_on_a_terminal(
    answer: str, done: tuple[int, str], tmp_path: Path
) -> None:
    url = make_file(tmp_path / "sessions.db")
    question = f"End every session of the cookie 'ring-session' in {url}? [y/N] "
    with closing(Terminal("end", url, "--everyone")) as terminal:
        terminal.read_until(question)
        os.write(terminal.master, f"{answer}\n".encode())
        assert terminal.finish() == (*done, f"{question}{answer}\n")


@pytest.mark.server
def test_what_takes_longer_than_a_second_has_a_bar_which_goes_away() -> None:
    with paused() as server, closing(Terminal("count", server.url)) as terminal:
        code, out, shown = terminal.finish()
        bars, _, end = shown.rpartition(ERASED)
        problem = "redis_store: the server did not answer in time"
        assert (code, out) == (1, "")
        assert end == f"python -m ringsession count: {problem}\n"
        first, *others = bars.split("\r")[1:]
        assert first == "python -m ringsession count [<=>                 ] 1 s"
        assert len(others) > 2
        each = re.compile(r"python -m ringsession count \[ *<=> *\] [1-9] s")
        assert [bar for bar in others if not each.fullmatch(bar)] == []


@pytest.mark.server
def test_ctrl_c_is_one_line() -> None:
    with paused() as server, closing(Terminal("count", server.url)) as terminal:
        terminal.read_until("1 s")
        terminal.process.send_signal(signal.SIGINT)
        code, out, shown = terminal.finish()
        said = "python -m ringsession count: interrupted before its end; run it again\n"
        assert (code, out, shown.rpartition(ERASED)[2]) == (130, "", said)


def test_a_quick_command_shows_no_bar(tmp_path: Path) -> None:
    url = make_file(tmp_path / "sessions.db")
    with closing(Terminal("count", url)) as terminal:
        began = time.monotonic()
        done = terminal.finish()
        assert done.code == 0 and done.out == "4 live sessions\n"
        assert done.err == "" or time.monotonic() - began > 1
