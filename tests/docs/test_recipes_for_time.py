"""The recipes for tests and for logins that last: time passes by a store's clock."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    assoc_in,
    cookie_store,
    memory_store,
    secure_site_defaults,
    site_defaults,
    text,
    to_wsgi,
    wrap_defaults,
)
from tests.docs.programs import OWN_PAGE, find_programs, run_program
from tests.flask.apps import SECRET
from tests.machine import import_part

PROGRAMS = {
    "test-your-app": [
        "shop.py",
        "test_handler.py",
        "test_site.py",
        "test_flask.py",
        "test_timeout.py",
        "test_with_freezegun.py",
    ],
    "keep-users-signed-in": [
        "remember me",
        "remember me in Flask",
        "a cart that lasts",
        "polls do not count",
    ],
}


@pytest.mark.parametrize("page", PROGRAMS)
def test_every_program_of_the_page_is_run_below(page: str) -> None:
    assert list(find_programs(page)) == PROGRAMS[page]


TESTING = "test-your-app"


@pytest.mark.parametrize("title", [title for title in PROGRAMS[TESTING] if title != "shop.py"])
def test_the_tests_that_the_page_shows_pass(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = ModuleType("shop")
    vars(shop).update(run_program(TESTING, "shop.py"))
    monkeypatch.setitem(sys.modules, "shop", shop)
    names = run_program(TESTING, title)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


@pytest.mark.parametrize("make", [memory_store, cookie_store], ids=["memory", "cookie"])
def test_freezegun_alone_moves_no_clock_of_a_store(make: Callable[..., Any]) -> None:
    names = run_program(TESTING, "shop.py")
    with import_part("freezegun").freeze_time("2030-01-01") as frozen:
        store = make(**({} if make is memory_store else {"key": SECRET}))
        client = Client(names["make_app"](assoc_in(site_defaults, ["session", "store"], store)))
        client.post("/login", data={"user": "ann"}, headers=OWN_PAGE)
        frozen.tick(99_999)
        assert client.get("/").text == "Hello ann"


def test_a_test_of_the_secure_config_needs_https() -> None:
    client = Client(run_program(TESTING, "shop.py")["make_app"](secure_site_defaults))
    assert client.get("/").status_code == 301
    assert client.get("/", base_url="https://localhost").text == "Hello stranger"


SIGNED_IN = "keep-users-signed-in"
DAY = 86_400


def max_age_of(answer: Any) -> list[str]:
    """Return the Max-Age of the session's cookie, or nothing if the browser drops it at its end."""
    (cookie,) = answer.headers.getlist("Set-Cookie")
    return re.findall(r"Max-Age=(\d+)", cookie)


def remembering(title: str, clock: Callable[[], float]) -> Client:
    """Return a browser at an app of the page, on a memory store with this clock."""
    changes = {'"sqlite:///sessions.db"': "store"}
    return Client(run_program(SIGNED_IN, title, changes, store=memory_store(clock=clock))["app"])


@pytest.mark.parametrize("title", ["remember me", "remember me in Flask"])
def test_a_remembered_login_lasts_14_days_without_a_request_and_90_in_all(title: str) -> None:
    now = 1_000_000.0
    client = remembering(title, lambda: now)
    form = {"user": "ann", "remember": "on"}
    login = client.post("/login", data=form, headers=OWN_PAGE)
    assert max_age_of(login) == [str(14 * DAY)]
    for _ in range(8):
        now += 11 * DAY
        assert client.get("/").text == "Hello ann"
    now += 3 * DAY
    assert client.get("/").text == "Hello stranger"
    client.post("/login", data=form, headers=OWN_PAGE)
    now += 14 * DAY + 60
    assert client.get("/").text == "Hello stranger"


@pytest.mark.parametrize("title", ["remember me", "remember me in Flask"])
def test_a_login_that_is_not_remembered_ends_with_the_browser(title: str) -> None:
    client = remembering(title, lambda: 1_000_000.0)
    login = client.post("/login", data={"user": "ann"}, headers=OWN_PAGE)
    assert (max_age_of(login), client.get("/").text) == ([], "Hello ann")


def show_n(request: Any) -> Any:
    """Set a key on `/set`, and show it on every other page."""
    session = request["session"]
    if request["uri"] == "/set":
        session["n"] = 1
    return text(str(session.get("n")))


def clocked_client(title: str, clock: Callable[[], float]) -> Client:
    config = run_program(SIGNED_IN, title)["config"]
    store = assoc_in(config, ["session", "store"], memory_store(clock=clock))
    return Client(wrap_defaults(to_wsgi(show_n), store))


def test_a_cart_lasts_and_its_cookie_is_sent_again_as_the_timeout_is_extended() -> None:
    now = 1_000_000.0
    client = clocked_client("a cart that lasts", lambda: now)
    assert max_age_of(client.get("/set")) == [str(14 * DAY)]
    now += 13 * DAY
    again = client.get("/")
    assert (again.text, max_age_of(again)) == ("1", [str(14 * DAY)])
    now += 13 * DAY
    assert client.get("/").text == "1"
    now += 14 * DAY + 1
    assert client.get("/").text == "None"


@pytest.mark.parametrize(("uri", "left"), [("/news", "None"), ("/", "1")], ids=["poll", "page"])
def test_a_poll_reads_the_session_and_does_not_extend_it(uri: str, left: str) -> None:
    now = 1_000_000.0
    client = clocked_client("polls do not count", lambda: now)
    client.get("/set")
    for _ in range(2):
        now += 1_700
        assert client.get(uri).text == "1"
    now += 300
    assert client.get(uri).text == left
