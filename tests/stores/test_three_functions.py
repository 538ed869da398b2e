"""A user's own store: Ring's three functions, with our deadlines in what it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession.stores import Lifetime
from ringsession.stores.three_functions import RingStoreSessions
from tests.tracing import Client


class DictStore:
    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}
        self.calls: list[str] = []

    def read_session(self, key: str) -> Any:
        self.calls.append("read")
        return self.sessions.get(key)

    def write_session(self, key: str | None, data: dict[str, Any]) -> Any:
        self.calls.append("write")
        key = key or f"key{len(self.sessions)}"
        self.sessions[key] = data
        return key

    def delete_session(self, key: str) -> None:
        self.calls.append("delete")
        self.sessions.pop(key, None)


def test_it_is_asked_only_for_a_touched_session_and_written_only_after_a_change() -> None:
    client = Client(DictStore())
    client.send(lambda request: request["session"])
    client.read()
    assert client.store.calls == []
    client.send(lambda request: request["session"].update(a=1))
    client.send(lambda request: request["session"].update(a=1))
    assert client.store.calls == ["write", "read"]
    assert client.read() == {"a": 1}


def test_its_keys_are_its_own_affair_and_come_back_whole() -> None:
    store = DictStore()
    store.sessions["any key; ü"] = {"a": 1}
    client = Client(store)
    assert client.read("any+key%3B+%C3%BC") == {"a": 1}


def test_a_logout_deletes_and_a_login_gets_a_new_key() -> None:
    client = Client(DictStore())
    client.send(lambda request: request["session"].update(a=1))
    client.store.sessions["taken"] = {}
    client.send(lambda request: request["session"].recreate())
    assert (client.cookie, sorted(client.store.sessions)) == ("key2", ["key2", "taken"])
    client.send(lambda request: {"session": None})
    assert (client.cookie, sorted(client.store.sessions)) == (None, ["taken"])


def test_what_a_handler_gets_has_no_deadlines_in_it() -> None:
    client = Client(DictStore(), absolute_timeout=100)
    client.send(lambda request: request["session"].update(a=1))
    assert sorted(client.store.sessions["key0"]) == ["a", "ringsession/times"]
    assert client.read() == {"a": 1}


def sessions(store: DictStore, now: list[float], **lifetime: Any) -> RingStoreSessions:
    return RingStoreSessions(store, Lifetime(**lifetime), clock=lambda: now[0])


def test_it_ends_when_it_is_idle_and_is_deleted_then() -> None:
    store, now = DictStore(), [0.0]
    own = sessions(store, now, idle=100)
    key = own.create('1{"a":1}')
    assert key is not None
    now[0] = 99
    loaded = own.load(key)
    assert loaded is not None and (loaded.record, loaded.expires_in, loaded.due) == (
        '1{"a":1}',
        1,
        True,
    )
    now[0] = 100
    assert own.load(key) is None
    assert store.sessions == {}


def test_a_touch_moves_the_idle_deadline_and_never_the_absolute_one() -> None:
    store, now = DictStore(), [0.0]
    own = sessions(store, now, idle=100, absolute=150)
    key = own.create("1{}")
    assert key is not None
    now[0] = 90
    loaded = own.load(key)
    assert loaded is not None
    assert own.touch(key, loaded) == key
    now[0] = 149
    assert own.load(key) is not None
    now[0] = 150
    assert own.load(key) is None


def test_a_session_that_somebody_else_wrote_gets_its_deadline_at_its_first_touch() -> None:
    store, now = DictStore(), [0.0]
    store.sessions["old"] = {"a": 1}
    loaded = sessions(store, now, idle=100).load("old")
    assert loaded is not None and (loaded.due, loaded.expires_in) == (True, None)


def test_a_touch_that_fails_is_only_logged(caplog: Any) -> None:
    class Full(DictStore):
        def write_session(self, key: str | None, data: dict[str, Any]) -> Any:
            raise OSError("disk full")

    store = Full()
    store.sessions["old"] = {"a": 1}
    client = Client(store)
    assert client.read("old") == {"a": 1}
    assert "The idle timeout of a session could not be extended" in caplog.text


@pytest.mark.parametrize(
    ("method", "result", "problem"),
    [
        ("read_session", [1], "expected a mapping or None, got list"),
        ("read_session", "", "expected a mapping or None, got str"),
        ("read_session", True, "expected a mapping or None, got bool"),
        ("write_session", 5, "expected the session's key, a str, got int"),
        ("write_session", True, "expected the session's key, a str, got bool"),
        ("write_session", b"key", "expected the session's key, a str, got bytes"),
        ("write_session", {"a": 1}, "expected the session's key, a str, got dict"),
        ("write_session", "", "expected the session's key, got an empty str"),
        (
            "write_session",
            "ü" * 682,
            "expected a key whose cookie has at most 4096 octets, got 4092 for the key alone",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_result_that_is_no_session_and_no_key_is_a_failure_of_the_store(
    method: str, result: Any, problem: str, caplog: Any
) -> None:
    store = DictStore()
    setattr(store, method, lambda *arguments: result)
    client = Client(store)
    response = client.send(lambda request: request["session"].update(a=1), "any")
    assert response["status"] == 503
    assert f"{method}: {problem}" in caplog.text


@pytest.mark.parametrize("method", ["read_session", "write_session", "delete_session"])
def test_an_async_function_is_a_failure_of_the_store(method: str, caplog: Any) -> None:
    class Async(DictStore):
        async def read_session(self, key: str) -> Any:
            return None

        async def write_session(self, key: str | None, data: dict[str, Any]) -> Any:
            return None

        async def delete_session(self, key: str) -> None:  # type: ignore[override]
            return None

    store = DictStore()
    store.sessions["key"] = {"a": 1}
    setattr(store, method, getattr(Async(), method))
    client = Client(store)

    def page(request: Any) -> Any:
        request["session"]["a"] = 2
        return {"session": None} if method == "delete_session" else {}

    assert client.send(page, "key")["status"] == 503
    assert f"{method}: expected a plain function, got a coroutine; write def, not async def" in (
        caplog.text
    )


@pytest.mark.parametrize("result", [None, True, 0, "key", {"a": 1}], ids=repr)
def test_the_result_of_a_deletion_does_not_matter(result: Any) -> None:
    class ReturningStore(DictStore):
        def delete_session(self, key: str) -> Any:
            super().delete_session(key)
            return result

    store = ReturningStore()
    store.sessions["key"] = {"a": 1}
    client = Client(store)
    client.send(lambda request: {"session": None}, "key")
    assert (client.cookie, store.sessions) == (None, {})


class Forgetful(DictStore):
    """It returns no key."""

    def write_session(self, key: str | None, data: dict[str, Any]) -> None:
        super().write_session(key, data)


@pytest.mark.parametrize("is_login", [False, True])
def test_a_new_session_whose_key_is_not_returned_is_lost_with_a_line_in_the_log(
    is_login: bool, caplog: Any
) -> None:
    client = Client(Forgetful())

    def page(request: Any) -> Any:
        request["session"]["user"] = "secret ann"
        if is_login:
            request["session"].recreate()

    assert client.send(page)["status"] == 200
    assert client.cookie is None
    assert [record.getMessage() for record in caplog.records] == [
        "A new session is lost: Forgetful.write_session returned None, so the client gets no"
        " cookie. Return the session's key, a str."
    ]
    assert "ann" not in caplog.text


def test_a_session_keeps_its_key_if_none_is_returned(caplog: Any) -> None:
    store = Forgetful()
    store.sessions["key"] = {"a": 1}
    client = Client(store)
    client.send(lambda request: request["session"].update(a=2), "key")
    assert store.sessions["key"]["a"] == 2
    own = {"session_cookie_attrs": {"max_age": 5}, "session": {"a": 3}}
    client.send(lambda request: own, "key")
    assert client.set_cookie == "ring-session=key; Path=/; HttpOnly; SameSite=Lax; Max-Age=5"
    assert caplog.records == []


def test_swap_says_that_it_needs_another_store() -> None:
    client = Client(DictStore())
    client.send(lambda request: request["session"].update(n=1))
    with pytest.raises(
        TypeError, match="expected a server-side store, .* got a store that has only read_session"
    ):
        client.send(lambda request: request["session"].swap("n", lambda n: 2))


def test_an_error_of_the_store_is_logged_by_its_kind_and_place_and_never_with_its_text(
    caplog: Any,
) -> None:
    class Quoting(DictStore):
        def write_session(self, key: str | None, data: dict[str, Any]) -> Any:
            try:
                raise KeyError(data["user"])
            except KeyError as error:
                raise ValueError(f"cannot write {data}") from error

    client = Client(Quoting())
    response = client.send(lambda request: request["session"].update(user="secret ann"))
    assert response["status"] == 503
    assert "Quoting.write_session failed: ValueError at test_three_functions.py:" in caplog.text
    assert "secret ann" not in caplog.text
