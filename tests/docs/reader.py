"""Follow a page of docs/ as a reader does: save its files, make its changes, type its commands.

A Python or Jinja block whose first line is a comment with a file's name is that whole file. A diff
block changes the file that it names. A console block has commands, and what each prints. A quoted
line is what the browser shows.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.serving import curl, free_port, running

DOCS = Path(__file__).parents[2] / "docs"
PORT = "8000"  # which the pages write; a test takes a free one
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"(?:#|\{#) (\w[\w/]*\.(?:py|html))(?: #\})?\n")
_SERVERS = ("flask", "gunicorn", "python")


class Step(NamedTuple):
    """What a page has under one of its headings. A block is its language and its text."""

    blocks: list[tuple[str, str]]
    shown: list[str]


def find_steps(page: str) -> dict[str, Step]:
    """Return the steps of a page of docs/, by their headings; what stands above them is ""."""
    text = (DOCS / page).read_text("utf-8")
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    titles = ["", *parts[1::2]]
    return {title: _read_step(part) for title, part in zip(titles, parts[::2], strict=True)}


def _read_step(part: str) -> Step:
    blocks = [(match[1], match[2]) for match in _BLOCK.finditer(part)]
    return Step(blocks, re.findall(r"^> (.*)$", _BLOCK.sub("", part), re.MULTILINE))


def change_file(folder: Path, diff: str) -> None:
    """Make the changes of a diff. What each part of it replaces must be in the file once."""
    old_name, new_name, *lines = diff.splitlines(keepends=True)
    name = old_name.removeprefix("--- ").strip()
    assert new_name == f"+++ {name}\n", diff
    text = (folder / name).read_text("utf-8")
    for part in "".join(lines).split("@@\n"):
        change = part.splitlines(keepends=True)
        old, new = (
            "".join(line[1:] for line in change if line[0] in kept) for kept in (" -", " +")
        )
        assert f"\n{text}".count(f"\n{old}") == 1, f"{name} does not have once:\n{old}"
        text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
    (folder / name).write_text(text, "utf-8")


class Reader:
    """A person with a folder and two terminals, who reads one page."""

    def __init__(self, page: str, folder: Path) -> None:
        self.steps, self.folder = find_steps(page), folder
        self._command: list[str] = []

    def do(self, title: str) -> Step:
        """Save the files of a step, make its changes, and note how its server is started."""
        step = self.steps[title]
        for language, text in step.blocks:
            if language == "diff":
                change_file(self.folder, text)
            elif language == "console":
                for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                    self._type(shlex.split(line))
            elif (match := _FILE.match(text)) is not None:
                file = self.folder / match[1]
                file.parent.mkdir(exist_ok=True, parents=True)
                file.write_text(text, "utf-8")
        return step

    def _type(self, words: list[str]) -> None:
        """Run a command that prepares a Django project; note one that starts a server."""
        if words[0] == "django-admin":
            self._prepare("-m", "django", *words[1:])
        elif words[:2] == ["python", "manage.py"] and words[2] != "runserver":
            self._prepare(*words[1:], "--noinput")
        elif words[0] in _SERVERS:
            self._command = words

    def _prepare(self, *words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=self.folder, check=True, timeout=120)

    @contextmanager
    def server(self) -> Iterator[str]:
        """Run the server that the page says, on a free port, and yield that port."""
        port, (program, *arguments) = str(free_port()), self._command
        # A reloader is a second process, which would outlive the one that is stopped here.
        rest = [word.replace(PORT, port) for word in arguments if word != "--debug"]
        if "runserver" in rest:
            rest.append("--noreload")
        if program != "python":
            rest = ["-m", program, *rest]
        file = self.folder / arguments[0]  # of a program that knows its port itself
        as_shown = file.read_text("utf-8") if file.is_file() else ""
        if as_shown:
            file.write_text(as_shown.replace(PORT, port), "utf-8")
        try:
            with running(rest, int(port), self.folder, cwd=self.folder):
                yield port
        finally:
            if as_shown:
                file.write_text(as_shown, "utf-8")


def transcripts(step: Step) -> str:
    """Return what a step's console blocks show of curl: its commands and what they print."""
    return "".join(text for language, text in step.blocks if "$ curl" in text)


def type_commands(step: Step, port: str, folder: Path) -> str:
    """Run the curl commands of a step, and return the terminal as the page should show it.

    The other commands are those of `Reader`. They show nothing here.
    """
    shown = ""
    for line in transcripts(step).splitlines():
        if line.startswith("$ "):
            shown += f"{line}\n"
        if line.startswith("$ curl "):
            words = shlex.split(line.removeprefix("$ curl ").replace(PORT, port))
            shown += curl(*words, cwd=folder)
    return shown
