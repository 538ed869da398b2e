"""What a response gave as session_cookie_attrs holds for every later cookie of the session."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import codec, cookie_store, recreate
from tests.tracing import Client

KEY = "a key for tests, of 32 characters"
OWN = {"domain": "example.org", "max_age": 600}


def sealed_client(**options: Any) -> Client:
    return Client(cookie_store(KEY), **options)


class DictStore:
    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    def read_session(self, key: str) -> Any:
        return self.sessions.get(key)

    def write_session(self, key: str | None, data: dict[str, Any]) -> str:
        key = key or f"key{len(self.sessions)}"
        self.sessions[key] = data
        return key

    def delete_session(self, key: str) -> None:
        self.sessions.pop(key, None)


def own_client(**options: Any) -> Client:
    return Client(DictStore(), **options)


def login(request: Any, attrs: Any = OWN) -> Any:
    session = recreate({**request["session"], "user": "ann"})
    return {"session": session, "session_cookie_attrs": attrs}


EVERY = pytest.mark.parametrize("make", [Client, sealed_client, own_client])


@EVERY
def test_a_logout_deletes_the_cookie_that_the_login_set(make: Any) -> None:
    client = make()
    client.send(login)
    client.send(lambda request: {"session": None})
    assert client.set_cookies[-1] == (
        "ring-session=; Path=/; HttpOnly; SameSite=Lax; Domain=example.org; Max-Age=0"
    )


@EVERY
def test_a_later_login_keeps_the_attributes(make: Any) -> None:
    client = make()
    client.send(login)
    client.send(lambda request: request["session"].recreate())
    assert client.set_cookie is not None
    assert client.set_cookie.endswith("; Domain=example.org; Max-Age=600")


def test_each_later_write_of_a_sealed_session_keeps_the_attributes() -> None:
    client = sealed_client()
    client.send(login)
    for number in range(2):
        client.send(lambda request: request["session"].update(n=number))
        assert client.set_cookie is not None
        assert client.set_cookie.endswith("; Domain=example.org; Max-Age=600")


@EVERY
def test_a_deletion_has_the_attributes_of_its_own_response_over_the_kept_ones(make: Any) -> None:
    client = make()
    client.send(login)
    client.send(lambda request: {"session": None, "session_cookie_attrs": {"domain": "other.org"}})
    assert client.set_cookies[-1] == (
        "ring-session=; Path=/; HttpOnly; SameSite=Lax; Domain=other.org; Max-Age=0"
    )
    assert any("Domain=example.org" in line for line in client.set_cookies[:-1])


def test_an_own_attribute_of_a_response_goes_over_the_kept_ones_and_is_kept_in_turn() -> None:
    client = Client()
    client.send(login)
    client.send(lambda request: {"session_cookie_attrs": {"max_age": 5}})
    client.send(lambda request: request["session"].recreate())
    assert client.set_cookie is not None
    assert client.set_cookie.endswith("; Domain=example.org; Max-Age=5")


def test_attributes_equal_to_the_configured_ones_and_a_moment_of_expiry_are_not_kept() -> None:
    client = Client()
    expires = "Fri, 01 Jan 2038 00:00:00 GMT"
    client.send(lambda request: login(request, {"path": "/", "secure": False, "expires": expires}))
    assert client.set_cookie is not None and expires in client.set_cookie
    (key,) = [k for k, entry in client.store.store._table.entries.items() if entry.record]
    assert codec.decode(client.store.store._table.entries[key].record) == {"user": "ann"}


def test_an_attribute_that_is_turned_off_stays_off() -> None:
    client = Client(cookie_attrs={"max_age": 600})
    client.send(lambda request: login(request, {"max_age": None}))
    client.send(lambda request: request["session"].recreate())
    assert client.set_cookie is not None and "Max-Age" not in client.set_cookie


def test_a_handler_never_sees_the_kept_attributes() -> None:
    client = Client()
    client.send(login)
    assert client.read() == {"user": "ann"}
    client.send(lambda request: {"session": {"user": "ann"}})
    client.send(lambda request: request["session"].recreate())
    assert client.set_cookie is not None and "Domain=example.org" in client.set_cookie


@pytest.mark.parametrize(
    ("given", "value", "stored"),
    [
        ({"secure": True, "same_site": "none"}, '"none"', '"bogus"'),
        ({"domain": "a.example"}, '"a.example"', '"a.example:8000"'),
        ({"path": "/app"}, '"/app"', '"app"'),
    ],
)
def test_kept_attributes_that_cannot_be_written_any_more_are_dropped_with_a_line_in_the_log(
    caplog: Any, given: Any, value: str, stored: str
) -> None:
    client = Client()
    client.send(lambda request: login(request, given))
    (entry,) = [e for e in client.store.store._table.entries.values() if e.record]
    assert value in entry.record
    entry.record = entry.record.replace(value, stored)
    client.send(lambda request: request["session"].recreate())
    assert client.set_cookie is not None
    assert client.set_cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert "Dropped the cookie attributes that a session kept" in caplog.text


def test_without_a_session_there_is_nothing_with_which_to_keep_attributes() -> None:
    client = Client()
    client.send(lambda request: {"session_cookie_attrs": OWN})
    assert (client.set_cookie, len(client.store.store)) == (None, 0)


@pytest.mark.parametrize(
    ("when", "sent"),
    [
        ("always", [True, True, True]),
        ("moved", [True, False, True]),
        ("changed", [True, False, False]),
    ],
)
def test_a_response_says_when_its_attributes_send_the_cookie(when: str, sent: list[bool]) -> None:
    client = Client(timeout=100)
    attrs = {"session_cookie_attrs": {"max_age": 5}, "session_cookie_when": when}
    found = []
    for client.now in (0, 1, 20):
        client.send(lambda request: request["session"].setdefault("a", 1) and attrs)
        found.append(client.set_cookie is not None and "Max-Age=5" in client.set_cookie)
    assert found == sent
    client.send(lambda request: request["session"].recreate())
    assert client.set_cookie is not None
    assert ("Max-Age=5" in client.set_cookie) == (when == "always")  # only then they are kept


def test_another_word_for_when_is_refused_before_anything_is_stored() -> None:
    client = Client()
    with pytest.raises(ValueError, match='"always", "moved" or "changed", got \'later\''):
        client.send(
            lambda request: {
                "session": {"a": 1},
                "session_cookie_attrs": {"max_age": 5},
                "session_cookie_when": "later",
            }
        )
    assert len(client.store.store) == 0
