"""Your devices in this process: what its handlers answer, also to odd and late requests."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ringsession import memory_store

EXAMPLES = Path(__file__).parents[2] / "examples"
OURS = {"Sec-Fetch-Site": "same-origin"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module as its own process imports it: with its neighbours on the path."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("devices")
    for name in ("devices", "devices_pages", "devices_accounts"):
        sys.modules.pop(name, None)


@pytest.fixture
def app(devices: Any) -> Any:
    return devices.make_app(memory_store())


def post(client: Client, path: str, **fields: Any) -> TestResponse:
    return client.post(path, data=fields, headers=OURS)


def told(client: Client, path: str = "/") -> list[tuple[str, str]]:
    return re.findall(r'role="(status|alert)">([^<]*)<', client.get(path).text)


def signed_in(app: Any, password: str = "anns password", user: str = "ann") -> Client:
    client = Client(app)
    client.post(
        "/login",
        data={"user": user, "password": password},
        headers=OURS | {"User-Agent": FIREFOX},
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )
    return client


def heading(client: Client, path: str = "/") -> str:
    (found,) = re.findall("<h1>(.*)</h1>", client.get(path).text)
    return str(found)


def handles(client: Client) -> list[str]:
    return re.findall('name="handle" value="(.*?)"', client.get("/").text)


def test_the_page_shows_the_browser_and_the_place_of_the_login(app: Any) -> None:
    page = signed_in(app).get("/").text
    row = '<tr aria-current="true"><th scope="row">Firefox on Linux</th><td>192.0.2.7</td>'
    assert row in page and page.count("<time ") == 2 and "This one" in page


def test_an_ended_session_is_signed_out_at_its_next_page_and_at_its_next_form(app: Any) -> None:
    one, other, third = (signed_in(app) for _ in range(3))
    post(third, "/end-others")
    assert told(third) == [("status", "Other devices that were signed out: 2.")]
    assert heading(one) == "Sign in"
    answer = post(other, "/password", old="anns password", new="another password")
    assert answer.status_code == 403
    assert 'role="alert">You are signed out. Please sign in.</p>' in answer.text
    answer = post(other, "/login", user="ann", password="a wrong one")
    assert answer.status_code == 422
    assert 'role="alert">That is not the name and password of a user.</p>' in answer.text
    assert heading(signed_in(app)) == "Your devices", "the password is the old one"


def test_nobody_ends_the_session_of_another_user(app: Any) -> None:
    ann, _ = signed_in(app), signed_in(app)
    ben = signed_in(app, "bens password", "ben")
    (handle,) = handles(ann)
    post(ben, "/end", handle=handle)
    assert handles(ann) == [handle]
    post(ann, "/end", handle=handle)
    assert told(ann) == [("status", "That device is signed out.")]
    assert handles(ann) == []


def test_a_new_password_ends_the_other_sessions_and_gives_this_one_a_new_id(app: Any) -> None:
    here, other = signed_in(app), signed_in(app)
    before = here.get_cookie("devices-session")
    post(here, "/password", old="anns password", new="another password")
    after = here.get_cookie("devices-session")
    assert before is not None and after is not None and before.value != after.value
    assert (heading(here), heading(other)) == ("Your devices", "Sign in")
    assert heading(signed_in(app)) == "Sign in"
    assert heading(signed_in(app, "another password")) == "Your devices"


def test_a_wrong_or_short_password_changes_nothing(app: Any) -> None:
    here, other = signed_in(app), signed_in(app)
    post(here, "/password", old="a wrong one", new="another password")
    assert told(here) == [("alert", "That is not your password.")]
    post(here, "/password", old="anns password", new="short")
    assert told(here) == [("alert", "A password has at least 8 characters.")]
    assert heading(other) == "Your devices"


@pytest.mark.parametrize("seconds, fresh", [(0, True), (599, True), (601, False), (None, False)])
def test_a_password_counts_for_ten_minutes(devices: Any, seconds: int | None, fresh: bool) -> None:
    now = datetime.now(timezone.utc)
    confirmed = None if seconds is None else now - timedelta(seconds=seconds)
    assert devices.is_fresh(SimpleNamespace(confirmed=confirmed)) == fresh


def test_the_mail_address_changes_only_while_the_password_counts(
    app: Any, devices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(app)
    assert post(client, "/mail", mail="new@example.org").headers["Location"] == "/mail"
    assert heading(client, "/mail") == "Is it you?"
    post(client, "/confirm", password="anns password")
    assert 'value="ann@example.org"' in client.get("/mail").text
    post(client, "/mail", mail="new@example.org")
    with monkeypatch.context() as later:
        later.setattr(devices, "FRESH", timedelta(0))
        post(client, "/mail", mail="late@example.org")
        assert heading(client, "/mail") == "Is it you?"
    assert 'value="new@example.org"' in client.get("/mail").text


ODD = [
    ("/login", {"user[a]": "ann", "password": "anns password"}),
    ("/login", {"user": "ann", "password[]": "anns password"}),
    ("/end", {"handle[a]": "x"}),
    ("/end", {"handle": "é" * 32}),
    ("/password", {"old": "anns password", "new[a]": "another password"}),
    ("/mail", {"mail[]": "new@example.org"}),
    ("/mail", {"mail": "x" * 10_000 + "@example.org"}),
]


@pytest.mark.parametrize("path, fields", ODD)
def test_an_odd_form_is_answered_and_changes_nothing(
    app: Any, path: str, fields: dict[str, str]
) -> None:
    client = signed_in(app)
    post(client, "/confirm", password="anns password")
    assert post(client, path, **fields).status_code in (303, 422)
    assert 'value="ann@example.org"' in client.get("/mail").text
    assert heading(signed_in(app)) == "Your devices"


def test_a_form_of_another_site_does_nothing(app: Any) -> None:
    here, other = signed_in(app), signed_in(app)
    answer = here.post("/end-others", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, heading(other)) == (403, "Your devices")


def test_other_paths_and_methods_are_refused(app: Any) -> None:
    for client in (Client(app), signed_in(app)):
        assert client.get("/none").status_code == 404
        for path, method, allow in [
            ("/end", "GET", "POST"),
            ("/", "POST", "GET, HEAD"),
            ("/mail", "DELETE", "GET, HEAD, POST"),
        ]:
            answer = client.open(path, method=method, headers=OURS)
            assert (answer.status_code, answer.headers["Allow"]) == (405, allow)


def test_each_page_has_each_id_once_and_no_style_or_script_of_its_own(app: Any) -> None:
    client = signed_in(app)
    for each, path in ((Client(app), "/"), (client, "/"), (client, "/mail")):
        page = each.get(path).text
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids)) and page.count("<h1>") == page.count("<main>") == 1
        assert not re.search("<style|style=|<script", page)
