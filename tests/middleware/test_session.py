"""The session contract, row by row, through the layer and with literal requests."""

from __future__ import annotations

import base64
import logging
import random
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from operator import and_, or_
from threading import Barrier, BrokenBarrierError, Event
from typing import Any

import pytest

from ringsession import (
    CookieTooLarge,
    SessionCommitted,
    StoreUnavailable,
    cookie_store,
    recreate,
    wrap_anti_forgery,
    wrap_cookies,
)
from ringsession.session.mapping import Session
from tests.tracing import CALLS, UNAVAILABLE, Client

# -- laziness and round trips


def test_an_untouched_session_costs_no_call_and_works_with_the_store_down() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    client.store.taken()
    client.store.failing = set(CALLS)
    response = client.send(lambda request: request["session"])
    assert client.store.taken() == []
    assert response == {"status": 200, "headers": {}, "body": None}


def test_reading_a_request_whole_does_not_load_its_session() -> None:
    client = Client(flash=False)
    client.send(lambda request: request["session"].update(a=1))
    client.store.taken()
    client.send(lambda request: request | {"more": 1} and None)
    client.send(lambda request: repr(request["session"]) and None)
    assert client.store.taken() == []


ROUND_TRIPS = [
    ("read", lambda request: request["session"].get("a"), ["load"]),
    ("unchanged", lambda request: request["session"].update(a=1), ["load"]),
    ("changed", lambda request: request["session"].update(a=2), ["load", "patch"]),
    ("given unchanged", lambda request: {"session": {"a": 1, "b": [1]}}, ["load"]),
    ("given in another order", lambda request: {"session": {"b": [1], "a": 1}}, ["load"]),
    ("given itself", lambda request: {"session": request["session"]}, []),
    ("destroyed", lambda request: request["session"].destroy(), ["load", "destroy"]),
    ("given None", lambda request: {"session": None}, ["load", "destroy"]),
    ("recreated", lambda request: request["session"].recreate(), ["load", "create", "claim"]),
    ("given anew", lambda request: {"session": recreate({"a": 2})}, ["load", "create", "claim"]),
    (
        "given anew after a read",
        lambda request: {"session": recreate({**request["session"], "a": 2})},
        ["load", "create", "claim"],
    ),
    (
        "swapped",
        lambda request: request["session"].swap("a", lambda a: a + 1) and None,
        ["load", "swap"],
    ),
    (
        "attributes only",  # they are kept for later cookies
        lambda request: {"session_cookie_attrs": {"max_age": 5}},
        ["load", "patch"],
    ),
    (
        "attributes as configured",
        lambda request: {"session_cookie_attrs": {"http_only": True}},
        ["load"],
    ),
]


@pytest.mark.parametrize(
    ("page", "calls"), [row[1:] for row in ROUND_TRIPS], ids=[r[0] for r in ROUND_TRIPS]
)
def test_round_trips(page: Any, calls: list[str]) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, b=[1]))
    assert client.store.taken() == ["create"]
    client.send(page)
    assert client.store.taken() == calls


@pytest.mark.parametrize(
    "page",
    [
        lambda request: request["session"].get("a"),
        lambda request: request["session"].destroy(),
        lambda request: request["session"].recreate(),
        lambda request: {"session": None},
        lambda request: {"session_cookie_attrs": {"max_age": 5}},
        lambda request: {"flash": None},
        lambda request: request["flash"] and None,
        lambda request: request["session_key"] and None,
    ],
)
def test_without_a_session_and_without_a_write_nothing_is_stored_or_sent(page: Any) -> None:
    client = Client()
    response = client.send(page)
    assert (client.store.taken(), client.cookie) == ([], None)
    assert "Set-Cookie" not in response["headers"]


# -- change


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (lambda s: s.update(a=2), {"a": 2, "b": [1, {"c": 1}]}),
        (lambda s: s["b"].append(2), {"a": 1, "b": [1, {"c": 1}, 2]}),
        (lambda s: s["b"][1].update(c=2), {"a": 1, "b": [1, {"c": 2}]}),
        (lambda s: s.pop("a"), {"b": [1, {"c": 1}]}),
        (lambda s: s.clear(), {}),
        (lambda s: s.setdefault("d", ()), {"a": 1, "b": [1, {"c": 1}], "d": ()}),
        (lambda s: s.update(a=1.0), {"a": 1.0, "b": [1, {"c": 1}]}),
        (lambda s: s.update(a=True), {"a": True, "b": [1, {"c": 1}]}),
    ],
)
def test_what_is_changed_in_place_is_stored_types_and_depths_included(
    change: Any, after: Any
) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, b=[1, {"c": 1}]))
    client.send(lambda request: change(request["session"]) and None)
    found = client.read()
    assert found == after
    assert [type(value) for value in found.values()] == [type(value) for value in after.values()]


