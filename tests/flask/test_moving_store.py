"""One cookie that Flask signed makes one session, and none after a logout."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from itertools import count
from typing import Any

import pytest
from flask import Flask, session

from ringsession import StoreUnavailable, cookie_store, memory_store
from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate
from tests.flask.apps import SECRET, set_cookies
from tests.flask.test_signed_cookies import client_with, signed
from tests.tracing import TracedStore

FAR = date(2999, 1, 1)


def make(store: Any, name: str = "session", until: Any = FAR, **values: Any) -> Flask:
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": SECRET, "TESTING": True, **values})
    options = {"store": store, "cookie_name": name}
    RingSession(app, {"session": options}, accept_flask_cookies_until=until)

    @app.get("/")
    def home() -> str:
        return repr(dict(session))

    @app.get("/set/<key>")
    def set_it(key: str) -> str:
        session[key] = 1
        return ""

    @app.get("/login/<user>")
    def login(user: str) -> str:
        recreate()
        session["user"] = user
        return ""

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        return ""

    return app


class OwnStore:
    """Three functions, as a user writes them."""

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    def read_session(self, key: str) -> Any:
        return self.sessions.get(key)

    def write_session(self, key: str | None, data: Any) -> str:
        key = key or f"key-{len(self.sessions)}"
        self.sessions[key] = data
        return key

    def delete_session(self, key: str) -> None:
        self.sessions.pop(key, None)


def ours(client: Any, name: str) -> str | None:
    cookie = client.get_cookie(name)
    return None if cookie is None else cookie.value


@pytest.mark.parametrize("name", ["session", "__Secure-id"])
def test_fifty_requests_with_one_old_cookie_make_one_session(shared_store: Any, name: str) -> None:
    app, value = make(shared_store, name, SESSION_COOKIE_SECURE=True), signed(user="ann")

    def visit(number: int) -> tuple[str, str | None]:
        client = client_with(app, value)
        client.set_cookie("session", value)
        client.get(f"/set/k{number}", base_url="https://localhost")
        return name, ours(client, name)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(visit, range(50)))
    assert len(ids) == 1
    client = app.test_client()
    client.set_cookie(name, next(iter(ids))[1] or "", secure=True)
    text = client.get("/", base_url="https://localhost").text
    assert text.count("'k") == 50 and "'user': 'ann'" in text


def test_another_spelling_of_the_signature_is_the_same_session() -> None:
    app, value = make(memory_store()), signed(n=1)
    spellings = {value}
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        spellings.add(value[:-1] + letter)
    ids = set()
    for spelling in spellings:
        client = client_with(app, spelling)
        if client.get("/").text == "{'n': 1}":
            ids.add(ours(client, "session"))
    assert len(ids) == 1


def test_a_key_that_has_become_a_fallback_leads_to_the_same_session() -> None:
    store, value = memory_store(), signed(n=1)
    client = client_with(make(store), value)
    client.get("/set/a")
    rotated = make(store, SECRET_KEY="a new key for this test", SECRET_KEY_FALLBACKS=[SECRET])
    assert client_with(rotated, value).get("/").text == "{'n': 1, 'a': 1}"


STORES = {"memory": memory_store, "own": OwnStore}


@pytest.mark.parametrize("name", ["session", "id"])
@pytest.mark.parametrize("kind", STORES)
def test_a_logged_out_cookie_never_opens_again(kind: str, name: str) -> None:
    app, value = make(STORES[kind](), name), signed(user="ann")
    client = client_with(app, value)
    assert client.get("/").text == "{'user': 'ann'}"
    client.get("/logout")
    assert (client.get_cookie("session"), client.get_cookie("id")) == (None, None)
    thief = client_with(app, value)
    seen = [thief.get(path).text for path in ("/", "/set/a", "/")]
    assert seen[:2] == ["{}", ""] and "ann" not in seen[2]


def test_it_does_not_open_when_the_store_has_forgotten_the_end_either() -> None:
    now = [1000.0]
    app, value = make(memory_store(clock=lambda: now[0])), signed(user="ann")
    client_with(app, value).get("/logout")
    now[0] += 120  # the tombstone is gone
    assert client_with(app, value).get("/").text == "{}"
    client_with(app, value).get("/login/bob")
    now[0] += 120
    assert client_with(app, value).get("/").text == "{}"


@pytest.mark.parametrize("seconds", [0, 120])
def test_a_slow_request_that_read_the_cookie_before_the_logout_stores_nothing(seconds: int) -> None:
    now = [1000.0]
    app, value = make(memory_store(clock=lambda: now[0])), signed(user="ann")

    @app.get("/slow")
    def slow() -> str:
        session["late"] = session["user"]
        client_with(app, value).get("/logout")
        now[0] += seconds  # after 60 the store has forgotten the end
        return ""

    client = client_with(app, value)
    assert set_cookies(client.get("/slow")) == []
    assert client_with(app, value).get("/").text == "{}"


def test_a_session_under_our_own_name_wins_and_a_logout_ends_both() -> None:
    app, value = make(memory_store(), "id"), signed(user="ann")
    client = app.test_client()
    client.get("/login/bob")
    client.set_cookie("session", value)
    assert client.get("/").text == "{'user': 'bob'}"
    stale = client.get_cookie("id").value
    names = [line.partition("=")[0] for line in set_cookies(client.get("/logout"))]
    assert sorted(names) == ["id", "session"]
    late = client_with(app, value)  # a request that was under way with both cookies
    late.set_cookie("id", stale)
    assert late.get("/").text == "{}"
    assert client_with(app, value).get("/").text == "{}"


def test_an_own_cookie_that_opens_nothing_does_not_hide_the_old_one() -> None:
    client = client_with(make(memory_store(), "id"), signed(user="ann"))
    client.set_cookie("id", "x" * 43)
    assert client.get("/").text == "{'user': 'ann'}"


def test_a_logout_of_the_old_cookie_alone_deletes_it_under_its_own_name() -> None:
    client = client_with(make(memory_store(), "id", SESSION_COOKIE_PATH="/"), signed(user="ann"))
    answer = client.get("/logout")
    assert any(line.startswith("session=;") for line in set_cookies(answer))
    assert client.get_cookie("session") is None


@pytest.mark.parametrize("step", [3, 4])
def test_a_failure_between_two_steps_loses_nothing_and_opens_nothing(step: int) -> None:
    class Failing(TracedStore):
        def _call(self, name: str, *arguments: Any) -> Any:
            if len(self.calls) == step:
                self.calls.append("failed")
                raise StoreUnavailable("down")
            return super()._call(name, *arguments)

    store, value = Failing(memory_store()), signed(user="ann")
    app = make(store)
    assert client_with(app, value).get("/set/a").status_code == 503
    client = client_with(app, value)
    assert client.get("/set/b").status_code == 200
    assert client.get("/").text == "{'user': 'ann', 'b': 1}"
    client_with(app, value).get("/logout")
    assert client_with(app, value).get("/").text == "{}"


def test_the_sealed_cookies_of_one_old_cookie_are_one_session() -> None:
    clock = count(1_000_000_000).__next__  # of two cookies from one millisecond, none is the later
    app, value = make(cookie_store(SECRET, clock=clock), "id"), signed(user="ann")
    first, second = client_with(app, value), client_with(app, value)
    first.get("/set/a")
    second.get("/set/b")
    both = app.test_client(use_cookies=False)
    header = f"id={ours(first, 'id')}; id={ours(second, 'id')}"
    assert both.get("/", headers={"Cookie": header}).text == "{'user': 'ann', 'b': 1}"
    first.get("/logout")
    assert (first.get_cookie("id"), first.get_cookie("session")) == (None, None)


class Created(TracedStore):
    """Keep the arguments of each `create`."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.created: list[tuple[Any, ...]] = []

    def create(self, *arguments: Any) -> Any:
        self.created.append(arguments)
        return super().create(*arguments)


