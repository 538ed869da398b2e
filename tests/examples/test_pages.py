"""The examples in this process: what their pages hold, and what they answer to odd requests."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from examples import counter, flask_login, login, own_middleware, own_store
from examples.guestbook import guestbook
from ringsession import assoc_in, site_defaults, wrap_defaults

OURS = {"Sec-Fetch-Site": "same-origin"}
HTTPS = "https://localhost"


def client_of(name: str) -> Client:
    match name:
        case "login":
            return Client(login.make_app())
        case "guestbook":
            return Client(guestbook.make_app())
        case "flask_login":
            return Client(flask_login.app)
        case "counter":
            return Client(counter.app)
        case "own_middleware":
            return Client(own_middleware.app)
        case _:
            raise ValueError(name)


PAGES = ["login", "guestbook", "flask_login", "counter", "own_middleware"]


def ask(client: Client, path: str, **options: Any) -> TestResponse:
    return client.open(path, base_url=HTTPS, buffered=True, **options)


@pytest.mark.parametrize("name", PAGES)
def test_the_icon_that_a_browser_asks_for_is_no_404(name: str) -> None:
    client = client_of(name)
    found = re.search(r'<link rel="icon" href="([^"]+)">', ask(client, "/").text)
    icon = found[1] if found else "/favicon.ico"
    assert icon == "data:," or ask(client, icon).status_code in (200, 204)


def test_a_browser_that_asks_for_an_icon_counts_no_visit() -> None:
    client = client_of("counter")
    assert [ask(client, path).text for path in ("/", "/favicon.ico", "/")] == [
        "Visit 1\n",
        "",
        "Visit 2\n",
    ]


def test_the_own_store_counts_no_visit_for_an_icon(tmp_path: Any) -> None:
    config = assoc_in(site_defaults, ["session", "store"], own_store.FolderStore(tmp_path))
    client = Client(wrap_defaults(own_store.counter, config))
    visits = [client.get(path).text[:8] for path in ("/", "/favicon.ico", "/")]
    assert visits == ["Visit 1,", "", "Visit 2,"]


def sign(client: Client, path: str = "/sign", **fields: Any) -> TestResponse:
    data = {"name": "Ann", "message": "Lovely!", **fields}
    return ask(client, path, method="POST", data=data, headers=OURS)


def test_the_guestbook_takes_its_picture_from_the_files_of_the_form_alone() -> None:
    client = client_of("guestbook")
    for path in ("/sign?picture[tempfile]=x", "/sign?picture=x", "/sign?name[a]=b"):
        assert sign(client, path).status_code in (303, 422)
    assert sign(client, **{"picture[tempfile]": "x", "picture[size]": "1"}).status_code == 303
    two = [(io.BytesIO(b"GIF8"), "a.gif"), (io.BytesIO(b"GIF8"), "b.gif")]
    assert sign(client, picture=two).status_code == 422
    assert sign(client, picture=(io.BytesIO(b"GIF8"), "a.gif")).status_code == 303
    assert ask(client, "/").text.count('<img src="/picture/') == 1


def test_the_guestbook_shows_an_error_as_one_and_keeps_what_was_typed() -> None:
    client = client_of("guestbook")
    picture = (io.BytesIO(b"<svg>"), "a.svg")
    page = sign(client, name="<Ann>", message="A long & lovely text", picture=picture)
    assert page.status_code == 422
    assert '<p class="error" role="alert">That is no picture' in page.text
    assert (
        'value="&lt;Ann&gt;"' in page.text and ">A long &amp; lovely text</textarea>" in page.text
    )
    page = sign(client, name="")
    assert '<p class="error" role="alert">Please give your name' in page.text
    assert ">Lovely!</textarea>" in page.text
    assert "Lovely" not in ask(client, "/").text


def test_the_guestbook_thanks_in_a_message() -> None:
    client = client_of("guestbook")
    assert sign(client).status_code == 303
    page = ask(client, "/").text
    assert '<p class="flash" role="status">Thank you, Ann!' in page and "</textarea>" in page


STATES = ["/login/eve", "/remove", "/logout"]


@pytest.mark.parametrize("path", STATES)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_changes_nothing_in_the_login(path: str, site: str) -> None:
    client = client_of("login")
    client.post("/login", data={"user": "ann"}, headers=OURS)
    answer = client.get(path, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, answer.headers.get("Allow")) == (405, "POST")
    assert "Logged in as <b>ann</b>" in client.get("/").text


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}], ids=["curl", "typed"])
def test_who_asks_for_them_still_gets_them(headers: dict[str, str]) -> None:
    client = client_of("login")
    told = [client.get(path, headers=headers).text for path in STATES]
    assert told == ["User set to: eve", "User removed", "Session cleared"]


def test_every_page_has_a_type_and_a_charset() -> None:
    for name in PAGES:
        client = client_of(name)
        for path in ("/", "/none", "/admin"):
            answer = ask(client, path)
            assert re.match(r"text/(html|plain); charset=utf-8", answer.content_type or "none") or (
                answer.status_code in (204, 303)
            ), (name, path)


def test_the_login_shows_an_error_as_one() -> None:
    client = client_of("login")
    page = client.post("/login", data={"user": " "}, headers=OURS, follow_redirects=True)
    assert '<p class="alert" role="alert">Please give a name.</p>' in page.text
    page = client.post("/login", data={"user": "ann"}, headers=OURS, follow_redirects=True)
    assert '<p class="status" role="status">Welcome, ann!</p>' in page.text