def test_a_given_session_replaces_what_this_request_saw() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, b=2))
    client.send(lambda request: {"session": {"b": 3, "c": 4}})
    assert client.read() == {"b": 3, "c": 4}


def test_keys_that_a_request_never_saw_survive_a_given_session() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))

    def slow(request: Any) -> Any:
        seen = dict(request["session"])
        client.send(lambda request: request["session"].update(b=2))
        return {"session": {**seen, "c": 3}}

    client.send(slow)
    assert client.read() == {"a": 1, "b": 2, "c": 3}


def test_of_two_writes_of_one_key_the_last_wins() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))

    def slow(request: Any) -> None:
        request["session"]["a"] = "slow"
        client.send(lambda request: request["session"].update(a="fast"))

    client.send(slow)
    assert client.read() == {"a": "slow"}


def test_an_empty_given_session_is_a_session() -> None:
    client = Client()
    client.send(lambda request: {"session": {}})
    assert client.store.taken() == ["create"]
    keys: list[Any] = []
    client.send(lambda request: keys.append(request["session_key"]))
    assert keys == [client.cookie] and client.cookie is not None


def test_removing_the_last_key_keeps_the_session() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    cookie = client.cookie
    client.send(lambda request: request["session"].clear())
    client.send(lambda request: request["session"].update(b=1))
    assert client.cookie == cookie


@pytest.mark.parametrize("session", [True, 0, "", [], [("a", 1)]], ids=repr)
def test_a_given_session_that_is_no_mapping_is_a_type_error(session: Any) -> None:
    with pytest.raises(TypeError, match=r'response\["session"\]: expected a mapping or None, got'):
        Client().send(lambda request: {"session": session})


@pytest.mark.parametrize("key", [1, None, b"a", ("a",)], ids=repr)
def test_a_key_that_is_no_text_is_a_type_error(key: Any) -> None:
    client = Client()
    with pytest.raises(TypeError, match="session key: expected str"):
        client.send(lambda request: request["session"].update({key: 1}))
    with pytest.raises(TypeError, match="session key: expected str"):
        client.send(lambda request: {"session": {key: 1}})


def test_attack_81_a_reserved_key_is_refused_and_others_are_ordinary() -> None:
    client = Client()
    with pytest.raises(ValueError, match='does not start with "?.?ringsession/'):
        client.send(lambda request: request["session"].update({"ringsession/x": 1}))
    odd = {"__proto__": 1, "_flash": 2, "": 3, "x" * 1_000_000: 4, "~t": 5}
    client.send(lambda request: request["session"].update(odd))
    assert client.read() == odd


def test_a_session_with_a_dict_is_a_plain_dict() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    made: list[Any] = []

    def page(request: Any) -> None:
        session = request["session"]
        made.extend([session | {"b": 2}, {"b": 2} | session, {**session}, session.copy()])

    client.send(page)
    assert made == [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}, {"a": 1}]
    assert {type(value) for value in made} == {dict}


# -- identity


def test_the_cookie_is_set_when_the_session_gets_an_id_and_not_again() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    assert client.set_cookie == f"ring-session={client.cookie}; Path=/; HttpOnly; SameSite=Lax"
    assert client.cookie is not None and len(client.cookie) == 43
    client.send(lambda request: request["session"].update(n=2))
    assert client.set_cookie is None


def new_ids(count: int) -> list[str]:
    """Return the ids of new sessions, made with the random module in one and the same state."""
    random.seed(1)
    found = []
    for _ in range(count):
        client = Client()
        client.send(lambda request: request["session"].update(n=1))
        found.append(client.cookie or "")
    return found


def test_an_id_is_256_bits_that_no_seed_foretells() -> None:
    ids = [*new_ids(100), *new_ids(100)]
    octets = [base64.urlsafe_b64decode(text + "=") for text in ids]
    assert {len(each) for each in octets} == {32}
    assert len(set(octets)) == 200
    # A bit that is the same in all of 200 ids is no random bit.
    numbers = [int.from_bytes(each, "big") for each in octets]
    ones, zeros = reduce(or_, numbers), reduce(and_, numbers)
    assert (ones, zeros) == (2**256 - 1, 0)


def test_attack_25_an_unknown_id_is_never_adopted() -> None:
    client = Client()
    made_up = "A" * 43
    client.send(lambda request: request["session"].update(a=1), made_up)
    assert client.cookie not in (None, made_up)
    assert client.read(made_up) == {}


@pytest.mark.parametrize(
    "value",
    ["", "1", "A" * 42, "A" * 44, "../../etc/passwd", "'; DROP TABLE", "%00" * 10, "A" * 42 + "%0A",
     "x" * 10_000, "%F0%9F%98%80" * 11, "%C3%BC" * 43],
)  # fmt: skip
def test_attack_22_a_malformed_id_never_reaches_the_store(value: str) -> None:
    client = Client()
    assert client.read(value) == {}
    assert client.store.taken() == []


