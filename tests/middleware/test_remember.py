"""A session has the lifetime that its login gave it, in the store and in the cookie."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from ringsession import cookie_store, memory_store, recreate, wrap_session
from tests.tracing import Client

DAY = 86_400.0
KEY = "a key for tests, of 32 characters"


class Own:
    """Three functions, as a user writes them."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}

    def read_session(self, key: str) -> Any:
        found = self.sessions.get(key)
        return None if found is None else dict(found)

    def write_session(self, key: str | None, data: dict[str, Any]) -> str:
        key = key or f"own{len(self.sessions)}"
        self.sessions[key] = data
        return key

    def delete_session(self, key: str) -> None:
        self.sessions.pop(key, None)


KINDS = ("memory", "sealed", "own")


def browser(kind: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Client:
    client = Client(**options)  # whose store is replaced by one with the client's clock
    client.now = 1_000_000.0
    clock = lambda: client.now  # noqa: E731
    store: Any = memory_store(clock=clock)
    if kind == "sealed":
        store = cookie_store(KEY, clock=clock)
    elif kind == "own":
        monkeypatch.setattr("time.time", clock)
        store = Own()
        monkeypatch.setattr(
            "ringsession.stores.three_functions.RingStoreSessions.__init__.__defaults__", (clock,)
        )
    client.store = store
    client.handler = wrap_session(client._handle, store=store, **options)
    return client


def log_in(client: Client, remember: bool | None = True) -> str | None:
    def page(request: Any) -> None:
        request["session"]["user"] = "ann"
        request["session"].recreate(remember=remember)

    client.send(page)
    return client.set_cookie


def max_age(line: str | None) -> int | None:
    found = re.search(r"Max-Age=(\d+)", line or "")
    return int(found[1]) if found else None


@pytest.mark.parametrize("kind", KINDS)
def test_a_remembered_session_outlives_the_timeout(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(kind, monkeypatch)
    assert max_age(log_in(client)) == 30 * DAY
    client.now += 29 * DAY
    assert client.read() == {"user": "ann"}
    assert max_age(client.set_cookie) == 30 * DAY, "the cookie follows the deadline"
    client.now += 31 * DAY
    assert client.read() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_remembered_session_ends_at_its_absolute_timeout(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(kind, monkeypatch)
    began = client.now
    log_in(client)
    for _ in range(4):
        client.now += 20 * DAY
        assert client.read() == {"user": "ann"}
        if client.set_cookie is not None:
            ends = client.now + (max_age(client.set_cookie) or 0)
    assert ends == began + 90 * DAY, "the last cookie ends with the session"
    client.now += 11 * DAY
    assert client.read() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_cookie_of_a_remembered_session_has_a_max_age(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(kind, monkeypatch)
    log_in(client)
    client.now += 60
    client.send(lambda request: request["session"].update(n=1))
    if kind == "sealed":
        assert max_age(client.set_cookie) == 30 * DAY
    client.send(lambda request: request["session"].recreate())
    assert max_age(client.set_cookie) == 30 * DAY, "a new id, and the same login"
    client.send(lambda request: request["session"].recreate(remember=False))
    assert client.set_cookie is not None and max_age(client.set_cookie) is None
    client.now += 1801
    assert client.read() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_the_cookie_is_sent_again_once_a_day(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(kind, monkeypatch)
    log_in(client)
    sent = 0
    for _ in range(24 * 6):
        client.now += DAY / 24
        client.read()
        sent += client.set_cookie is not None
    assert 5 <= sent <= 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_config_reaches_remembered_sessions(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(kind, monkeypatch)
    log_in(client)
    client.now += 3 * DAY
    client.handler = wrap_session(
        client._handle, store=client.store, remember={"timeout": timedelta(days=2)}
    )
    assert client.read() == {}


def test_a_session_says_when_it_ends() -> None:
    client = Client()
    log_in(client)
    found: list[Any] = []
    client.now += 600
    client.send(lambda request: found.append(request["session"].expires_in))
    assert found == [30 * DAY]


def test_a_response_can_remember_its_login() -> None:
    client = Client()
    client.send(lambda request: {"session": recreate({"user": "ann"}, remember=True)})
    assert max_age(client.set_cookie) == 30 * DAY
    assert client.read() == {"user": "ann"}


def test_a_login_after_the_end_of_a_session_can_be_remembered() -> None:
    client = Client()
    log_in(client, None)

    def page(request: Any) -> None:
        request["session"].destroy()
        request["session"].recreate(remember=True)
        request["session"]["user"] = "ben"

    client.send(page)
    assert max_age(client.set_cookie) == 30 * DAY


@pytest.mark.parametrize("user_key", [None, "user"])
def test_a_login_after_the_end_of_a_remembered_session_is_not_remembered_by_itself(
    user_key: str | None,
) -> None:
    client = Client(memory_store(), user_key=user_key)
    log_in(client, True)

    def page(request: Any) -> None:
        request["session"].destroy()
        request["session"]["user"] = "ann"

    client.send(page)
    assert client.set_cookie is not None and "Max-Age" not in client.set_cookie
    assert client.read() == {"user": "ann"}


def test_remembering_can_be_off_and_wrong() -> None:
    client = Client(remember=None)
    with pytest.raises(ValueError, match=r'remember=True needs the times in \["session"\]'):
        log_in(client)
    with pytest.raises(ValueError, match="remember=True needs the times"):
        client.send(lambda request: {"session": recreate({}, remember=True)})
    with pytest.raises(TypeError, match="remember: expected True, False or None, got int"):
        log_in(Client(), 1)  # type: ignore[arg-type]


def test_a_slow_read_does_not_send_the_dead_id_over_that_of_a_login() -> None:
    for options in ({"rolling": True}, {}):
        client = Client(**options)
        log_in(client)
        before = client.cookie
        client.now += 2 * DAY if not options else 700

        def slow(request: Any) -> None:
            assert request["session"]["user"] == "ann"
            client.send(lambda request: request["session"].recreate(), before)

        client.send(slow, before)
        assert client.set_cookie is None
        assert client.cookie != before


def test_a_request_that_is_no_activity_does_not_keep_a_session_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polled: list[Any] = []
    for passive in (["/"], lambda request: request["uri"] == "/"):
        for kind in KINDS:
            client = browser(kind, monkeypatch, passive=passive)
            client.send(lambda request: request["session"].update(n=0))
            for _ in range(3):
                client.now += 500
                client.send(
                    lambda request: request["session"].update(n=request["session"]["n"] + 1)
                )
            polled.append(client.read())
            client.now += 301
            assert client.read() == {}
    assert polled == [{"n": 3}] * 6


def test_a_response_that_ends_a_session_clears_what_the_browser_keeps() -> None:
    for option, value in ((True, '"cache", "storage"'), (["cache"], '"cache"')):
        client = Client(clear_site_data=option)
        client.send(lambda request: request["session"].update(n=0))
        assert (
            "Clear-Site-Data"
            not in client.send(lambda request: request["session"].get("n"))["headers"]
        )
        ended = client.send(lambda request: {"session": None})
        assert ended["headers"]["Clear-Site-Data"] == value
        nothing = client.send(lambda request: {"session": None})
        assert "Clear-Site-Data" not in nothing["headers"], "no session has ended"


def test_a_handler_that_says_itself_what_is_cleared_is_left_alone() -> None:
    client = Client(clear_site_data=True)
    client.send(lambda request: request["session"].update(n=0))
    own = {"clear-site-data": '"cookies"'}
    ended = client.send(lambda request: {"session": None, "headers": own})
    assert ended["headers"]["clear-site-data"] == '"cookies"'
    assert "Clear-Site-Data" not in ended["headers"]


def test_a_confirmation_is_kept_and_gives_a_new_id() -> None:
    client = Client()
    facts: list[Any] = []

    def look(request: Any) -> None:
        session = request["session"]
        facts.append((session.began, session.confirmed))

    client.send(lambda request: request["session"].update(user="ann"))
    before = client.cookie
    client.now += 600
    client.send(lambda request: request["session"].confirm())
    assert client.cookie != before
    client.send(look)
    client.now += 60
    client.send(lambda request: request["session"].recreate())
    client.send(look)
    (began, confirmed), later = facts
    assert later == (began, confirmed)
    assert confirmed - began == timedelta(seconds=600)
