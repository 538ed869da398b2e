"""A form post from another site comes without a SameSite=Lax cookie and replaces no session."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import (
    cookie_store,
    deep_merge,
    memory_store,
    recreate,
    site_defaults,
    to_wsgi,
    wrap_defaults,
)
from werkzeug.test import Client

STORES = {
    "server-side": memory_store,
    "sealed": lambda: cookie_store("a key for these tests alone"),
}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://pay.example"}


def flash(request: Any) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": "", "flash": "paid"}


def token(request: Any) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": request["anti_forgery_token"]}


def values(request: Any) -> dict[str, Any]:
    request["session"]["user"] = "ann"
    return {"status": 200, "headers": {}, "body": ""}


def login(request: Any) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": "", "session": recreate({"user": "ann"})}


def recreated_flash(request: Any) -> dict[str, Any]:
    request["session"].recreate()
    return flash(request)


def destroyed_flash(request: Any) -> dict[str, Any]:
    request["session"].destroy()
    return flash(request)


def ask(handler: Any, store: Any, method: str = "POST", **headers: str) -> bool:
    """Return whether a client without a cookie gets one."""
    config = deep_merge(
        site_defaults,
        {
            "session": {"store": store()},
            "security": {"anti_forgery": {"trusted_origins": ["https://pay.example"]}},
        },
    )
    client = Client(wrap_defaults(to_wsgi(handler), config))
    answer = client.open("/", method=method, headers=headers)
    assert answer.status_code == 200
    return "Set-Cookie" in answer.headers


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
@pytest.mark.parametrize("handler", [flash, token, recreated_flash, destroyed_flash])
def test_a_message_or_token_alone_starts_no_session_there(handler: Any, store: Any) -> None:
    assert not ask(handler, store, **CROSS_SITE)
    assert not ask(handler, store, Origin="https://pay.example")


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
@pytest.mark.parametrize("handler", [values, login])
def test_values_of_the_handler_start_one(handler: Any, store: Any) -> None:
    assert ask(handler, store, **CROSS_SITE)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", CROSS_SITE),
        ("HEAD", CROSS_SITE),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "https://pay.example"}),
        ("POST", {"Origin": "http://localhost"}),
    ],
)
def test_a_first_visit_and_the_sites_own_forms_get_their_session(
    method: str, headers: dict[str, str]
) -> None:
    assert ask(flash, memory_store, method, **headers)
    assert ask(token, memory_store, method, **headers)


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_session_whose_cookie_came_keeps_its_message(store: Any) -> None:
    def handler(request: Any) -> dict[str, Any]:
        if request["request_method"] == "post":
            return flash(request)
        return {"status": 200, "headers": {}, "body": str(request["flash"]), "session": {"n": 1}}

    config = deep_merge(
        site_defaults, {"session": {"store": store()}, "security": {"anti_forgery": False}}
    )
    client = Client(wrap_defaults(to_wsgi(handler), config))
    client.get("/")
    client.post("/", headers=CROSS_SITE)
    assert client.get("/").text == "paid"


def ends(request: Any) -> dict[str, Any]:
    """Start a session on GET. On POST end it, as a single logout of another site does."""
    if request["request_method"] == "post":
        return destroyed_flash(request)
    request["session"].setdefault("user", "ann")
    return {"status": 200, "headers": {}, "body": str(request["flash"])}


def with_none(handler: Any, store: Any) -> Client:
    """Return a client whose cookie is SameSite=None, so that it comes on every post."""
    attrs = {"same_site": "none", "secure": True}
    changes = {
        "session": {"store": store, "cookie_attrs": attrs},
        "security": {"anti_forgery": False},
    }
    return Client(wrap_defaults(to_wsgi(handler), deep_merge(site_defaults, changes)))


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_logout_whose_cookie_came_ends_the_session_and_keeps_its_message(store: Any) -> None:
    client = with_none(ends, store())
    client.get("/", base_url="https://localhost")
    before = client.get_cookie("ring-session")
    client.post("/", base_url="https://localhost", headers=CROSS_SITE)
    assert client.get_cookie("ring-session") not in (None, before)
    assert client.get("/", base_url="https://localhost").text == "paid"


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_cookie_that_came_and_opens_nothing_may_be_replaced(store: Any) -> None:
    client = with_none(flash, store())
    client.set_cookie("ring-session", "x" * 43)
    answer = client.post("/", base_url="https://localhost", headers=CROSS_SITE)
    assert "Set-Cookie" in answer.headers
