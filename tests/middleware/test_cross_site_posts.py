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
