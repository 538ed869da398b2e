"""The page on the cookie's domain, path and name: its examples, and its claims in both orders."""

from __future__ import annotations

import doctest
import logging
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    cookie_store,
    deep_merge,
    memory_store,
    recreate,
    site_defaults,
    text,
    to_wsgi,
    wrap_defaults,
)
from ringsession.__main__ import main
from ringsession.config import ConfigError
from tests.serving import ROOT

PAGE = ROOT / "docs/how-to/change-the-cookie.md"
WIDE = {"cookie_attrs": {"domain": "example.org"}}
DECLARED = {"former_cookie_attrs": [{"path": "/shop"}]}


def page(request: Any) -> Any:
    session, (verb, _, user) = request["session"], request["uri"].rpartition("/")
    if verb.endswith("/login"):
        return text("welcome") | {"session": recreate({"user": user})}
    if user == "logout":
        return text("bye") | {"session": None}
    return text(session.get("user", "nobody"))


class Browser:
    """A browser that different versions of the site answer."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.client = Client(self.site())

    def site(self, **options: Any) -> Any:
        session = {"session": {"store": self.store, **options}}
        return wrap_defaults(to_wsgi(page), deep_merge(site_defaults, session))

    def get(self, path: str, host: str = "www.example.org", **options: Any) -> str:
        self.client.application = self.site(**options)
        return str(self.client.get(path, base_url=f"https://{host}").text)

    def cookies(self) -> list[str]:
        return sorted(f"{domain}{path}" for domain, path, _ in self.client._cookies or ())


def test_every_example_on_the_page_gives_what_it_shows() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 25) == (0, True)


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a domain is added": ({}, WIDE, "example.org/"),
    "the domain is removed": (
        WIDE,
        {"former_cookie_attrs": [{"domain": "example.org"}]},
        "www.example.org/",
    ),
    "the path becomes wider": ({"root": "/shop"}, DECLARED, "www.example.org/"),
    "the path becomes narrower": (
        {},
        {"root": "/shop", "former_cookie_attrs": [{"path": "/"}]},
        "www.example.org/shop",
    ),
}


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("before, after, scope", CHANGES.values(), ids=CHANGES)
def test_a_declared_change_signs_nobody_out_and_leaves_one_cookie(
    before: Any, after: Any, scope: str, sealed: bool
) -> None:
    store = cookie_store("a key for tests, of 32 characters") if sealed else memory_store()
    browser = Browser(store)
    browser.get("/shop/login/ann", **before)
    assert browser.get("/shop/", **after) == "ann"
    browser.get("/shop/login/bob", **after)
    assert browser.get("/shop/", **after) == "bob"
    assert browser.cookies() == [scope]
    browser.get("/shop/logout", **after)
    assert browser.cookies() == []


@pytest.mark.parametrize("before, after", [each[:2] for each in CHANGES.values()], ids=CHANGES)
def test_old_and_new_servers_read_each_others_cookies(before: Any, after: Any) -> None:
    browser = Browser(memory_store())
    for login, other in ((before, after), (after, before)):
        browser.get("/shop/login/ann", **login)
        assert browser.get("/shop/", **other) == browser.get("/shop/", **login) == "ann"
        browser.get("/shop/logout", **other)
        assert browser.get("/shop/", **other) == browser.get("/shop/", **login) == "nobody"


def test_a_sealed_cookie_under_a_scope_that_is_not_declared_signs_in_after_the_logout() -> None:
    browser = Browser(cookie_store("a key for tests, of 32 characters"))
    browser.get("/shop/login/ann", root="/shop")
    browser.get("/shop/logout")
    assert browser.get("/shop/") == "ann"
    browser.get("/shop/logout", **DECLARED)
    assert browser.get("/shop/", **DECLARED) == "nobody"


@pytest.mark.parametrize("after", [{}, DECLARED])
def test_a_second_session_that_began_outside_the_old_scope_leaves_none_and_one_line(
    after: Any, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(memory_store())
    browser.get("/shop/login/ann", root="/shop")
    browser.get("/login/guest", **after)
    with caplog.at_level(logging.WARNING, "ringsession.audit"):
        assert browser.get("/shop/", **after) == "nobody"
    assert [vars(record)["event"] for record in caplog.records] == ["cookie_ambiguous"]
    browser.get("/shop/login/ann", **after)
    assert browser.get("/shop/", **after) == "ann"


def test_a_scope_that_no_browser_kept_under_a_host_name_is_refused() -> None:
    attrs = {"cookie_attrs": {"secure": True}, "cookie_name": "__Host-shop"}
    for scope in ({"domain": "example.org"}, {"path": "/shop"}):
        with pytest.raises(ConfigError, match="__Host-shop"):
            Browser(memory_store()).site(**attrs, former_cookie_attrs=[scope])


def test_the_command_ends_the_sessions_under_the_old_name_only(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = [
        line for line in PAGE.read_text().split("`") if line.startswith("python -m ringsession end")
    ]
    browser = Browser(f"sqlite:///{tmp_path}/sessions.db")
    browser.get("/login/ann", cookie_name="shop")
    browser.get("/login/ann", cookie_name="other")
    monkeypatch.setenv("RINGSESSION_STORE", f"sqlite:///{tmp_path}/sessions.db")
    main([*command.split()[3:], "--yes"])
    assert capsys.readouterr().out == "ended 1 session\n"
    assert browser.get("/", cookie_name="shop") == "nobody"
    assert browser.get("/", cookie_name="other") == "ann"
