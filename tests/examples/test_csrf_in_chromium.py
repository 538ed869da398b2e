"""Whom site_defaults lets change something, by what a real browser says of its requests: no form
here has a token.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from flask import Flask, request

from ringsession import wrap_defaults
from tests.serving import serving
from tests.tls_proxy import tls_proxy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
changed: list[str] = []


def make_app() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        """Serve a form that posts to `to`: it plays the site's own page and the attacker's."""
        to = request.args.get("to", "/change")
        return (
            f"<!doctype html><title>page</title><form method=post action='{to}'>"
            "<input name=what value=x><button>Go</button></form>"
        )

    @app.get("/token")
    def token() -> str:
        return str(request.environ["ringsession.request"]["anti_forgery_token"])

    @app.post("/change")
    def change() -> str:
        changed.append(request.form["what"])
        return "changed"

    app.wsgi_app = wrap_defaults(app.wsgi_app)  # type: ignore[method-assign]
    return app


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(make_app()) as port:
        yield port


def press(page: Page, url: str) -> tuple[int, dict[str, str]]:
    """Open a page and press its button: the answer's status, and what the browser said of the
    request.
    """
    changed.clear()
    page.goto(url)
    with page.expect_navigation() as navigation:
        page.get_by_role("button").click()
    answer = navigation.value
    return answer.status, answer.request.all_headers()


def from_page(own: str, to: str = "/change") -> str:
    return f"{own}/?to={quote(to, safe='')}"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(ignore_https_errors=True)
    yield context.new_page()
    context.close()


def test_a_form_on_the_sites_own_page_passes(page: Page, port: int) -> None:
    status, said = press(page, from_page(f"http://a.localhost:{port}"))
    assert (status, changed) == (200, ["x"])
    assert said["sec-fetch-site"] == "same-origin"


def test_a_form_on_another_origins_page_is_refused(page: Page, port: int) -> None:
    target = f"http://a.localhost:{port}/change"
    status, said = press(page, from_page(f"http://b.localhost:{port}", target))
    assert (status, changed) == (403, [])
    assert said["sec-fetch-site"] != "same-origin"


def test_the_same_holds_behind_a_tls_proxy_that_nobody_configured(
    page: Page, port: int, tmp_path: Path
) -> None:
    with tls_proxy(port, tmp_path) as secure:
        own, other = f"https://a.localhost:{secure}", f"https://b.localhost:{secure}"
        assert (press(page, from_page(own))[0], changed) == (200, ["x"])
        assert (press(page, from_page(other, f"{own}/change"))[0], changed) == (403, [])


def test_the_same_holds_over_plain_http_to_a_name_that_the_browser_does_not_trust(
    page: Page, port: int
) -> None:
    own, other = f"http://shop.test:{port}", f"http://evil.test:{port}"
    status, said = press(page, from_page(own))
    assert (status, changed) == (200, ["x"])
    assert "sec-fetch-site" not in said and said["origin"] == own
    assert (press(page, from_page(other, f"{own}/change"))[0], changed) == (403, [])


def send(port: int, method: str, path: str, headers: dict[str, str], body: str = "") -> Any:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request(method, path, body, headers)
        answer = client.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Set-Cookie")
    finally:
        client.close()


def test_a_token_passes_where_a_client_says_nothing(port: int) -> None:
    changed.clear()
    _, token, cookie = send(port, "GET", "/token", {})
    headers = {"Cookie": cookie.split(";")[0], "Content-Type": "application/x-www-form-urlencoded"}
    assert send(port, "POST", "/change", headers, "what=x")[0] == 403
    field = f"what=x&__anti-forgery-token={token}"
    assert send(port, "POST", "/change", headers, field)[:2] == (200, "changed")
    assert changed == ["x"]
