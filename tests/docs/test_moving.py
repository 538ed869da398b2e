"""The pages on moving from other sessions: their programs keep users signed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from werkzeug.http import parse_date
from werkzeug.test import Client

import ringsession
from ringsession import site_defaults
from tests.apart import run_apart
from tests.docs import old_django
from tests.docs.programs import HOW_TO, find_programs, run_program
from tests.machine import import_part

beaker = import_part("beaker.middleware")

BEAKER = "move-from-beaker"
DJANGO = "move-from-django"
RING = "move-from-ring"
NOBODY = {"user": None, "cart": None}


def test_every_program_on_the_page_for_beaker_is_run_below() -> None:
    titles = ["before", "after", "takes over the sessions of Beaker"]
    assert list(find_programs(BEAKER)) == titles


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a program runs, so that its files go there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("title", ["before", "after"])
def test_the_app_counts_with_beaker_and_with_ringsession(folder: Path, title: str) -> None:
    client = Client(run_program(BEAKER, title)["app"])
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]


def sign_in_with_beaker(options: dict[str, Any], values: dict[str, Any]) -> Client:
    """Return a browser to which the old app gave a session."""

    def login(environ: Any, start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session.update(values)
        session.save()
        start_response("200 OK", [])
        return [b""]

    client = Client(beaker.SessionMiddleware(login, options))
    client.get("/")
    assert client.get_cookie("beaker.session.id") is not None
    return client


def moved(browser: Client, app: Any) -> Client:
    """Return a browser with the same cookies, for the new app."""
    client = Client(app)
    for name in ("beaker.session.id", "shop"):
        if (cookie := browser.get_cookie(name)) is not None:
            client.set_cookie(name, cookie.value)
    return client


def test_an_old_beaker_session_is_taken_over_once_and_ends_with_the_logout(folder: Path) -> None:
    names = run_program(BEAKER, "takes over the sessions of Beaker")
    old = sign_in_with_beaker(names["OLD"], {"user": "ann", "cart": ["book"], "other": object})
    browser, thief = moved(old, names["app"]), moved(old, names["app"])
    first = browser.get("/")
    cookies = first.headers.getlist("Set-Cookie")
    (deleted,) = [cookie for cookie in cookies if "beaker.session.id=" in cookie]
    expires = parse_date(deleted.split("expires=")[1].split(";")[0])
    assert expires is not None and expires < datetime.now(timezone.utc)
    assert [first.text, browser.get("/").text] == ["ann ['book']"] * 2
    assert thief.get("/").text == "None None"
    browser.get("/logout")
    assert [browser.get("/").text, moved(old, names["app"]).get("/").text] == ["None None"] * 2


def test_a_beaker_id_that_a_client_made_up_opens_an_empty_session(folder: Path) -> None:
    client = Client(run_program(BEAKER, "takes over the sessions of Beaker")["app"])
    client.set_cookie("beaker.session.id", "0" * 32)
    answer = client.get("/")
    assert (answer.text, client.get_cookie("shop")) == ("None None", None)


def test_a_stranger_gets_no_session_by_the_take_over(folder: Path) -> None:
    answer = Client(run_program(BEAKER, "takes over the sessions of Beaker")["app"]).get("/")
    assert (answer.text, answer.headers.getlist("Set-Cookie")) == ("None None", [])


def test_values_that_beaker_pickled_come_over_with_their_types(folder: Path) -> None:
    names = run_program(BEAKER, "takes over the sessions of Beaker")
    cart = [Decimal("1.50"), {"book"}, (1, b"2")]
    browser = moved(sign_in_with_beaker(names["OLD"], {"cart": cart}), names["app"])
    assert [browser.get("/").text for _ in range(2)] == [f"None {cart}"] * 2


def test_every_program_on_the_page_for_django_is_run_below() -> None:
    assert list(find_programs(DJANGO)) == [
        "wsgi.py",
        "views.py",
        "middleware.py",
        "signals.py",
        "takes over the sessions of Django",
    ]


def test_a_wrapped_django_project_moves_a_key_once_and_follows_its_logins(folder: Path) -> None:
    with_lamp = {"cart": ["book", "lamp"]}
    assert run_apart(old_django.browse, folder) == [
        *({"cart": ["book"]}, with_lamp, with_lamp),
        {},  # Django's own session
        *(None, False),  # a new id
        *(with_lamp, True),
        *(None, False),  # the cookie goes
        *({"cart": None}, True),
    ]


@pytest.fixture(scope="module")
def old_project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The database of a Django project, and the cookies of its sessions."""
    folder = tmp_path_factory.mktemp("django")
    return folder / "db.sqlite3", run_apart(old_django.make_sessions, folder)


@pytest.fixture
def with_cookie(
    folder: Path, old_project: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], Any]:
    """Return a browser with one of these cookies, at the new app."""
    copyfile(old_project[0], folder / "db.sqlite3")
    apps: dict[str, Any] = {}

    def browse(cookie: str, key: str = old_django.KEY) -> Any:
        if key not in apps:
            monkeypatch.setenv("DJANGO_SECRET_KEY", key)
            apps[key] = run_program(DJANGO, "takes over the sessions of Django")["app"]
        client = apps[key].test_client()
        client.set_cookie("sessionid", old_project[1][cookie])
        return client

    return browse