DAY = 86_400


@pytest.mark.parametrize(("days", "lifetime", "kept"), [
    (2, DAY, 2 * DAY),  # PERMANENT_SESSION_LIFETIME may become longer
    (2, 5 * DAY, 5 * DAY),  # the date may be put off
    (9999, DAY, 400 * DAY),  # but no browser keeps a cookie longer
])  # fmt: skip
def test_a_marker_stays_longer_than_any_cookie_and_not_forever(
    days: int, lifetime: int, kept: int
) -> None:
    store, until = Created(memory_store()), datetime.now(timezone.utc) + timedelta(days=days)
    app = make(store, PERMANENT_SESSION_LIFETIME=lifetime, until=until)
    client_with(app, signed(user="ann")).get("/logout")
    ((_, _, granted, _),) = store.created
    assert granted.idle is None
    assert 0 < granted.absolute - kept <= 60


def test_a_logged_out_cookie_stays_so_when_the_lifetime_becomes_longer() -> None:
    now = [1000.0]
    app = make(memory_store(clock=lambda: now[0]), PERMANENT_SESSION_LIFETIME=60)
    value = signed(user="ann")
    client_with(app, value).get("/logout")
    now[0] += 3600
    app.config["PERMANENT_SESSION_LIFETIME"] = DAY
    assert client_with(app, value).get("/").text == "{}"


@pytest.mark.parametrize("kind", [*STORES, "sealed"])
def test_a_logout_with_both_cookies_under_one_name_ends_both(kind: str) -> None:
    app = make(STORES[kind]() if kind in STORES else cookie_store(SECRET))
    value, client = signed(user="ann"), app.test_client()
    client.get("/login/bob")
    header = f"session={ours(client, 'session')}; session={value}"
    both = app.test_client(use_cookies=False)
    assert both.get("/", headers={"Cookie": header}).text == "{'user': 'bob'}"
    both.get("/logout", headers={"Cookie": header})
    # A sealed cookie cannot be ended on the server.
    seen = "{'user': 'ann'}" if kind == "sealed" else "{}"
    assert client_with(app, value).get("/").text == seen


def test_what_the_store_holds_opens_no_session() -> None:
    store = Created(memory_store())
    client = client_with(make(store), signed(user="ann"))
    client.get("/")
    id = ours(client, "session")
    assert id is not None and id not in str(store.created)


def test_a_request_after_the_logout_never_sees_the_session(shared_store: Any) -> None:
    app, value = make(shared_store), signed(user="ann")
    is_over, late = threading.Event(), []

    def visit(number: int) -> None:
        client = client_with(app, value)
        was_over = is_over.is_set()
        path = ("/", f"/set/k{number}", "/")[number % 3]
        text = client.get(path).text
        if was_over and "ann" in text:
            late.append(number)
        if number == 60:
            client.get("/logout")
            is_over.set()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(200)))
    assert (late, client_with(app, value).get("/").text) == ([], "{}")