def test_attack_12_two_live_sessions_are_no_session_and_one_line_in_the_log(caplog: Any) -> None:
    client = Client()
    cookies = []
    for number in (1, 2):
        client.cookie = None
        client.send(lambda request: request["session"].update(a=number))
        cookies.append(f"ring-session={client.cookie}")
    seen: list[Any] = []
    client.page = lambda request: seen.append(dict(request["session"]))
    client.handler({"headers": {"cookie": "; ".join(cookies)}})
    assert seen == [{}]
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "The request brought 2 live sessions in cookies of the same"
    )
    assert '["session"]["former_cookie_attrs"]' in record.getMessage()


def test_the_same_id_twice_is_one_session() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    seen: list[Any] = []
    client.page = lambda request: seen.append(dict(request["session"]))
    client.handler({"headers": {"cookie": "; ".join([f"ring-session={client.cookie}"] * 2)}})
    assert seen == [{"a": 1}]


def test_attack_24_a_fixed_id_is_worth_nothing_after_the_login() -> None:
    attacker, victim = Client(), Client()
    victim.handler = attacker.handler
    victim._handle = attacker._handle  # type: ignore[method-assign]
    attacker.send(lambda request: request["session"].update(planted=1))
    planted = attacker.cookie
    attacker.send(
        lambda request: {"session": recreate({**request["session"], "user": "v"})}, planted
    )
    victim_cookie = attacker.cookie
    assert attacker.read(planted) == {}
    assert attacker.read(victim_cookie) == {"planted": 1, "user": "v"}


def test_attack_30_visitors_who_write_nothing_leave_nothing() -> None:
    client = Client()
    for number in range(1000):
        client.send(lambda request: request["session"].get("a"), f"{number:043}")
    assert len(client.store.store) == 0


# -- logout


def test_a_logout_deletes_the_cookie_under_the_same_attributes() -> None:
    attrs = {"domain": "example.org", "path": "/x", "secure": True, "partitioned": True,
             "max_age": 60, "same_site": "none"}  # fmt: skip
    client = Client(cookie_attrs=attrs)
    client.send(lambda request: request["session"].update(a=1))
    client.send(lambda request: {"session": None})
    assert client.set_cookie == (
        "ring-session=; Path=/x; HttpOnly; SameSite=None; Domain=example.org; Secure; Partitioned;"
        " Max-Age=0"
    )
    # What the browser may have from before a domain was configured goes first.
    assert client.set_cookies[0] == (
        "ring-session=; Path=/x; HttpOnly; SameSite=None; Secure; Partitioned; Max-Age=0"
    )


def test_attack_26_a_logged_out_id_opens_nothing() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    cookie = client.cookie
    client.send(lambda request: request["session"].destroy())
    assert client.cookie is None
    assert client.read(cookie) == {}


@pytest.mark.parametrize(
    "write",
    [
        lambda request: request["session"].update(late=1),
        lambda request: {"session": {"late": 1}},
        lambda request: {"session": {"late": 1}, "session_cookie_attrs": {"max_age": 5}},
        lambda request: {"flash": "late"},
        lambda request: request["session"].swap("late", lambda n: 1) and None,
    ],
)
def test_attack_27_a_slow_write_beside_a_logout_is_dropped_and_sends_no_cookie(
    write: Any, caplog: Any
) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    cookie = client.cookie
    slow_response: list[Any] = []

    def slow(request: Any) -> Any:
        request["session"]["a"]
        client.send(lambda request: {"session": None}, cookie)
        return write(request)

    slow_response.append(client.send(slow, cookie))
    assert "Set-Cookie" not in slow_response[0]["headers"]
    assert client.read(cookie) == {}
    assert "the session was ended while the request was running. method=" in caplog.text
    assert cookie not in caplog.text


def test_attack_28_a_login_beside_a_request_with_the_old_id() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    old = client.cookie

    def slow(request: Any) -> None:
        client.send(
            lambda request: {"session": recreate({**request["session"], "user": "ann"})}, old
        )
        request["session"]["late"] = 1

    new = [client.cookie]
    response = client.send(slow, old)
    new = [client.cookie]
    assert "Set-Cookie" not in response["headers"]
    assert client.read(old) == {}
    assert client.read(new[0]) == {"a": 1, "user": "ann"}


def test_attack_29_of_two_recreates_at_once_each_gets_what_its_handler_gave() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    old = client.cookie
    cookies: list[Any] = []

    def slow(request: Any) -> Any:
        session = dict(request["session"])
        client.send(lambda request: {"session": recreate({**request["session"], "fast": 1})}, old)
        cookies.append(client.cookie)
        return {"session": recreate({**session, "slow": 1})}

    client.send(slow, old)
    cookies.append(client.cookie)
    assert [client.read(cookie) for cookie in cookies] == [
        {"a": 1, "fast": 1},
        {"a": 1, "slow": 1},
    ]


