"""A login moves the session to a new id: nothing is lost, whatever fails or runs beside it."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import memory_store, recreate
from ringsession.stores import Change, Lifetime
from ringsession.session.mapping import session_state
from tests.tracing import Client, TracedStore

CART = {"cart": ["book"]}


def signed_in(request: Any) -> Any:
    return {"session": recreate({**request["session"], "user": "ann"})}


def begin(**options: Any) -> Client:
    client = Client(**options)
    client.send(lambda request: {"session": CART})
    client.store.taken()
    return client


def beside(client: Client, page: Any, other: Any) -> tuple[Any, str | None]:
    """Send `other` with the same cookie after the page has run and before its response is
    committed.
    """
    cookie = client.cookie
    others: list[str | None] = []

    def slow(request: Any) -> Any:
        response = page(request)
        client.send(other, cookie)
        others.append(client.cookie)
        return response

    return client.send(slow, cookie), others[0]


# -- failures


@pytest.mark.parametrize("failing", ["load", "create", "claim"])
def test_a_login_that_fails_leaves_the_session_as_it_is(failing: str) -> None:
    client = begin()
    client.store.failing = {failing}
    response = client.send(signed_in)
    client.store.failing = set()
    assert (response["status"], client.set_cookie) == (503, None)
    assert client.read() == CART


def test_a_login_in_a_full_store_keeps_the_session_and_succeeds() -> None:
    client = begin(store=TracedStore(memory_store(max_sessions=1)))
    assert client.send(signed_in)["status"] == 200
    assert client.read() == CART | {"user": "ann"}
    client.send(lambda request: {"session": None})
    assert client.read() == {}


def test_the_new_id_is_stored_whole_before_the_old_one_ends() -> None:
    client = begin()
    client.send(signed_in)
    assert client.store.taken() == ["load", "create", "claim"]


def test_a_login_goes_on_where_the_first_answer_to_its_claim_was_lost() -> None:
    class Lossy(TracedStore):
        """Its first claim is done twice, as by a client that asks again on a new connection."""

        def claim(self, *arguments: Any) -> Any:
            assert super().claim(*arguments) is True
            return super().claim(*arguments)

    client = begin(store=Lossy(memory_store()))
    assert client.send(signed_in)["status"] == 200
    assert client.read() == CART | {"user": "ann"}


def test_a_new_record_that_was_never_announced_can_be_opened_by_nobody() -> None:
    client = begin()
    client.store.failing = {"claim"}
    client.send(signed_in)
    client.store.failing = set()
    assert len(client.store.store) == 2
    assert client.read() == CART


def test_where_nothing_expires_such_a_record_is_ended() -> None:
    client = begin(timeout=None)
    client.store.failing = {"claim"}
    client.send(signed_in)
    assert client.store.taken() == ["load", "create", "claim", "destroy"]


def test_a_login_that_a_users_own_store_fails_to_write_leaves_the_session_as_it_is() -> None:
    class Own:
        def __init__(self) -> None:
            self.sessions: dict[str, Any] = {}
            self.failing = False

        def read_session(self, key: str) -> Any:
            return self.sessions.get(key)

        def write_session(self, key: str | None, data: dict[str, Any]) -> str:
            if self.failing:
                raise OSError("disk full")
            key = key or f"key{len(self.sessions)}"
            self.sessions[key] = data
            return key

        def delete_session(self, key: str) -> None:
            self.sessions.pop(key, None)

    client = Client(Own())
    client.send(lambda request: {"session": CART})
    client.store.failing = True
    assert client.send(signed_in)["status"] == 503
    assert client.read() == CART


# -- beside other requests


def test_a_write_beside_a_login_goes_along() -> None:
    client = begin()

    def page(request: Any) -> None:
        request["session"]["user"] = "ann"
        request["session"].recreate()

    beside(client, page, lambda request: request["session"].update(lang="en"))
    assert client.read() == CART | {"user": "ann", "lang": "en"}


def test_of_two_logins_each_gets_what_its_handler_gave() -> None:
    client = begin()
    _, other = beside(client, signed_in, signed_in)
    assert client.read() == client.read(other) == CART | {"user": "ann"}
    assert client.cookie != other


def test_a_second_login_takes_along_only_what_the_first_left_unchanged() -> None:
    client = begin()
    client.send(lambda request: request["session"].update(user="eve", lang="en"))

    def leave(request: Any) -> Any:  # the user goes, and so does the cart
        return {"session": recreate({"lang": "en", "cart": []})}

    beside(client, lambda request: {"session": recreate({**request["session"], "n": 1})}, leave)
    assert client.read() == {"lang": "en", "n": 1}


def test_a_second_login_whose_successor_has_ended_keeps_its_own_changes_alone() -> None:
    client = begin()
    cookie = client.cookie

    def slow(request: Any) -> Any:
        response = signed_in(request)
        client.send(signed_in, cookie)
        client.send(lambda request: {"session": None})
        return response

    client.send(slow, cookie)
    assert client.read() == {"user": "ann"}


@pytest.mark.parametrize(
    ("page", "left"),
    [
        (lambda request: {"session": recreate({**request["session"], "tab": 2})}, {"tab": 2}),
        (lambda request: request["session"].recreate(), {}),
    ],
)
def test_a_login_beside_a_logout_never_brings_the_user_back(page: Any, left: Any) -> None:
    client = begin()
    client.send(lambda request: request["session"].update(user="ann"))
    beside(client, page, lambda request: {"session": None})
    assert client.read() == left


def test_a_login_whose_session_expired_meanwhile_keeps_its_own_changes_alone() -> None:
    client = begin(timeout=100)
    cookie = client.cookie

    def slow(request: Any) -> Any:
        response = signed_in(request)
        client.now = 200
        return response

    client.send(slow, cookie)
    assert client.read() == {"user": "ann"}


def test_a_logout_beside_a_login_ends_the_session_to_which_it_moved() -> None:
    client = begin()
    response, other = beside(client, lambda request: {"session": None}, signed_in)
    assert other is not None and client.read(other) == {}
    assert client.set_cookies == []  # of the last read
    assert response["headers"]["Set-Cookie"] == [
        "ring-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    ]


def test_a_logout_follows_a_session_that_moved_eight_times() -> None:
    client = begin()
    first = client.cookie
    for _ in range(8):
        client.send(signed_in)
    last = client.cookie
    client.send(lambda request: {"session": None}, first)
    assert (client.cookie, client.read(last)) == (None, {})


def test_a_login_overtaken_by_many_writes_loses_none_of_them() -> None:
    client = begin()
    cookie = client.cookie

    class Busy(TracedStore):
        """Before each of the first five claims another request writes."""

        writes = 0

        def claim(self, key: str, *arguments: Any) -> Any:
            if self.writes < 5:
                self.writes += 1
                loaded = self.store.load(key)
                after = loaded.record[:-1] + f',"n{self.writes}":1}}'
                assert self.store.patch(key, loaded.version, Change(loaded.record, after))
            return super().claim(key, *arguments)

    busy = Client(Busy(client.store.store))
    busy.cookie = cookie

    def page(request: Any) -> None:
        request["session"]["user"] = "ann"
        request["session"].recreate()

    busy.send(page)
    assert busy.read() == CART | {"user": "ann"} | {f"n{number}": 1 for number in range(1, 6)}


# -- expired only by the configured times


def shortened(client: Client) -> Client:
    """Another process of the same site, whose timeout was cut."""
    other = Client(client.store, timeout=60)
    other.cookie = client.cookie
    return other


def test_a_shortened_timeout_reaches_old_sessions_and_reads_leave_them_alone() -> None:
    client = begin(timeout=1800)
    client.now = 120
    other = shortened(client)
    assert other.read() == {}
    assert client.read() == CART  # during a rolling deploy, old processes still serve it


def test_a_logout_ends_a_session_that_only_the_shorter_timeout_ended() -> None:
    client = begin(timeout=1800)
    client.now = 120
    shortened(client).send(lambda request: {"session": None})
    assert client.read() == {}


def test_a_login_ends_a_session_that_only_the_shorter_timeout_ended_and_inherits_nothing() -> None:
    client = begin(timeout=1800)
    client.now = 120
    other = shortened(client)
    other.send(lambda request: {"session": recreate({"user": "ann"})})
    assert (client.read(), other.read()) == ({}, {"user": "ann"})


def test_a_write_over_a_session_that_only_the_shorter_timeout_ended_begins_a_new_one() -> None:
    client = begin(timeout=1800)
    client.now = 120
    other = shortened(client)
    other.send(lambda request: request["session"].update(a=1))
    assert other.cookie != client.cookie
    assert (client.read(), other.read()) == (CART, {"a": 1})


# -- stores shared by two apps


def test_an_id_of_one_app_opens_nothing_in_another_that_shares_the_store() -> None:
    forum = begin()
    admin = Client(forum.store, cookie_name="admin")
    seen: list[Any] = []
    admin.page = lambda request: seen.append(dict(request["session"]))
    admin.handler({"headers": {"cookie": f"admin={forum.cookie}"}})
    assert seen == [{}]
    assert forum.read() == CART


# -- sessions that hold nothing but secrets


def test_a_write_to_a_session_that_was_dropped_to_make_room_goes_to_a_new_id() -> None:
    store = memory_store(max_sessions=1)
    client = Client(TracedStore(store))
    record = '1{"ringsession/anti_forgery/1":"00"}'

    def token(request: Any) -> None:
        session_state(request["session"]).set_own_key("ringsession/anti_forgery/1", "00")

    client.send(token)
    first = client.cookie

    def slow(request: Any) -> None:
        request["session"]["cart"] = 1
        assert store.create("0" * 64, record, Lifetime())  # somebody else needs the place
        assert store.destroy("0" * 64)

    client.send(slow)
    assert client.cookie not in (None, first)
    assert client.read() == {"cart": 1}


def test_a_swap_in_a_session_that_was_dropped_to_make_room_goes_to_a_new_id() -> None:
    store = memory_store(max_sessions=1)
    client = Client(TracedStore(store))
    client.send(
        lambda request: session_state(request["session"]).set_own_key(
            "ringsession/anti_forgery/1", "00"
        )
    )

    def slow(request: Any) -> None:
        request["session"].get("n")
        assert store.create("0" * 64, "1{}", Lifetime())
        assert store.destroy("0" * 64)
        assert request["session"].swap("n", lambda n: (n or 0) + 1) == 1

    client.send(slow)
    assert client.read() == {"n": 1}


def test_a_late_write_to_a_session_of_secrets_that_was_ended_is_dropped() -> None:
    client = Client()
    client.send(
        lambda request: session_state(request["session"]).set_own_key(
            "ringsession/anti_forgery/1", "00"
        )
    )
    response, _ = beside(
        client,
        lambda request: request["session"].update(a=1),
        lambda request: {"session": None},
    )
    assert "Set-Cookie" not in response["headers"]
