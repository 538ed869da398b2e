"""Follow a page of docs/ as a reader does: save its files, make its changes, type its commands.

A Python or Jinja block whose first line is a comment with a file's name is that whole file. A diff
block changes the file that it names. A console block has commands, and what each prints. A quoted
line is what the browser shows.
"""

from __future__ import annotations

import re
import shlex
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
                    words = shlex.split(line)
                    self._command = words if words[0] in _SERVERS else self._command
            elif (match := _FILE.match(text)) is not None:
                file = self.folder / match[1]
                file.parent.mkdir(exist_ok=True, parents=True)
                file.write_text(text, "utf-8")
        return step

    @contextmanager
    def server(self) -> Iterator[str]:
        """Run the server that the page says, on a free port, and yield that port."""
        port, (program, *arguments) = free_port(), self._command
        # The reloader is a second process, which would outlive the one that is stopped here.
        rest = [word.replace(PORT, str(port)) for word in arguments if word != "--debug"]
        app = self.folder / "app.py"
        as_shown = app.read_text("utf-8")
        if program == "python":
            app.write_text(as_shown.replace(PORT, str(port)), "utf-8")
        else:
            rest = ["-m", program, *rest]
        try:
            with running(rest, port, self.folder, cwd=self.folder):
                yield str(port)
        finally:
            app.write_text(as_shown, "utf-8")


def transcripts(step: Step) -> str:
    """Return what a step's console blocks show of curl: its commands and what they print."""
    return "".join(text for language, text in step.blocks if "$ curl" in text)


def type_commands(step: Step, port: str, folder: Path) -> str:
    """Run the curl commands of a step, and return the terminal as the page should show it."""
    shown = ""
    for line in transcripts(step).splitlines():
        if line.startswith("$ curl "):
            words = shlex.split(line.removeprefix("$ curl ").replace(PORT, port))
            shown += f"{line}\n{curl(*words, cwd=folder)}"
    return shown
