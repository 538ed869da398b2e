"""The login as a person uses it, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.serving import free_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@contextmanager
def login_site(folder: Path, *options: str) -> Iterator[str]:
    port = free_port()
    with running(["examples/login.py", "--port", str(port), *options], port, folder):
        yield f"http://127.0.0.1:{port}/"


def log_in(page: Page, url: str, user: str = "ann") -> None:
    page.goto(url)
    page.get_by_label("Your name").fill(user)
    press(page, "Log in")


def press(page: Page, button: str) -> None:
    """Press a form's button, and wait for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()


def who(page: Page) -> str:
    return page.locator("h1").inner_text()


@pytest.mark.parametrize(
    "options",
    [["--store", "memory"], ["--store", "cookie", "--key", "a key of 32 characters for tests"]],
    ids=["memory", "cookie"],
)
def test_a_visit_from_login_to_logout(
    chromium: Browser, tmp_path: Path, options: list[str]
) -> None:
    with login_site(tmp_path, *options) as url:
        page = chromium.new_context().new_page()
        log_in(page, url)
        assert who(page) == "Logged in as ann"
        assert page.get_by_role("status").inner_text() == "Welcome, ann!"
        assert "'ann'" in page.locator("#session").inner_text()
        assert 1700 < int(page.locator("#left").inner_text()) <= 1800

        page.reload()
        assert (who(page), page.get_by_role("status").count()) == ("Logged in as ann", 0)
        assert page.evaluate("document.cookie") == ""  # JavaScript cannot read the session's cookie
        (cookie,) = page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (
            "example-app-sessions",
            True,
            "Lax",
            -1,
        )

        press(page, "Log out")
        assert who(page) == "Nobody is logged in"
        assert page.get_by_role("status").inner_text() == "You are logged out."
        page.go_back()
        assert who(page) == "Nobody is logged in"


def test_two_tabs_share_the_login_and_another_profile_sees_nothing(
    chromium: Browser, tmp_path: Path
) -> None:
    with login_site(tmp_path) as url:
        context = chromium.new_context()
        one, other = context.new_page(), context.new_page()
        log_in(one, url)
        other.goto(url)
        assert who(other) == "Logged in as ann"
        press(other, "Remove my name")
        one.reload()
        assert who(one) == "Nobody is logged in"

        log_in(one, url)
        stranger = chromium.new_context().new_page()
        stranger.goto(url)
        assert who(stranger) == "Nobody is logged in"


def test_with_a_max_age_of_10_the_login_is_gone_after_10_seconds(
    chromium: Browser, tmp_path: Path
) -> None:
    with login_site(tmp_path, "--max-age", "10") as url:
        page = chromium.new_context().new_page()
        log_in(page, url)
        page.reload()
        assert who(page) == "Logged in as ann"
        time.sleep(11)  # the browser's own clock
        page.reload()
        assert who(page) == "Nobody is logged in"
        assert page.context.cookies() == []


def test_a_name_is_text_on_the_page_and_never_markup(chromium: Browser, tmp_path: Path) -> None:
    with login_site(tmp_path) as url:
        page = chromium.new_context().new_page()
        alerts: list[str] = []
        page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
        log_in(page, url, "<img src=x onerror=alert(1)>")
        assert who(page) == "Logged in as <img src=x onerror=alert(1)>"
        assert alerts == []


def test_the_page_works_without_javascript_and_fits_a_phone(
    chromium: Browser, tmp_path: Path
) -> None:
    with login_site(tmp_path) as url:
        context = chromium.new_context(
            java_script_enabled=False, viewport={"width": 360, "height": 740}
        )
        page = context.new_page()
        log_in(page, url)
        assert who(page) == "Logged in as ann"
        box = page.locator("main").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