def test_what_is_set_after_a_destroy_starts_another_session() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    old = client.cookie

    def page(request: Any) -> None:
        request["session"].destroy()
        request["session"]["b"] = 2

    client.send(page)
    assert client.cookie not in (None, old)
    assert (client.read(old), client.read(client.cookie)) == ({}, {"b": 2})


# -- recreate


def test_recreate_of_a_mapping_stores_exactly_its_keys_under_a_new_id() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, b=2))
    old = client.cookie
    client.send(lambda request: {"session": recreate({"c": 3})})
    assert client.cookie != old
    assert client.read() == {"c": 3}


def test_recreate_in_place_keeps_what_is_stored_then_and_what_the_request_changed() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, b=2))
    old = client.cookie

    def slow(request: Any) -> None:
        session = request["session"]
        session.recreate()
        session["c"] = 3
        del session["b"]
        client.send(lambda request: request["session"].update(d=4), old)

    client.send(slow)
    assert client.read() == {"a": 1, "c": 3, "d": 4}


def test_recreate_without_a_session_starts_one_with_what_is_given() -> None:
    client = Client()
    client.send(lambda request: {"session": recreate({"a": 1})})
    assert client.read() == {"a": 1}


def test_recreate_starts_both_deadlines_anew() -> None:
    client = Client(timeout=100, absolute_timeout=150)
    client.send(lambda request: request["session"].update(a=1))
    client.now = 90
    client.send(lambda request: request["session"].recreate())
    client.now = 180
    assert client.read() == {"a": 1}
    client.now = 240
    assert client.read() == {}


# -- swap


def test_swap_gives_what_it_set_and_the_session_shows_it() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    seen: list[Any] = []

    def page(request: Any) -> None:
        session = request["session"]
        seen.append(session.swap("n", lambda n: n + 1))
        seen.append(session["n"])
        session["other"] = True

    client.send(page)
    assert seen == [2, 2]
    assert client.read() == {"n": 2, "other": True}


def test_what_swap_did_stays_when_the_handler_raises() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))

    def page(request: Any) -> None:
        request["session"]["dropped"] = True
        request["session"].swap("n", lambda n: n + 1)
        raise LookupError

    with pytest.raises(LookupError):
        client.send(page)
    assert client.read() == {"n": 2}


def test_swap_on_a_session_that_is_not_stored_yet_is_an_ordinary_write() -> None:
    client = Client()
    client.send(lambda request: request["session"].swap("n", lambda n: (n or 0) + 1) and None)
    assert client.store.taken() == ["create"]
    assert client.read() == {"n": 1}


def test_a_value_that_cannot_be_stored_is_refused_by_swap_too() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    with pytest.raises(TypeError, match=r'^session\["n"\] is an object'):
        client.send(lambda request: request["session"].swap("n", lambda n: object()))
    assert client.read() == {"n": 1}