def test_an_old_django_session_is_taken_over_once_and_ends_with_the_logout(
    with_cookie: Callable[..., Any],
) -> None:
    browser, thief = with_cookie("ann"), with_cookie("ann")
    assert [browser.get("/").json for _ in range(2)] == [{"user": 1, "cart": ["book"]}] * 2
    assert browser.get_cookie("sessionid") is None
    assert thief.get("/").json == NOBODY
    browser.post("/logout")
    assert [browser.get("/").json, with_cookie("ann").get("/").json] == [NOBODY] * 2


def test_an_old_django_session_without_a_user_keeps_its_cart(
    with_cookie: Callable[..., Any],
) -> None:
    assert with_cookie("nobody").get("/").json == {"user": None, "cart": ["book"]}


@pytest.mark.parametrize("cookie", ["expired", "new password", "disabled"])
def test_an_old_django_session_signs_nobody_in_once_django_would_not(
    with_cookie: Callable[..., Any], cookie: str
) -> None:
    assert with_cookie(cookie).get("/").json == NOBODY


def test_an_old_django_session_that_another_key_signed_is_empty(
    with_cookie: Callable[..., Any],
) -> None:
    assert with_cookie("ann", key="the key of another project").get("/").json == NOBODY


def test_every_program_on_the_page_for_ring_is_run_below() -> None:
    assert list(find_programs(RING)) == ["a counter with a login", "middleware of your own"]


def test_the_handler_for_who_knows_ring_counts_and_logs_in() -> None:
    client = Client(run_program(RING, "a counter with a login")["app"])
    assert [client.get("/").text for _ in range(2)] == ["visit 1", "visit 2"]
    login = client.get("/login?user=ann")
    assert (login.status_code, login.headers["Location"]) == (303, "/")
    assert client.get("/").text == "visit 1"


def test_the_middleware_for_who_knows_ring_adds_a_key_and_a_header() -> None:
    answer = Client(run_program(RING, "middleware of your own")["app"]).get("/")
    assert (answer.text, answer.headers["X-Version"]) == ("7", "7")


def names_table() -> list[tuple[str, str]]:
    """Return the rows of the table of names, Ring's cell and ours."""
    text = (HOW_TO / f"{RING}.md").read_text("utf-8").split("## Find the name\n")[1]
    lines = [line for line in text.split("\n## ")[0].split("\n") if line.startswith("| `")]
    return [(ring, ours) for ring, ours in (line.strip("| ").split(" | ") for line in lines)]


def test_the_table_for_who_knows_ring_names_what_there_is() -> None:
    own = [name for _, cell in names_table() for name in re.findall(r"`(\w+)[`(]", cell)]
    store_functions = {"read_session", "write_session", "delete_session"}
    assert len(own) > 45
    assert [n for n in own if n not in ringsession.__all__ and n not in store_functions] == []


def test_the_table_for_who_knows_ring_has_every_function_that_came_from_there() -> None:
    sources = set()
    for name in ringsession.__all__:
        doc = getattr(ringsession, name).__doc__ or ""
        if (found := re.search(r"Source: (ring\.middleware\.[\w./-]+[\w-])", doc)) is not None:
            sources.add((found[1], name))
    assert len(sources) > 25
    rows = {ring.split("`")[1]: ours for ring, ours in names_table()}
    assert [(ring, name) for ring, name in sources if f"`{name}" not in rows.get(ring, "")] == []


def named_on_the_right(page: str, pattern: str) -> set[str]:
    """Return what a pattern finds in the tables of a page, but for their first columns."""
    text = (HOW_TO / f"{page}.md").read_text("utf-8")
    rows = [line.split(" | ", 1)[1] for line in text.split("\n") if line.startswith("| ")]
    return {name for cell in rows for name in re.findall(pattern, cell)}


@pytest.mark.parametrize("page", [BEAKER, DJANGO])
def test_every_method_that_a_table_puts_in_place_of_an_old_one_is_there(page: str) -> None:
    named = named_on_the_right(page, r"`session\.(\w+)")
    assert {"recreate", "destroy", "key", "handle"} <= named
    assert [name for name in named if not hasattr(ringsession.Session, name)] == []


@pytest.mark.parametrize("page", [BEAKER, DJANGO])
def test_every_option_that_a_table_puts_in_place_of_an_old_one_is_there(page: str) -> None:
    named = named_on_the_right(page, r'"([a-z_]+)"[\]:`]')
    assert {"store", "cookie_name", "timeout", "cookie_attrs"} <= named
    options = {*site_defaults["session"], "session", "max_age"}
    assert named - options == set()


class FailingStore:
    """A store of three functions that can read and cannot write."""

    def read_session(self, key: str) -> None:
        return None

    def write_session(self, key: str | None, data: Any) -> str:
        raise OSError("the disk is full")

    def delete_session(self, key: str) -> None:
        return None


def test_an_old_beaker_session_is_gone_where_the_new_store_fails_as_the_page_says(
    folder: Path,
) -> None:
    changes = {'"sqlite:///sessions.db"': "store"}
    title = "takes over the sessions of Beaker"
    names = run_program(BEAKER, title, changes, store=FailingStore())
    old = sign_in_with_beaker(names["OLD"], {"user": "ann"})
    assert moved(old, names["app"]).get("/").status_code == 503
    assert moved(old, run_program(BEAKER, title)["app"]).get("/").text == "None None"
