"""The page on single sign-on: a provider on loopback, and a real browser between two sites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import request
from werkzeug.test import Client

from ringsession import text, to_wsgi, wrap_defaults
from tests.docs.programs import OTHER_SITE, find_programs, run_program
from tests.flask.oauth_provider import ask, running_provider
from tests.machine import import_part
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

import_part("authlib.integrations.flask_client")

PAGE = "single-sign-on"
LOCAL = {"redis://localhost:6379/0": "memory:", '_SECURE"] = True': '_SECURE"] = False'}


def test_every_program_on_the_page_is_run_below() -> None:
    assert list(find_programs(PAGE)) == [
        "a login by a provider",
        "an answer that comes by POST",
        "a cookie that other sites' posts bring",
    ]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The first app of the page, beside a running provider."""
    monkeypatch.setenv("OAUTH_SECRET", "secret")
    with running_provider() as url:
        changes = {**LOCAL, "https://id.example.org": url, '["sub"]': '["name"]'}
        yield run_program(PAGE, "a login by a provider", changes)["app"]


def test_a_login_by_a_provider_gets_a_new_id_and_ends_with_the_logout(shop: Any) -> None:
    client = shop.test_client()
    assert client.get("/").text == "Hello stranger"
    callback = ask(client.get("/login").location)
    before = client.get_cookie("session")
    assert client.get(callback).status_code == 303
    assert client.get_cookie("session") != before
    assert client.get("/").text == "Hello ann"
    client.post("/logout")
    assert client.get("/").text == "Hello stranger"


def test_a_login_that_another_browser_began_fails(shop: Any) -> None:
    callback = ask(shop.test_client().get("/login").location)
    client = shop.test_client()
    answer = client.get(callback)
    assert (answer.status_code, answer.text) == (400, "The login failed: mismatching_state")
    assert client.get("/").text == "Hello stranger"


def test_logins_in_two_tabs_both_end_well(shop: Any) -> None:
    client = shop.test_client()
    callbacks = [ask(client.get("/login").location) for _ in range(2)]
    assert [client.get(callback).status_code for callback in callbacks] == [303, 303]


def begin(client: Any) -> str:
    """Begin a login whose answer comes by POST; return its state."""
    state: str = parse_qs(urlsplit(client.get("/login").location).query)["state"][0]
    return state


def test_an_answer_by_post_signs_in_only_with_the_state_of_this_browser() -> None:
    app = run_program(PAGE, "an answer that comes by POST", LOCAL)["app"]
    client = app.test_client()
    form = {"code": "1", "state": begin(app.test_client())}
    answer = client.post("/posted", data=form, headers=OTHER_SITE, follow_redirects=True)
    assert (answer.status_code, client.get("/").text) == (400, "Hello stranger")
    form["state"] = begin(client)
    answer = client.post("/posted", data=form, headers=OTHER_SITE, follow_redirects=True)
    assert answer.text == "Hello whoever the code stands for"
    again = client.post("/posted", data=form, headers=OTHER_SITE, follow_redirects=True)
    assert again.status_code == 400
    assert client.post("/login", headers=OTHER_SITE).status_code == 403


def test_the_cookie_that_other_sites_posts_bring_is_secure_and_trusts_one_origin() -> None:
    names = run_program(PAGE, "a cookie that other sites' posts bring")

    def login(request: Any) -> Any:
        request["session"]["user"] = "ann"
        return text("in")

    client = Client(wrap_defaults(to_wsgi(login), names["config"]))
    posts = [
        client.post(
            "/",
            base_url="https://localhost",
            headers={**OTHER_SITE, "Origin": origin},
        )
        for origin in ("https://pay.example.org", "https://evil.example.org")
    ]
    assert [post.status_code for post in posts] == [200, 403]
    assert posts[0].headers["Set-Cookie"].split("; ")[1:] == [
        *("Path=/", "HttpOnly", "SameSite=None", "Secure")
    ]


def authorize() -> str:
    """Return the page on which the provider's user agrees: a form that goes to the app."""
    asked = request.args
    return (
        f'<form method="post" action="{asked["redirect_uri"]}"><input name="code" value="1">'
        f'<input name="state" value="{asked["state"]}"><button>Agree</button></form>'
    )


@pytest.fixture
def two_sites() -> Iterator[int]:
    """The second app of the page, whose provider is another site on the same port."""
    apps: dict[str, Any] = {}
    with serving(lambda *call: apps["shop"](*call)) as port:
        provider = f"http://pay.test:{port}/authorize"
        changes = {**LOCAL, "https://id.example.org/authorize": provider}
        app = apps["shop"] = run_program(PAGE, "an answer that comes by POST", changes)["app"]
        app.add_url_rule("/authorize", "authorize", authorize)
        yield port


@pytest.mark.browser
def test_a_browser_that_the_provider_sends_back_by_post_is_signed_in(
    chromium: Browser, two_sites: int
) -> None:
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(f"http://www.shop.test:{two_sites}/login")
        assert urlsplit(page.url).hostname == "pay.test"
        with page.expect_request("**/posted") as posted, page.expect_navigation():
            page.get_by_role("button").click()
        assert "cookie" not in posted.value.all_headers()
        page.wait_for_url(f"http://www.shop.test:{two_sites}/")
        assert page.inner_text("body") == "Hello whoever the code stands for"
    finally:
        context.close()