def test_what_the_function_of_a_swap_raises_is_the_handlers_own_error() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    with pytest.raises(ZeroDivisionError):
        client.send(lambda request: request["session"].swap("n", lambda n: 1 // 0))


def test_swap_counts_every_one_of_many_parallel_requests() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=0))
    cookie = f"ring-session={client.cookie}"
    client.page = lambda request: request["session"].swap("n", lambda n: n + 1) and None

    def count(worker: int) -> None:
        for _ in range(100):
            client.handler({"headers": {"cookie": cookie}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert client.read() == {"n": 800}


# -- failure

FAIL = [
    ("load", lambda request: request["session"].get("a")),
    ("patch", lambda request: request["session"].update(a=2)),
    ("destroy", lambda request: request["session"].destroy()),
    ("claim", lambda request: request["session"].recreate()),
    ("create", lambda request: request["session"].recreate()),
    ("swap", lambda request: request["session"].swap("a", lambda a: 2)),
]


def swallowing(page: Any) -> Any:
    """The page with a handler of every error around it, as frameworks have."""

    def swallowed(request: Any) -> Any:
        try:
            return page(request)
        except Exception:
            return {"status": 200, "headers": {"Set-Cookie": "own=1"}, "body": "sorry"}

    return swallowed


@pytest.mark.parametrize("swallow", [False, True], ids=["raised", "swallowed"])
@pytest.mark.parametrize(("call", "page"), FAIL, ids=[row[0] for row in FAIL])
def test_a_store_that_fails_is_a_503_whatever_the_handler_makes_of_it(
    call: str, page: Any, swallow: bool
) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    client.store.failing = {call}
    response = client.send(swallowing(page) if swallow else page)
    assert response == {
        "status": 503,
        "headers": {
            "Content-Type": "text/plain; charset=utf-8",
            "Vary": "Accept",
            "Retry-After": "5",
            "Cache-Control": "no-store",
        },
        "body": UNAVAILABLE,
    }


class Body:
    closed = False

    def __iter__(self) -> Any:
        return iter(["x"])

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("call", ["load", "patch"])
def test_the_body_of_an_answer_that_a_503_replaces_is_closed(call: str) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    client.store.failing = {call}
    body = Body()

    def page(request: Any) -> Any:
        try:
            request["session"]["a"] = 2
        except StoreUnavailable:
            pass
        return {"body": body}

    assert client.send(page)["status"] == 503
    assert body.closed


def test_a_body_is_closed_when_the_session_cannot_be_encoded() -> None:
    body = Body()
    with pytest.raises(TypeError):
        Client().send(lambda request: {"body": body, "session": {"a": object()}})
    assert body.closed


@pytest.mark.parametrize(
    "page",
    [
        lambda request: {"session": {"a": object()}},
        lambda request: {"session": recreate({"a": object()})},
        lambda request: {"session": None, "flash": object()},
        lambda request: request["session"].update(b=object()),
        lambda request: {"session": {"a": 2}, "session_cookie_attrs": {"max_age": "5"}},
        lambda request: {"session": recreate({"a": 2}), "session_cookie_attrs": {"path": ";"}},
        lambda request: {"session": {"a": 2}, "session_cookie_attrs": {"domain": "a.example:80"}},
        lambda request: {"session": {"a": 2}, "session_cookie_attrs": {"path": "app"}},
        lambda request: {"session": None, "session_cookie_attrs": {"bogus": 1}},
    ],
)
def test_what_cannot_be_stored_or_sent_raises_before_anything_is_done(page: Any) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    with pytest.raises((TypeError, ValueError)):
        client.send(page)
    assert client.read() == {"a": 1}


@pytest.mark.parametrize("option", ["timeout", "absolute_timeout"])
@pytest.mark.parametrize("value", [0, -1, "60", True, float("nan")], ids=repr)
def test_a_time_that_is_none_is_refused_at_once(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option}: expected seconds over 0, or None, got"):
        Client(**{option: value})


def test_another_error_of_a_handler_is_its_own_and_commits_nothing() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))

    def page(request: Any) -> None:
        request["session"]["a"] = 2
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        client.send(page)
    assert client.read() == {"a": 1}


def test_a_stores_own_error_is_logged_and_its_message_not_sent(caplog: Any) -> None:
    class Broken:
        def read_session(self, key: str) -> Any:
            raise OSError("password in the url")

        def write_session(self, key: Any, data: Any) -> Any:
            raise OSError

        delete_session = write_session

    client = Client(Broken())
    response = client.send(lambda request: request["session"].get("a"), "any")
    assert (response["status"], "password" in str(response)) == (503, False)
    assert "The session store failed" in caplog.text


def test_a_merge_in_place_is_saved() -> None:
    client = Client()

    def merge(request: Any) -> None:
        request["session"] |= {"a": 1}
        request["session"]["b"] = 2

    client.send(merge)
    assert client.read() == {"a": 1, "b": 2}


def test_attack_31_a_record_that_cannot_be_read_is_dropped_and_the_session_empty(
    caplog: Any,
) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    (entry,) = client.store.store._table.entries.values()
    entry.record = "\x80\x04\x95pickle"
    assert client.read() == {}
    assert client.store.taken() == ["create", "load", "destroy"]
    assert "could not be read, so the session was dropped" in caplog.text
    assert "pickle" not in caplog.text


def test_attack_31_a_record_that_cannot_be_read_does_not_hinder_a_login(caplog: Any) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    (entry,) = client.store.store._table.entries.values()
    entry.record = "\x80\x04\x95pickle"
    answer = client.send(lambda request: request["session"].recreate())
    assert (answer["status"], client.store.taken(), client.read()) == (
        *(200, ["create", "load", "destroy"]),
        {},
    )
    assert "could not be read, so the session was dropped" in caplog.text


def test_attack_31_a_record_of_a_newer_version_is_kept_and_the_answer_a_503() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    (entry,) = client.store.store._table.entries.values()
    entry.record = "2" + entry.record[1:]
    assert client.send(lambda request: request["session"].get("a"))["status"] == 503
    assert entry.record.startswith("2")


# -- time


def test_attack_33_a_session_ends_when_it_is_idle_and_never_past_the_absolute_deadline() -> None:
    client = Client(timeout=100, absolute_timeout=300)
    client.send(lambda request: request["session"].update(a=1))
    for client.now in (80, 160, 240):
        assert client.read() == {"a": 1}
    client.now = 300
    assert client.read() == {}


