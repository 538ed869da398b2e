"""The guestbook as a person uses it, over HTTPS, in a real browser.

With SCREENSHOT=FILE in the environment, its page is saved there.
"""

from __future__ import annotations

import http.client
import os
import ssl
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.serving import free_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def png(red: int, green: int, blue: int) -> bytes:
    """A small picture of one colour that fades."""
    rows = b"".join(
        b"\0" + bytes(min(255, c + y * 2) for _ in range(48) for c in (red, green, blue))
        for y in range(48)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", 48, 48, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = free_port()
    folder = tmp_path_factory.mktemp("guestbook")
    with running(["examples/guestbook/guestbook.py", str(number)], number, folder):
        yield number


@pytest.fixture
def page(chromium: Browser, port: int) -> Iterator[Page]:
    viewport = {"width": 900, "height": 700}
    context = chromium.new_context(ignore_https_errors=True, viewport=viewport)
    opened = context.new_page()
    opened.goto(f"https://localhost:{port}/")
    yield opened
    context.close()


def sign(page: Page, name: str, message: str, picture: bytes | None = None) -> str:
    """Fill in the form and send it; what the next page says."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Message").fill(message)
    if picture is not None:
        file = {"name": "picture.png", "mimeType": "image/png", "buffer": picture}
        page.get_by_label("Picture").set_input_files(file)  # type: ignore[arg-type]
    with page.expect_navigation():
        page.get_by_role("button", name="Sign").click()
    return page.locator("[role=status], [role=alert]").inner_text()


def test_an_entry_with_a_picture_is_shown_with_a_message_that_goes(page: Page) -> None:
    assert (
        sign(page, "Ann", "Lovely place! <script>alert(1)</script>", png(200, 60, 40))
        == "Thank you, Ann!"
    )
    entry = page.locator("article").first
    assert entry.inner_text().split("\n\n") == ["Ann", "Lovely place! <script>alert(1)</script>"]
    assert entry.locator("img").evaluate("image => image.naturalWidth") == 48
    page.reload()
    assert page.get_by_role("status").count() == 0
    assert page.get_by_label("Your name").input_value() == "Ann"


def test_the_page_has_its_style_and_its_cookie_is_kept_from_scripts(page: Page, port: int) -> None:
    colour = page.locator("h1").evaluate("h1 => getComputedStyle(h1).color")
    assert colour == "rgb(39, 93, 79)"
    (cookie,) = page.context.cookies()
    kept = {name: cookie.get(name) for name in ("name", "secure", "httpOnly", "sameSite", "path")}
    assert kept == {
        "name": "__Host-guestbook",
        "secure": True,
        "httpOnly": True,
        "sameSite": "Lax",
        "path": "/",
    }
    answer = page.goto(f"https://localhost:{port}/")
    assert answer is not None
    headers = answer.headers
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert {name: text for name, text in headers.items() if "-policy" in name} == {
        "content-security-policy": (
            "default-src 'self'; form-action 'self'; object-src 'none'; base-uri 'none';"
            " frame-ancestors 'none'"
        ),
        "referrer-policy": "strict-origin-when-cross-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), fullscreen=(self)",
    }


def test_the_browser_understands_the_permissions_policy(page: Page) -> None:
    allowed = "name => document.featurePolicy.allowsFeature(name)"
    names = ("camera", "fullscreen", "geolocation")
    assert [page.evaluate(allowed, name) for name in names] == [False, True, True]
    own = "name => document.featurePolicy.getAllowlistForFeature(name)"
    assert page.evaluate(own, "camera") == []


def test_what_is_no_picture_and_what_is_empty_is_refused_with_a_word(page: Page) -> None:
    before = page.locator("article").count()
    assert sign(page, "Eve", "hello", b"<svg onload=alert(1)>").startswith("That is no picture")
    assert page.get_by_label("Message").input_value() == "hello"
    assert sign(page, "", "") == "Please give your name and a message."
    red = page.get_by_role("alert").evaluate("alert => getComputedStyle(alert).backgroundColor")
    assert red == "rgb(251, 228, 225)"
    assert page.locator("article").count() == before


def ask(port: int, method: str, path: str, body: str = "", **headers: str) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        client.request(method, path, body, {"Host": "localhost", **headers})
        return client.getresponse().status
    finally:
        client.close()


def test_a_post_without_a_token_that_no_browser_vouches_for_is_refused(port: int) -> None:
    form = "application/x-www-form-urlencoded"
    assert ask(port, "POST", "/sign", "name=a&message=b", **{"Content-Type": form}) == 403
    assert [ask(port, "GET", path) for path in ("/picture/99", "/picture/x", "/no")] == [
        404,
        404,
        404,
    ]


def test_the_screenshot(page: Page) -> None:
    sign(page, "Grace", "I came by https, and left a picture.", png(40, 90, 170))
    sign(page, "Linus", "No JavaScript anywhere, and yet a message that shows once.")
    assert page.locator("article").count() >= 2
    if name := os.environ.get("SCREENSHOT"):
        page.screenshot(path=Path(name))
