"""Flash: what the next request sees is as in Ring, and only what was read is taken."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import cookie_store, memory_store, recreate, wrap_session
from ringsession.middleware.flash import wrap_flash
from tests.tracing import Client


def cookie_client() -> Client:
    return Client(cookie_store("a key of 32 characters for tests"))


STORES = pytest.mark.parametrize("make", [Client, cookie_client], ids=["memory", "cookie"])


def seen(client: Client, cookie: str | None = None) -> Any:
    """The flash that a next request finds."""
    found: list[Any] = []
    client.send(lambda request: found.append(request["flash"]), cookie)
    return found[0]


@STORES
def test_flash_is_gone_after_one_read(make: Any) -> None:
    client = make()
    client.send(lambda request: {"flash": "saved"})
    assert [seen(client), seen(client)] == ["saved", None]


@STORES
def test_reading_it_twice_in_one_request_gives_it_twice(make: Any) -> None:
    client = make()
    client.send(lambda request: {"flash": "saved"})
    found: list[Any] = []
    client.send(lambda request: found.extend([request["flash"], {**request}["flash"]]))
    assert found == ["saved", "saved"]


@STORES
@pytest.mark.parametrize("message", ["", 0, [], {"kind": "error", "text": "no"}, (1, 2)], ids=repr)
def test_any_value_but_none_is_a_message(make: Any, message: Any) -> None:
    client = make()
    client.send(lambda request: {"flash": message})
    assert seen(client) == message


def test_a_request_that_reads_neither_flash_nor_session_leaves_it() -> None:
    client = Client()
    client.send(lambda request: {"flash": "saved"})
    client.store.taken()
    client.send(lambda request: None)
    assert client.store.taken() == []
    assert seen(client) == "saved"


def test_a_request_that_reads_its_session_takes_it() -> None:
    client = Client()
    client.send(lambda request: {"flash": "saved"})
    client.read()
    assert seen(client) is None


def test_a_handler_that_raises_leaves_it() -> None:
    client = Client()
    client.send(lambda request: {"flash": "saved"})
    with pytest.raises(ZeroDivisionError):
        client.send(lambda request: request["flash"] and 1 // 0)
    assert seen(client) == "saved"


def test_a_new_message_replaces_one_that_waits() -> None:
    client = Client()
    client.send(lambda request: {"flash": "old"})
    client.send(lambda request: {"flash": "new"})
    assert [seen(client), seen(client)] == ["new", None]


def test_taking_one_and_leaving_another_in_one_request() -> None:
    client = Client()
    client.send(lambda request: {"flash": "old"})
    client.send(lambda request: {"flash": f"after {request['flash']}"})
    assert seen(client) == "after old"


@STORES
def test_a_message_is_no_part_of_the_session(make: Any) -> None:
    client = make()
    client.send(lambda request: {"flash": "saved", "session": {"a": 1}})
    found: list[Any] = []
    client.send(lambda request: found.append([dict(request["session"]), request["flash"]]))
    assert found == [[{"a": 1}, "saved"]]
    assert client.read() == {"a": 1}


@STORES
def test_a_farewell_outlives_the_session_it_ends(make: Any) -> None:
    client = make()
    client.send(lambda request: {"session": {"user": "ann"}})
    old = client.cookie
    client.send(lambda request: {"session": None, "flash": "bye"})
    assert client.cookie not in (None, old)
    found: list[Any] = []
    client.send(lambda request: found.append([dict(request["session"]), request["flash"]]))
    assert found == [[{}, "bye"]]
    assert seen(client) is None


def test_after_a_farewell_the_old_id_is_dead() -> None:
    client = Client()
    client.send(lambda request: {"session": {"user": "ann"}})
    old = client.cookie
    client.send(lambda request: {"session": None, "flash": "bye"})
    assert client.read(old) == {}


@STORES
def test_a_message_that_nobody_read_goes_along_with_a_login(make: Any) -> None:
    client = make()
    client.send(lambda request: {"flash": "please log in"})
    client.send(lambda request: {"session": recreate({"user": "ann"})})
    found: list[Any] = []
    client.send(lambda request: found.append([dict(request["session"]), request["flash"]]))
    assert found == [[{"user": "ann"}, "please log in"]]


@STORES
def test_a_login_with_a_message_shows_that_message(make: Any) -> None:
    client = make()
    client.send(lambda request: {"flash": "old"})
    client.send(lambda request: {"session": recreate({"user": "ann"}), "flash": "welcome"})
    assert [seen(client), seen(client)] == ["welcome", None]


def test_messages_of_requests_at_the_same_time_are_shown_one_after_the_other() -> None:
    client = Client()
    client.send(lambda request: {"session": {"a": 1}})

    def slow(request: Any) -> Any:
        request["session"]["a"]
        client.send(lambda request: {"flash": "first"})
        return {"flash": "second"}

    client.send(slow)
    assert [seen(client), seen(client), seen(client)] == ["first", "second", None]


def test_taking_a_message_leaves_one_that_came_meanwhile() -> None:
    client = Client()
    client.send(lambda request: {"flash": "first"})

    def slow(request: Any) -> Any:
        request["flash"]
        client.send(lambda request: {"flash": "meanwhile"})

    client.send(slow)
    assert [seen(client), seen(client)] == ["meanwhile", None]


def test_a_body_that_streams_may_read_the_flash_of_a_session_that_was_read() -> None:
    client = Client()
    client.send(lambda request: {"flash": "saved", "session": {"a": 1}})

    def page(request: Any) -> Any:
        request["session"]["a"]
        return {"body": (request["flash"] for _ in range(1))}

    assert list(client.send(page)["body"]) == ["saved"]


def test_attack_82_a_flood_of_messages_from_one_client_is_one_message() -> None:
    client = Client()
    for number in range(100):
        client.send(lambda request, number=number: {"flash": number})
    (entry,) = client.store.store._table.entries.values()
    assert (entry.record.count("flash"), seen(client)) == (1, 99)


def test_without_a_session_layer_outside_the_error_says_so() -> None:
    handler = wrap_flash(lambda request: {"status": 200, "flash": "x"})
    with pytest.raises(RuntimeError, match="^wrap_flash needs wrap_session around it: "):
        handler({"headers": {}})  # type: ignore[arg-type]


def test_a_flash_without_its_layer_is_left_alone() -> None:
    handler = wrap_session(lambda request: {"status": 200, "flash": "x"}, store=memory_store())
    assert handler({"headers": {}}) == {"status": 200, "flash": "x"}  # type: ignore[arg-type]
