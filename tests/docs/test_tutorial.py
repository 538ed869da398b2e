"""The two tutorials: whoever follows them, from the first file to gunicorn, sees what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import metadata
from pathlib import Path

import psutil
import pytest

from tests.docs.browser import Browser
from tests.docs.reader import Reader, find_steps, transcripts, type_commands
from tests.machine import find_program
from tests.serving import curl, wait_until

PAGES = ["tutorial/flask.md", "tutorial/handlers.md"]
STEPS = [
    "",
    "Start a project",
    "Count visits",
    "Sign in and out",
    "Say what happened",
    "Keep sessions when the server restarts",
    "Remember a login",
    "Run it with gunicorn",
    "Before others use it",
]
pytestmark = pytest.mark.server


@contextmanager
def opened(reader: Reader, browser: Browser) -> Iterator[str]:
    with reader.server() as port:
        browser.origin = f"http://127.0.0.1:{port}"
        yield port


def count(reader: Reader, browser: Browser) -> None:
    step = reader.do("Count visits")
    with opened(reader, browser) as port:
        assert [browser.open(), browser.open()] == step.shown
        assert type_commands(step, port, reader.folder) == transcripts(step)


def sign_in_and_out(reader: Reader, browser: Browser) -> None:
    step = reader.do("Sign in and out")
    with opened(reader, browser) as port:
        seen, stranger = [browser.open()], browser.cookies()
        seen.append(browser.press(user="ann", password="open sesame"))
        member = browser.cookies()
        assert member.keys() == stranger.keys() and member != stranger
        seen.append(browser.press_without_token())
        assert seen == step.shown
        assert type_commands(step, port, reader.folder) == transcripts(step)


def say(reader: Reader, browser: Browser) -> None:
    step = reader.do("Say what happened")
    with opened(reader, browser):
        browser.open()
        assert step.shown == [
            browser.press(user="ann", password="open says me"),
            browser.press(user="ann", password="open sesame"),
            browser.open(),
            browser.press(),
        ]


def restart(reader: Reader, browser: Browser) -> None:
    step = reader.do("Keep sessions when the server restarts")
    with opened(reader, browser):
        browser.open()
        seen = [browser.press(user="ann", password="open sesame")]
    with opened(reader, browser):
        assert [*seen, browser.open()] == step.shown
    (cookie,) = browser.cookies().values()
    files = list(reader.folder.glob("sessions.db*"))
    assert files != [] and {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert [file for file in files if cookie.encode() in file.read_bytes()] == []


def remember(reader: Reader, browser: Browser) -> None:
    with opened(reader, browser):
        browser.close_and_start_again()
        seen = [browser.open()]
    step = reader.do("Remember a login")
    with opened(reader, browser):
        seen.append(browser.open())
        seen.append(browser.press(user="ann", password="open sesame", remember="on"))
        browser.close_and_start_again()
        assert [*seen, browser.open()] == step.shown


def run_with_gunicorn(reader: Reader, browser: Browser) -> None:
    step = reader.do("Run it with gunicorn")
    with opened(reader, browser):
        master = psutil.Process(int((reader.folder / "pid").read_text()))
        wait_until(lambda: len(master.children()) == 2)
        seen = [browser.open()]
        for worker in master.children():
            worker.suspend()  # so that the other one answers
            try:
                seen.append(browser.open())
            finally:
                worker.resume()
        assert seen == step.shown


@pytest.mark.parametrize("page", PAGES)
def test_whoever_follows_a_tutorial_sees_what_it_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_program("curl", package="curl")
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--pid pid")
    reader, browser = Reader(page, tmp_path), Browser()
    for follow in (count, sign_in_and_out, say, restart, remember, run_with_gunicorn):
        follow(reader, browser)
    assert list(reader.steps) == STEPS


def whole(page: str, folder: Path) -> Reader:
    """Follow a tutorial to its end, without looking."""
    reader = Reader(page, folder)
    for title in STEPS:
        reader.do(title)
    return reader


def test_the_last_change_of_the_flask_tutorial_makes_the_cookie_secure(tmp_path: Path) -> None:
    reader = whole("tutorial/flask.md", tmp_path)
    with reader.server() as port:
        answer = curl("-D", "-", "-o", "page", f"http://127.0.0.1:{port}/", cwd=tmp_path)
    (attributes,) = re.findall(r"Set-Cookie: session=[\w-]+; (.*)\r\n", answer)
    assert attributes == "Path=/; HttpOnly; SameSite=Lax; Secure"


def test_the_last_change_of_the_handlers_tutorial_redirects_to_https(tmp_path: Path) -> None:
    reader = whole("tutorial/handlers.md", tmp_path)
    with reader.server() as port:
        answer = curl("-D", "-", f"http://127.0.0.1:{port}/", cwd=tmp_path)
    assert "Location: https://127.0.0.1" in answer


@pytest.mark.parametrize("page", PAGES)
def test_a_copy_of_the_cookie_opens_nothing_after_the_logout(page: str, tmp_path: Path) -> None:
    reader, browser, thief = Reader(page, tmp_path), Browser(), Browser()
    for title in STEPS[:4]:
        reader.do(title)
    with opened(reader, browser):
        browser.open()
        browser.press(user="ann", password="open sesame")
        thief.origin = browser.origin
        thief.take_cookies(browser)
        assert thief.open() == "Hello ann, this is visit 3. [Sign out]"
        browser.press()
        assert thief.open() == "This is visit 1. Name [....] Password [....] [Sign in]"


def test_what_a_tutorial_installs_is_this_package_and_an_extra_that_it_has() -> None:
    named = [
        re.findall(r'"(\w+)(?:\[(\w+)\])? @ ', block)
        for page in PAGES
        for _, block in find_steps(page)["Start a project"].blocks
    ]
    assert named == [[("ringsession", "flask")], [("ringsession", "")]]
    about = metadata("ringsession")
    assert about["Name"] == "ringsession" and "flask" in about.get_all("Provides-Extra", [])