def test_a_touch_keeps_a_session_alive_and_an_untouched_request_does_not() -> None:
    client = Client(timeout=100)
    client.send(lambda request: request["session"].update(a=1))
    client.now = 90
    client.send(lambda request: None)
    client.now = 101
    assert client.read() == {}


def test_expires_in_says_the_seconds_left() -> None:
    client = Client(timeout=100)
    seen: list[Any] = []
    look = lambda request: seen.append(request["session"].expires_in)  # noqa: E731
    client.send(look)
    client.send(lambda request: request["session"].update(a=1))
    client.now = 5
    client.send(look)
    client.now = 20
    client.send(look)
    assert seen == [None, 95, 100]


def test_rolling_sends_the_cookie_again_when_the_deadline_moves() -> None:
    client = Client(rolling=True, timeout=100, cookie_attrs={"max_age": 100})
    client.send(lambda request: request["session"].update(a=1))
    client.now = 5
    client.read()
    assert client.set_cookie is None
    client.now = 20
    client.read()
    assert client.set_cookie == (
        f"ring-session={client.cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age=100"
    )


# -- the cookie store


def cookie_client(**options: Any) -> Client:
    now = [1_000_000.0]
    client = Client(
        cookie_store("a key of 32 characters for tests", clock=lambda: now[0]), **options
    )
    client.clock = now  # type: ignore[attr-defined]
    return client


def test_the_cookie_store_seals_again_with_each_change_and_at_half_of_the_idle_time() -> None:
    client = cookie_client(timeout=100)
    client.send(lambda request: request["session"].update(a=1))
    first = client.cookie
    client.clock[0] += 49  # type: ignore[attr-defined]
    assert (client.read(), client.set_cookie) == ({"a": 1}, None)
    client.clock[0] += 1  # type: ignore[attr-defined]
    client.send(lambda request: {"status": 500 if request["session"] else 200})
    assert client.set_cookie is None  # a failing page is no activity
    assert client.read() == {"a": 1}
    assert client.cookie != first
    client.clock[0] += 99  # type: ignore[attr-defined]
    assert client.read() == {"a": 1}
    assert client.read(first) == {}


def test_the_cookie_store_keeps_the_absolute_deadline() -> None:
    client = cookie_client(timeout=100, absolute_timeout=150)
    client.send(lambda request: request["session"].update(a=1))
    client.clock[0] += 80  # type: ignore[attr-defined]
    client.send(lambda request: request["session"].update(a=2))
    client.clock[0] += 69  # type: ignore[attr-defined]
    assert client.read() == {"a": 2}
    client.clock[0] += 1  # type: ignore[attr-defined]
    assert client.read() == {}


def test_the_cookie_store_recreates_and_destroys() -> None:
    client = cookie_client()
    client.send(lambda request: request["session"].update(a=1))
    client.send(lambda request: request["session"].recreate())
    assert client.read() == {"a": 1}
    client.send(lambda request: {"session": recreate({"b": 2})})
    assert client.read() == {"b": 2}
    client.send(lambda request: {"session": None})
    assert client.set_cookie == "ring-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"


def test_attack_21_a_cookie_over_4096_octets_is_refused_and_names_the_largest_keys() -> None:
    client = cookie_client()
    client.send(lambda request: request["session"].update(small=1))
    before = client.cookie
    with pytest.raises(CookieTooLarge) as caught:
        client.send(lambda request: request["session"].update(big="x" * 4000, mid="secret" * 9))
    assert str(caught.value) == (
        "the session's cookie: expected at most 4096 octets, got 5619; largest keys: 'big' (4002),"
        " 'mid' (56), 'small' (1)"
    )
    assert client.cookie == before


def test_swap_on_the_cookie_store_is_a_type_error() -> None:
    client = cookie_client()
    client.send(lambda request: request["session"].update(n=1))
    with pytest.raises(TypeError, match="^session.swap: expected a server-side store"):
        client.send(lambda request: request["session"].swap("n", lambda n: 2))


def test_a_random_key_is_said_loudly() -> None:
    with pytest.warns(RuntimeWarning, match="no key given"):
        store = cookie_store()
    assert repr(store) == "<cookie_store with a random key>"
    assert (
        repr(cookie_store("a key of 32 characters for tests")) == "<cookie_store with a given key>"
    )


def test_a_key_that_is_none_is_an_error_since_a_variable_may_be_unset() -> None:
    with pytest.raises(TypeError) as caught:
        cookie_store(None)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "cookie_store: the key is None. Is an environment variable not set? `python -m ringsession"
        " key` prints a key; cookie_store() without an argument makes a random one"
    )
    with pytest.raises(TypeError, match="^cookie_store: a fallback key is None"):
        cookie_store("k" * 32, [None])  # type: ignore[list-item]


# -- headers for caches


