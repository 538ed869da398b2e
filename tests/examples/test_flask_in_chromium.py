"""The Flask example as a person uses it, in a real browser, under Flask's own command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.serving import free_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(), tmp_path_factory.mktemp("flask")
    arguments = ["-m", "flask", "--app", "examples/flask_login", "run", "-p", str(port)]
    with running(arguments, port, folder):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context()
    yield opened
    opened.close()


def press(page: Page, button: str) -> list[str]:
    """Press a form's button; the paragraphs of the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()
    return said(page)


def said(page: Page) -> list[str]:
    return page.locator("p").all_inner_texts()


def log_in(page: Page, url: str, user: str = "ann") -> list[str]:
    page.goto(url)
    page.locator("input[name=user]").fill(user)
    return press(page, "Log in")


def cookie_of(context: BrowserContext) -> str:
    (cookie,) = context.cookies()
    return cookie["value"]


def test_a_visit_from_login_to_logout(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    assert log_in(page, url) == ["Welcome!", "Logged in as ann"]
    page.reload()
    assert said(page) == ["Logged in as ann"]
    assert page.evaluate("document.cookie") == ""
    file = {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 700_000}
    page.locator("input[name=file]").set_input_files(file)  # type: ignore[arg-type]
    assert press(page, "Upload") == ["a.bin: 700000 bytes", "Logged in as ann"]
    page.reload()
    assert said(page) == ["Logged in as ann"]
    assert press(page, "Log out") == ["Good bye!"]
    page.go_back()
    page.reload()
    assert said(page) == []


def test_the_login_moves_the_session_and_the_logout_ends_it(
    chromium: Browser, context: BrowserContext, url: str
) -> None:
    page = context.new_page()
    page.goto(url)  # the form's token is in a session already
    before = cookie_of(context)
    log_in(page, url)
    during = cookie_of(context)
    press(page, "Log out")
    stranger = chromium.new_context()
    for value in (before, during):
        stranger.add_cookies([{"name": "flask-login", "value": value, "url": url}])
        tab = stranger.new_page()
        tab.goto(url)
        assert (tab.get_by_role("button").inner_text(), said(tab)) == ("Log in", [])
    stranger.close()


def test_two_tabs_share_the_login_and_only_one_sees_the_message(
    context: BrowserContext, url: str
) -> None:
    one, other = context.new_page(), context.new_page()
    assert log_in(one, url) == ["Welcome!", "Logged in as ann"]
    other.goto(url)
    assert said(other) == ["Logged in as ann"]
    press(other, "Log out")
    one.reload()
    assert said(one) == []


def test_a_name_is_text_on_the_page_and_never_markup(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    name = "<img src=x onerror=alert(1)>"
    assert log_in(page, url, name) == ["Welcome!", f"Logged in as {name}"]
    assert alerts == []
