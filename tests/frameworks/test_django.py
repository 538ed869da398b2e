"""Django behind the whole stack: its views, forms, admin, messages, sessions and error pages."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ringsession import wrap_defaults
from tests.frameworks import django_site

OURS = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return django_site.start(tmp_path_factory.mktemp("django"))


@pytest.fixture
def client(project: Any) -> Client:
    return Client(wrap_defaults(project))


def fields_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    found = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]+)"', page.text)
    return {name: value for name, value in found if "oken" in name}


def entry(page: TestResponse, **more: Any) -> dict[str, Any]:
    return {**fields_of(page), "name": "ann", "picture": (io.BytesIO(b"GIF8"), "a.gif"), **more}


def test_a_view_has_both_sessions_side_by_side(client: Client) -> None:
    assert client.get("/").text == "ours 1, Django's 10"
    assert client.get("/").text == "ours 2, Django's 20"
    assert client.get_cookie("ring-session") and client.get_cookie("sessionid")


def test_a_form_with_a_file_reaches_the_view_with_the_tokens_of_both(client: Client) -> None:
    page = client.get("/form")
    assert set(fields_of(page)) == {"csrfmiddlewaretoken", "__anti-forgery-token"}
    # No header of a browser vouches for this request, so the layer reads the form first.
    assert client.post("/form", data=entry(page)).status_code == 302
    assert client.get("/form").text.startswith("[ann: a.gif b&#x27;GIF8&#x27;]")
    assert not client.get("/form").text.startswith("[")


def test_an_invalid_form_is_djangos_affair(client: Client) -> None:
    page = client.get("/form")
    answer = client.post("/form", data=entry(page, name="x" * 11), headers=OURS)
    assert (answer.status_code, "at most 10 characters" in answer.text) == (200, True)


def test_each_refuses_a_forged_request(client: Client) -> None:
    page = client.get("/form")
    ours = client.post("/form", data=entry(page), headers=FOREIGN)
    assert (ours.status_code, "Invalid anti-forgery token" in ours.text) == (403, True)
    its = client.post("/form", data=entry(page, csrfmiddlewaretoken="x"), headers=OURS)
    assert (its.status_code, "CSRF verification failed" in its.text) == (403, True)


def test_a_message_of_ours_is_shown_once(client: Client) -> None:
    assert [client.get("/flashed").text for _ in range(2)] == ["None", "saved"]


def test_the_admin_logs_in_and_shows_its_pages(client: Client) -> None:
    page = client.get("/admin/", follow_redirects=True)
    assert page.request.path == "/admin/login/"
    login = {**fields_of(page), "username": "ann", "password": "wrong", "next": "/admin/"}
    wrong = client.post("/admin/login/", data=login, headers=OURS)
    assert "Please enter the correct username and password" in wrong.text
    login |= {**fields_of(wrong), "password": "good"}
    answer = client.post("/admin/login/", data=login, headers=OURS, follow_redirects=True)
    assert (answer.status_code, answer.request.path) == (200, "/admin/")
    assert "Site administration" in answer.text
    assert "Select user to change" in client.get("/admin/auth/user/").text


def test_the_debug_page_of_an_error_shows_no_token_and_takes_no_message(client: Client) -> None:
    from django.test import override_settings

    client.get("/flashed")
    with override_settings(DEBUG=True):
        answer = client.get("/error")
    assert answer.status_code == 500
    assert "RuntimeError" in answer.text and "ringsession.request" in answer.text
    assert "&lt;AppRequest " in answer.text and "&lt;Session not read&gt;" in answer.text
    assert client.get("/flashed").text == "saved"


def test_an_error_page_makes_no_session(project: Any) -> None:
    from django.test import override_settings

    with override_settings(DEBUG=True):
        answer = Client(wrap_defaults(project)).get("/error")
    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (500, [])


def test_an_error_is_mailed_to_the_admins(client: Client) -> None:
    from django.core import mail

    mail.outbox = []
    answer = client.get("/error")
    assert (answer.status_code, "Server Error" in answer.text) == (500, True)
    (message,) = mail.outbox
    assert message.subject == "[Django] ERROR (EXTERNAL IP): Internal Server Error: /error"
    html, kind = message.alternatives[0]
    assert kind == "text/html"
    for text in (message.body, html):
        assert "an error of the view" in text and "ringsession.session" in text