def touches() -> list[tuple[str, Any]]:
    """Every way to touch a session that the mapping offers, by reflection."""
    arguments = {"get": ("a",), "pop": ("a", 1), "setdefault": ("b", 1), "update": ({"b": 1},)}
    names = {name for name in dir(MutableMapping) if not name.startswith("_")}
    ways: list[tuple[str, Any]] = [
        (name, lambda s, name=name: getattr(s, name)(*arguments.get(name, ())))
        for name in sorted(names)
    ]
    return ways + [
        ("in", lambda s: "a" in s),
        ("len", len),
        ("bool", bool),
        ("iter", list),
        ("==", lambda s: s == {}),
        ("[]", lambda s: s["a"]),
        ("[]=", lambda s: s.update(a=2)),
        ("del", lambda s: s.__delitem__("a")),
        ("|", lambda s: s | {}),
        ("** ", lambda s: {**s}),
        ("copy", lambda s: s.copy()),
        ("key", lambda s: s.key),
        ("expires_in", lambda s: s.expires_in),
        ("destroy", lambda s: s.destroy()),
        ("recreate", lambda s: s.recreate()),
    ]


@pytest.mark.parametrize("touch", [way[1] for way in touches()], ids=[way[0] for way in touches()])
def test_attack_83_every_touch_of_a_session_varies_by_cookie(touch: Any) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, z=1))
    response = client.send(lambda request: touch(request["session"]) and None)
    assert response["headers"]["Vary"] == "Cookie"


@pytest.mark.parametrize(
    ("headers", "vary", "control"),
    [
        ({}, "Cookie", "private"),
        ({"vary": "Origin"}, "Origin, Cookie", "private"),
        ({"Vary": ["Origin", "Accept"]}, "Origin, Accept, Cookie", "private"),
        ({"Vary": "*"}, "*", "private"),
        ({"Vary": "cookie"}, "cookie", "private"),
        ({"Cache-Control": "no-store"}, "Cookie", "no-store"),
        ({"Cache-Control": "Private, max-age=5"}, "Cookie", "Private, max-age=5"),
        ({"Cache-Control": "public, s-maxage=9, max-age=5"}, "Cookie", "private, max-age=5"),
        ({"Cache-Control": 'no-cache="a, b", public'}, "Cookie", 'private, no-cache="a, b"'),
    ],
)
def test_a_response_that_sets_the_cookie_is_for_one_user_only(
    headers: Any, vary: str, control: str
) -> None:
    client = Client()
    response = client.send(lambda request: {"headers": headers, "session": {"a": 1}})
    found = {name.lower(): value for name, value in response["headers"].items()}
    assert (found["vary"], found["cache-control"]) == (vary, control)


def test_a_response_that_only_reads_may_be_kept_by_its_own_browser() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    headers = {"Cache-Control": "max-age=60"}
    response = client.send(lambda request: {"headers": headers, "status": len(request["session"])})
    assert response["headers"] == {"Cache-Control": "max-age=60", "Vary": "Cookie"}


# -- attributes for one response


def test_session_cookie_attrs_send_the_cookie_again_with_their_attributes() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    client.send(lambda request: {"session_cookie_attrs": {"max_age": 5, "value": "ignored"}})
    assert client.set_cookie == (
        f"ring-session={client.cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age=5"
    )


def test_session_cookie_attrs_without_a_session_send_nothing() -> None:
    client = Client()
    client.send(lambda request: {"session_cookie_attrs": {"max_age": 5}})
    assert client.set_cookie is None


def test_bad_session_cookie_attrs_are_a_value_error() -> None:
    client = Client()
    with pytest.raises(ValueError, match="^max_age: expected an int"):
        client.send(lambda request: {"session": {"a": 1}, "session_cookie_attrs": {"max_age": "5"}})


def test_of_a_handlers_cookie_of_the_same_name_the_sessions_wins() -> None:
    client = Client()
    cookies = {"ring-session": "mine", "other": "1"}
    client.page = lambda request: {"cookies": cookies, "session": {"a": 1}}
    lines = wrap_cookies(client.handler)({"headers": {}})["headers"]["Set-Cookie"]
    assert sorted(line.split("=")[0] for line in lines) == ["other", "ring-session"]
    assert "mine" not in str(lines)


# -- the commit point


def refuses_every_change(session: Session) -> None:
    for change in (
        lambda: session.update(a=2),
        lambda: session.pop("a"),
        lambda: session.clear(),
        lambda: session.destroy(),
        lambda: session.recreate(),
        lambda: session.swap("a", lambda a: 2),
    ):
        with pytest.raises(SessionCommitted):
            change()


