"""Your devices, as two people's hands use them: two profiles of a real browser.

With SCREENSHOT=FILE in the environment, the page of the README is saved there.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.serving import free_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    store = f"sqlite:///{tmp_path}/devices.db"
    command = ["examples/devices.py", "--port", str(port), "--store", store]
    with running(command, port, tmp_path):
        yield f"http://127.0.0.1:{port}/"


def press(page: Page, button: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=button).first.click()


def sign_in(
    page: Page, url: str, *, remember: bool = False, password: str = "anns password"
) -> None:
    page.goto(url)
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(password)
    page.get_by_label("Remember me on this device").set_checked(remember)
    press(page, "Sign in")


def profiles(chromium: Browser, count: int = 2, **options: Any) -> list[Page]:
    return [chromium.new_context(**options).new_page() for _ in range(count)]


def heading(page: Page) -> str:
    return page.locator("h1").inner_text()


def told(page: Page) -> str:
    return page.get_by_role("status").inner_text()


def rows(page: Page) -> int:
    return page.locator("tbody tr").count()


def test_a_session_that_is_ended_in_one_profile_is_signed_out_in_the_other(
    chromium: Browser, url: str
) -> None:
    one, other = profiles(chromium)
    for page in (one, other):
        sign_in(page, url)
        assert (heading(page), told(page)) == ("Your devices", "You are signed in.")
    assert rows(other) == 2
    assert other.locator("tr[aria-current=true]").inner_text().count("This one") == 1
    assert "Chrome on Linux" in other.locator("tbody").inner_text()
    press(other, re.compile("^Sign out Chrome"))  # type: ignore[arg-type]
    assert (told(other), rows(other)) == ("That device is signed out.", 1)
    one.reload()
    assert heading(one) == "Sign in"


def test_a_form_of_an_ended_session_is_answered_with_the_sign_in(
    chromium: Browser, url: str
) -> None:
    one, other = profiles(chromium)
    for page in (one, other):
        sign_in(page, url)
    press(other, "Sign out everywhere else")
    one.get_by_label("Old password").fill("anns password")
    one.get_by_label("New password").fill("another password")
    press(one, "Change the password")
    assert one.get_by_role("alert").inner_text() == "You are signed out. Please sign in."
    sign_in(one, url, password="a wrong one")
    assert one.get_by_role("alert").inner_text() == "That is not the name and password of a user."
    sign_in(one, url)
    assert (heading(one), told(one)) == ("Your devices", "You are signed in.")


def test_everywhere_else_is_signed_out_and_the_password_changed(
    chromium: Browser, url: str
) -> None:
    one, other, third = profiles(chromium, 3)
    for page in (one, other):
        sign_in(page, url)
    press(other, "Sign out everywhere else")
    assert told(other) == "Other devices that were signed out: 1."
    one.reload()
    assert heading(one) == "Sign in"
    sign_in(one, url)
    other.reload()
    other.get_by_label("Old password").fill("anns password")
    other.get_by_label("New password").fill("another password")
    press(other, "Change the password")
    assert told(other) == "Your password is changed, and other devices are signed out."
    one.reload()
    assert heading(one) == "Sign in"
    sign_in(third, url)
    assert third.get_by_role("alert").inner_text() == "That is not the name and password of a user."
    sign_in(third, url, password="another password")
    assert heading(third) == "Your devices"


def test_a_remembered_device_keeps_its_cookie(chromium: Browser, url: str) -> None:
    (page,) = profiles(chromium, 1)
    sign_in(page, url, remember=True)
    (cookie,) = page.context.cookies()
    assert 29 * 86_400 < cookie["expires"] - time.time() <= 30 * 86_400
    press(page, re.compile("^Sign out$"))  # type: ignore[arg-type]
    sign_in(page, url)
    (cookie,) = page.context.cookies()
    assert cookie["expires"] == -1


def test_the_mail_address_changes_only_after_the_password(chromium: Browser, url: str) -> None:
    (page,) = profiles(chromium, 1)
    sign_in(page, url)
    page.get_by_role("link", name="E-mail address").click()
    assert heading(page) == "Is it you?"
    page.get_by_label("Password").fill("a wrong one")
    press(page, "Continue")
    assert page.get_by_role("alert").inner_text() == "That is not your password."
    page.get_by_label("Password").fill("anns password")
    press(page, "Continue")
    assert heading(page) == "E-mail address"
    page.get_by_label("E-mail address").fill("new@example.org")
    press(page, "Save")
    assert told(page) == "Your e-mail address is new@example.org now."


CONTRAST = """() => {
  const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (color) => {
    probe.clearRect(0, 0, 1, 1); probe.fillStyle = color; probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const linear = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map(linear);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = rgb(getComputedStyle(node).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255, 255];
  };
  const hasText = node => node.matches('input:not([type=hidden], [hidden])') ||
    [...node.childNodes].some(each => each.nodeType === Node.TEXT_NODE && each.data.trim());
  return [...document.querySelectorAll('body *')].filter(hasText).map(node => {
    const pair = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
    const [a, b] = pair.sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), node.outerHTML.slice(0, 80)];
  }).filter(([ratio]) => ratio < 4.5);
}"""
UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden], [hidden]), button, a')]
  .filter(node => !(node.labels?.length || node.innerText))
  .map(node => node.outerHTML)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_is_readable_and_has_names_for_a_screen_reader(
    chromium: Browser, url: str, scheme: str
) -> None:
    (page,) = profiles(chromium, 1, color_scheme=scheme)
    page.goto(url)
    for path in ("", "", "mail"):
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(UNNAMED) == []
        assert page.locator("h1").count() == page.locator("main").count() == 1
        assert page.locator("html").get_attribute("lang") == "en" and page.title() == heading(page)
        if heading(page) == "Sign in":
            sign_in(page, url)
        page.goto(url + path)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}[scheme]


def test_the_keyboard_alone_signs_in(chromium: Browser, url: str) -> None:
    (page,) = profiles(chromium, 1)
    page.goto(url)
    page.keyboard.press("Tab")
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type("anns password")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert heading(page) == "Your devices"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px", "the focus shows"


def test_the_pages_keep_their_policy(chromium: Browser, url: str) -> None:
    (page,) = profiles(chromium, 1)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    sign_in(page, url)
    page.goto(url + "mail")
    assert said == []


def test_a_narrow_window_scrolls_the_table_and_not_the_page(chromium: Browser, url: str) -> None:
    (page,) = profiles(chromium, 1, viewport={"width": 320, "height": 640})
    sign_in(page, url)
    wide = "node => node.scrollWidth > node.clientWidth"
    assert page.locator("html").evaluate(wide) is False
    assert page.get_by_role("region").evaluate(wide) is True


AGENTS = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; rv:132.0) Gecko/20100101 Firefox/132.0",
]


def test_the_screenshot(chromium: Browser, url: str) -> None:
    for agent in AGENTS:
        sign_in(*profiles(chromium, 1, user_agent=agent), url)
    (page,) = profiles(chromium, 1, viewport={"width": 900, "height": 760})
    sign_in(page, url)
    names = set(page.locator("tbody th").all_inner_texts())
    assert names == {"Chrome on Linux", "Firefox on Windows", "Safari on iPhone"}
    if name := os.environ.get("SCREENSHOT"):
        page.screenshot(path=Path(name))
