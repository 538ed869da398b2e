"""The page on forms and APIs: each program lets its own requests in, and no other site's."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import Client

from ringsession import text, to_wsgi, wrap_defaults
from tests.docs.programs import (
    HOW_TO,
    OTHER_SITE,
    OWN_PAGE,
    find_programs,
    run_program,
)
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAMS = {
    "protect-forms-and-apis": [
        "a form",
        "JSON from a page",
        "a page of another origin",
        "an API beside a site",
        "a webhook",
    ],
}


@pytest.mark.parametrize("page", PROGRAMS)
def test_every_program_of_the_page_is_run_below(page: str) -> None:
    assert list(find_programs(page)) == PROGRAMS[page]


FORMS = "protect-forms-and-apis"


def token_in(text: str) -> str:
    """Return the CSRF token of a page."""
    token: str = re.findall(r'(?:value|content)="([\w-]{40,})"', text)[0]
    return token


def test_a_form_passes_from_its_own_page_or_with_its_token_and_from_nowhere_else() -> None:
    client = Client(run_program(FORMS, "a form")["app"])
    token = token_in(client.get("/").text)
    form = {"name": "ann"}
    assert client.post("/", data=form, headers=OWN_PAGE).status_code == 303
    assert client.post("/", data=form | {"__anti-forgery-token": token}).status_code == 303
    assert client.post("/", data=form).status_code == 403
    assert client.post("/", data=form, headers=OTHER_SITE).status_code == 403


@pytest.mark.parametrize("header", ["X-CSRF-Token", "X-XSRF-Token", "X-CSRFToken"])
def test_json_passes_from_its_own_page_or_with_a_token_in_a_header(header: str) -> None:
    client = Client(run_program(FORMS, "JSON from a page")["app"])
    token = token_in(client.get("/").text)
    assert client.post("/like", json={"post": 7}, headers=OWN_PAGE).json == {"likes": [7]}
    assert client.post("/like", json={"post": 2}, headers={header: token}).json == {"likes": [2, 7]}
    assert client.post("/like", json={"post": 7}).status_code == 403
    wrong_bodies: list[Any] = [[], {}, {"post": []}, "7"]
    for wrong in wrong_bodies:
        assert client.post("/like", json=wrong, headers=OWN_PAGE).status_code == 400


def test_a_page_of_a_trusted_origin_passes() -> None:
    config = run_program(FORMS, "a page of another origin")["config"]
    client = Client(wrap_defaults(to_wsgi(lambda request: text("saved")), config))
    trusted = {**OTHER_SITE, "Origin": "https://app.example.org"}
    assert client.post("/", headers=trusted).text == "saved"
    other = {**OTHER_SITE, "Origin": "https://evil.example.org"}
    assert client.post("/", headers=other).status_code == 403


def test_an_api_beside_a_site_asks_for_its_key_and_sets_no_cookie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "the key")
    client = Client(run_program(FORMS, "an API beside a site")["app"])
    form, key = {"name": "ann"}, {"Authorization": "Bearer the key"}
    answer = client.post("/api/names", data=form, headers={**OTHER_SITE, **key})
    assert (answer.json, "Set-Cookie" in answer.headers) == ({"saved": "ann"}, False)
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Bearer \xfc"}):
        assert client.post("/api/names", data=form, headers=headers).status_code == 401
    assert client.get("/").text == "the site"
    assert client.post("/", headers=OTHER_SITE).status_code == 403


def test_a_webhook_passes_with_its_signature_and_the_site_is_still_protected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "of the webhook")
    client = Client(run_program(FORMS, "a webhook")["app"])
    body = b'{"paid": true}'
    signature = hmac.new(b"of the webhook", body, hashlib.sha256).hexdigest()
    post = client.post
    signed = post("/hooks/payment", data=body, headers={"X-Signature": signature})
    assert (signed.status_code, signed.text) == (200, "thank you")
    assert post("/hooks/payment", data=b"x", headers={"X-Signature": signature}).status_code == 403
    assert [post(uri, data=body).status_code for uri in ("/hooks/payment", "/", "/hooks/x")] == [
        *(403, 403, 403)
    ]


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the reasons in the log, as the page writes them."""
    lines = [record.getMessage() for record in caplog.records]
    found = [re.match(r"Refused a request, since (.*?)\. method=", line) for line in lines]
    return [match[1] for match in found if match]


def test_the_table_of_refusals_has_every_reason_that_the_log_gives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(run_program(FORMS, "a form")["app"])
    client.get("/")
    other = Client(client.application)
    foreign_token = token_in(other.get("/").text)
    with caplog.at_level(logging.WARNING, "ringsession.audit"):
        client.post("/", headers=OTHER_SITE)
        client.post("/")
        Client(client.application).post("/")
        client.post("/", data={"__anti-forgery-token": foreign_token})
    table = (HOW_TO / f"{FORMS}.md").read_text("utf-8").split("## Understand a 403")[1]
    assert re.findall(r"^\| `([^`]*[^.`])` \|", table, re.MULTILINE) == refusals(caplog)


@pytest.mark.browser
def test_the_script_of_the_page_sends_json_in_a_browser(chromium: Browser) -> None:
    context = chromium.new_context()
    with serving(run_program(FORMS, "JSON from a page")["app"]) as port:
        try:
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            for _ in range(2):
                with page.expect_response("**/like") as answer:
                    page.get_by_role("button").click()
                assert (answer.value.status, answer.value.json()) == (200, {"likes": [7]})
        finally:
            context.close()