def test_attack_79_a_change_after_the_commit_raises_and_a_read_of_what_was_loaded_does_not() -> (
    None
):
    client = Client()
    kept: list[Session] = []
    client.send(lambda request: request["session"].update(a=1))

    def page(request: Any) -> None:
        request["session"]["a"]
        kept.append(request["session"])

    client.send(page)
    session = kept[0]
    assert session["a"] == 1
    refuses_every_change(session)
    assert client.read() == {"a": 1}


EMPTY: dict[str, Any] = {"status": 200, "headers": {}, "body": None}


def untouched(client: Client) -> Session:
    """The session of a request that left it alone, after the response has started."""
    kept: list[Session] = []
    client.send(lambda request: kept.append(request["session"]))
    client.store.taken()
    return kept[0]


def test_a_first_read_after_the_response_has_started_loads_once_and_changes_raise() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1, items=[]))
    session = untouched(client)
    assert (session.get("a"), "b" in session, len(session), sorted(session), session["items"]) == (
        1, False, 2, ["a", "items"], [],
    )  # fmt: skip
    assert (session.key, client.store.taken()) == (client.cookie, ["load"])
    refuses_every_change(session)
    assert (client.store.taken(), client.read()) == ([], {"a": 1, "items": []})


def test_a_late_read_without_a_cookie_costs_no_call() -> None:
    client = Client()
    session = untouched(client)
    assert (dict(session), session.key, client.store.taken()) == ({}, None, [])


def test_a_message_read_late_waits_for_the_next_page() -> None:
    client = Client()
    kept: list[Any] = []
    client.send(lambda request: {"flash": "saved"})
    client.send(lambda request: kept.append(request))
    assert [kept[0]["flash"], kept[0]["flash"]] == ["saved", "saved"]
    client.send(lambda request: kept.append(request["flash"]))
    client.send(lambda request: kept.append(request["flash"]))
    assert kept[1:] == ["saved", None]


def test_a_first_token_read_late_says_what_to_do_and_a_known_one_is_read() -> None:
    client = Client()
    kept: list[Any] = []

    def keep(request: Any) -> dict[str, Any]:
        kept.append(request)
        return EMPTY

    page = wrap_anti_forgery(keep)
    client.send(page)
    with pytest.raises(SessionCommitted) as raised:
        kept[0]["anti_forgery_token"]
    assert str(raised.value) == (
        'request["anti_forgery_token"]: the session has no CSRF token yet, and the response has'
        " already started, so its cookie cannot be sent. Read the token before the response starts."
    )
    client.send(wrap_anti_forgery(lambda request: {**EMPTY, "body": request["anti_forgery_token"]}))
    client.send(page)
    assert len(kept[1]["anti_forgery_token"]) == 86


def test_a_store_that_fails_at_a_late_read_is_one_error_line_and_raises_each_time(
    caplog: Any,
) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    session = untouched(client)
    client.store.failing = {"load"}
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            session.get("a")
    (line,) = caplog.records
    assert (line.levelname, line.exc_info) == ("ERROR", None)
    assert line.getMessage().startswith(
        "The session store failed after the response had started, so the session cannot be read:"
        " load. store=a store of type TracedStore method=GET path=/ seconds="
    )


def test_a_session_of_an_unknown_version_read_late_is_an_error_line_too(caplog: Any) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    session = untouched(client)
    load = client.store.store.load
    client.store.store.load = lambda *given: replace(load(*given), record='9{"a":1}')
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            session.get("a")
    assert [line.levelname for line in caplog.records] == ["ERROR"]


def test_two_threads_that_read_at_the_same_time_ask_the_store_once_and_lose_no_write() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    load, both = client.store.store.load, Barrier(2)

    def slow(*given: Any) -> Any:
        found = load(*given)
        with suppress(BrokenBarrierError):
            both.wait(0.2)  # for a second load, which must not come
        return found

    client.store.store.load = slow
    client.store.taken()

    def page(request: Any) -> None:
        session = request["session"]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: session.update({f"n{n}": n}), range(2)))

    client.send(page)
    assert client.store.taken() == ["load", "patch"]
    client.store.store.load = load
    assert client.read() == {"a": 1, "n0": 0, "n1": 1}


# -- many at once


def test_800_of_800_parallel_writes_of_different_keys_are_kept() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(start=True))
    cookie = f"ring-session={client.cookie}"
    pause = Event()

    def page(request: Any) -> None:
        session = request["session"]
        session["start"]
        pause.wait(0.005)  # between reading and writing
        session[request["uri"]] = True

    client.page = page

    def work(worker: int) -> None:
        for number in range(100):
            client.handler({"uri": f"{worker}-{number}", "headers": {"cookie": cookie}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(client.read()) == 801


def test_no_log_line_holds_an_id(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    cookie = client.cookie
    client.send(lambda request: {"session": None})
    client.send(lambda request: request["session"].update(b=1), cookie)
    assert cookie is not None and cookie not in caplog.text
