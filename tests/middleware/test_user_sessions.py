"""Sessions of users: a login moves the session, and `user_sessions` lists and ends it."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ringsession import cookie_store, deep_merge, memory_store, recreate, site_defaults
from ringsession import user_sessions, wrap_defaults, wrap_session
from ringsession.config import ConfigError
from ringsession.middleware.anti_forgery import anti_forgery_request
from ringsession.option_error import OptionError
from tests.tracing import Client


class Browser(Client):
    """A browser of an app with users, on a memory store that all browsers share."""

    def __init__(self, store: Any, **options: Any) -> None:
        super().__init__(store, **{"user_key": "user", **options})

    def log_in(self, user: Any, **values: Any) -> Any:
        def page(request: Any) -> None:
            request["session"].update({"user": user, **values})

        return self.send(page)

    def look(self, name: str) -> Any:
        found: list[Any] = []
        self.send(lambda request: found.append(getattr(request["session"], name)))
        return found[0]


def shop(**options: Any) -> tuple[Any, Browser, Browser]:
    store = memory_store()
    return user_sessions(store), Browser(store, **options), Browser(store, **options)


def test_a_login_gets_a_new_id_without_being_asked_for_one() -> None:
    users, browser, _ = shop()
    browser.send(lambda request: request["session"].update(cart=1))
    before = browser.cookie
    browser.log_in("ann")
    assert browser.cookie != before
    assert browser.read() == {"cart": 1, "user": "ann"}
    assert browser.read(before) == {}


def test_a_change_of_another_key_keeps_the_id() -> None:
    users, browser, _ = shop()
    browser.log_in("ann")
    before = browser.cookie
    browser.send(lambda request: request["session"].update(n=1))
    browser.send(lambda request: request["session"].update(user="ann"))
    browser.send(lambda request: {"session": {"user": "ann", "n": 2}})
    assert browser.cookie == before and browser.read() == {"user": "ann", "n": 2}


CHANGES = {
    "set": lambda session: session.update(user="ben"),
    "removed": lambda session: session.pop("user"),
    "cleared": lambda session: session.clear(),
    "set to nobody": lambda session: session.update(user=None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_user_is_a_new_login(name: str) -> None:
    users, browser, _ = shop()
    browser.log_in("ann", n=1)
    before, handle = browser.cookie, browser.look("handle")
    browser.send(lambda request: (CHANGES[name](request["session"]), None)[1])
    assert browser.cookie not in (None, before)
    assert browser.look("handle") != handle
    assert users.list("ann") == []
    assert [session.handle for session in users.list("ben")] == (
        [browser.look("handle")] if name == "set" else []
    )


def test_a_response_that_changes_the_user_moves_the_session() -> None:
    users, browser, _ = shop()
    browser.send(lambda request: {"session": {"n": 1}})
    before = browser.cookie
    browser.send(lambda request: {"session": {"user": "ann"}})
    assert browser.cookie != before
    browser.send(lambda request: {"session": recreate({**request["session"], "user": "ben"})})
    assert (len(users.list("ann")), len(users.list("ben"))) == (0, 1)


def secrets_in(browser: Browser) -> list[str]:
    """Return the keys under which the stored sessions hold the secrets of CSRF tokens."""
    return [
        key
        for entry in browser.store._table.entries.values()
        for key in re.findall(r"ringsession/anti_forgery/\w+", entry.record or "")
    ]


def test_a_token_that_is_read_after_the_login_belongs_to_the_new_id() -> None:
    users, browser, _ = shop()
    tokens: list[str] = []

    def page(request: Any) -> None:
        request = anti_forgery_request(request)
        tokens.append(request["anti_forgery_token"])

    browser.send(page)

    def log_in(request: Any) -> None:
        request["session"]["user"] = "ann"
        page(request)

    browser.send(log_in)
    assert (
        len(secrets_in(browser)) == 1
    ), "the secret from before the login is gone, the new one is there"


def test_the_list_shows_what_the_app_put_there_and_which_session_looks() -> None:
    now = datetime.now(timezone.utc)
    users, phone, laptop = shop(absolute_timeout=timedelta(hours=12))
    phone.log_in("ann", agent="Phone", secret="s")
    laptop.log_in("ann", agent="Laptop", secret="s")
    found: list[Any] = []
    show = ("agent", "address")
    laptop.send(
        lambda request: found.extend(users.list("ann", current=request["session"], show=show))
    )
    assert [(session.current, session.data) for session in found] == [
        (True, {"agent": "Laptop"}),
        (False, {"agent": "Phone"}),
    ]
    first = found[0]
    assert first.handle == laptop.look("handle") != phone.look("handle")
    assert first.began == laptop.look("began")
    assert now <= first.began <= first.seen <= now + timedelta(minutes=1)
    assert first.idle_ends == first.seen + timedelta(seconds=1800)
    assert first.ends == first.began + timedelta(hours=12)


def test_a_number_and_its_digits_are_one_user() -> None:
    users, browser, _ = shop()
    browser.log_in(7)
    assert len(users.list("7")) == len(users.list(7)) == 1


@pytest.mark.parametrize("user", [True, 1.5, b"ann", ["ann"], {"id": 1}])
def test_what_names_no_user_is_refused_at_the_commit(user: Any) -> None:
    users, browser, _ = shop()
    with pytest.raises(TypeError, match=r'session\["user"\]: expected a str, int or UUID'):
        browser.log_in(user)
    browser.log_in("ann")
    with pytest.raises(TypeError, match=r'session\["user"\]: expected a str, int or UUID'):
        browser.log_in(user)
    assert browser.read() == {"user": "ann"}
    with pytest.raises(TypeError, match="expected a str, int or UUID"):
        users.end_all(user)


def test_one_session_of_a_user_ends() -> None:
    users, phone, laptop = shop()
    phone.log_in("ann")
    laptop.log_in("ann")
    handle = phone.look("handle")
    assert users.end("ben", handle) is False, "nobody ends the session of another user"
    assert users.end("ann", "' OR 1=1") is users.end("ann", None) is False  # type: ignore[arg-type]
    assert users.end("ann", handle) is True
    assert users.end("ann", handle) is False
    assert phone.read() == {} and laptop.read() == {"user": "ann"}


def test_all_sessions_of_a_user_end_but_the_one_that_changes_the_password() -> None:
    users, phone, laptop = shop()
    other = Browser(phone.store)
    phone.log_in("ann")
    laptop.log_in("ann")
    other.log_in("ben")
    ended: list[int] = []

    def change_password(request: Any) -> None:
        ended.append(users.end_all("ann", but=request["session"]))
        request["session"].recreate()

    laptop.send(change_password)
    assert ended == [1]
    assert phone.read() == {} and laptop.read() == {"user": "ann"}
    assert users.end_all("ann") == 1
    assert laptop.read() == {} and other.read() == {"user": "ben"}


def test_a_request_that_is_running_when_its_session_ends_brings_nothing_back() -> None:
    users, browser, _ = shop()
    browser.log_in("ann", n=1)
    before = browser.cookie

    def slow(request: Any) -> None:
        request["session"]["n"] = 2
        users.end_all("ann")

    browser.send(slow)
    assert browser.set_cookie is None and browser.read(before) == {}

    browser.log_in("ann", n=1)

    def slow_move(request: Any) -> None:
        request["session"]["n"] = 2
        request["session"].recreate()
        users.end_all("ann")

    browser.send(slow_move)
    assert browser.read() == {"n": 2}, "its own change, and nobody is signed in"
    assert users.list("ann") == []


def test_a_login_after_the_end_of_all_is_untouched() -> None:
    users, browser, _ = shop()
    browser.log_in("ann")

    def page(request: Any) -> None:
        users.end_all("ann")
        request["session"].destroy()
        request["session"]["user"] = "ann"

    browser.send(page)
    assert browser.read() == {"user": "ann"}


@pytest.mark.parametrize("way", ["item", "response"])
def test_a_device_whose_session_was_ended_signs_in_again_at_once(way: str) -> None:
    users, browser, _ = shop()
    browser.log_in("ann", n=1)
    users.end_all("ann")
    if way == "item":
        browser.log_in("ann")
    else:
        browser.send(lambda request: {"session": {"user": "ann"}})
    assert browser.read() == {"user": "ann"}


def test_a_login_of_an_ended_device_gets_another_secret_for_its_tokens() -> None:
    users, browser, _ = shop()
    browser.log_in("ann")
    users.end_all("ann")
    secrets: list[Any] = []

    def log_in(request: Any) -> None:
        request = anti_forgery_request(request)
        for change in ({}, {"user": "ann"}):
            request["session"].update(change)
            assert request["anti_forgery_token"]
            secrets.extend(request["session"]._state.contents.own_keys.values())

    browser.send(log_in)
    assert len(set(secrets)) == 2
    assert len(secrets_in(browser)) == 1


def test_everyone_ends_with_and_without_a_user() -> None:
    users, phone, laptop = shop()
    phone.log_in("ann")
    laptop.send(lambda request: request["session"].update(cart=1))
    assert users.end_everyone() == 2
    assert phone.read() == laptop.read() == {}


def test_a_session_that_joins_a_moved_one_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory_store()
    users, quick = user_sessions(store), Client(store)
    quick.send(lambda request: request["session"].update(cart=1))
    slow, create = Client(store), type(store).create
    slow.cookie = quick.cookie

    def end_first(self: Any, *arguments: Any, **options: Any) -> Any:
        users.end_everyone()
        return create(self, *arguments, **options)

    def page(request: Any) -> None:
        session = request["session"]
        session["n"] = session.swap("n", lambda old: 1)
        session.recreate()
        quick.send(lambda request: request["session"].recreate())
        monkeypatch.setattr(type(store), "create", end_first)

    slow.send(page)
    monkeypatch.undo()
    assert (quick.read(), slow.read()) == ({}, {})


def test_two_apps_on_one_store_keep_their_users_apart() -> None:
    store = memory_store()
    forum, admin = user_sessions(store, cookie_name="forum"), user_sessions(store)
    browser = Browser(store)
    browser.log_in("ann")
    assert forum.list("ann") == [] and forum.end_all("ann") == forum.end_everyone() == 0
    assert len(admin.list("ann")) == 1


def test_one_login_more_than_the_limit_ends_the_oldest() -> None:
    store = memory_store()
    browsers = [Browser(store, user_limit=2) for _ in range(3)]
    for browser in browsers:
        browser.log_in("ann")
    assert [browser.read() for browser in browsers] == [{}, {"user": "ann"}, {"user": "ann"}]
    browsers[1].send(lambda request: request["session"].recreate())
    assert [browser.read() for browser in browsers[1:]] == [{"user": "ann"}] * 2
    assert len(user_sessions(store).list("ann")) == 2


def test_a_session_from_before_the_user_key_is_dropped_with_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = memory_store()
    before = Client(store)
    before.send(lambda request: request["session"].update(user="ann"))
    anonymous = Client(store)
    anonymous.send(lambda request: request["session"].update(cart=1))
    browser = Browser(store)
    with caplog.at_level(logging.WARNING):
        assert browser.read(before.cookie) == {}
    assert [record.getMessage() for record in caplog.records] == [
        "Dropped a session from before the app had its user_key: the store would not find it by"
        " its user. The user has to sign in once more."
    ]
    assert before.read() == {}
    assert browser.read(anonymous.cookie) == {"cart": 1}


def test_the_user_cannot_be_swapped() -> None:
    users, browser, _ = shop()
    with pytest.raises(ValueError, match='session.swap: expected another key than "user"'):
        browser.send(lambda request: request["session"].swap("user", lambda user: "ann"))


def test_nothing_is_known_of_a_session_that_is_not_stored() -> None:
    users, browser, _ = shop()
    for name in ("handle", "began", "confirmed"):
        assert browser.look(name) is None


def test_without_a_user_key_a_session_keeps_the_time_when_it_began() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    began: list[Any] = []
    client.send(lambda request: began.append(request["session"].began))
    client.now += 60
    client.send(lambda request: request["session"].recreate())
    client.send(lambda request: began.append(request["session"].began))
    assert began[0] == began[1]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a sealed cookie": (
        {"user_key": "user", "store": cookie_store("a key for tests, of 32 characters")},
        '["session"]["user_key"]: expected a server-side store that finds users, got <cookie_store'
        " with a given key>. A generation number in your user table does it for a sealed cookie:"
        ' docs/how-to/user-sessions.md, "With a sealed cookie"',
    ),
    "no str": (
        {"user_key": 5},
        '["session"]["user_key"]: expected a str or None, got 5',
    ),
    "a key of the layers": (
        {"user_key": "ringsession/x"},
        '["session"]["user_key"]: expected a session key such as "user", or None, got'
        " 'ringsession/x'",
    ),
    "no limit": (
        {"user_key": "user", "user_limit": 0},
        '["session"]["user_limit"]: expected a number of at least 1, or None, got 0',
    ),
    "a limit of nothing": (
        {"user_limit": 2},
        '["session"]["user_limit"]: expected None without a user_key',
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_config_of_users_is_refused(name: str) -> None:
    session, message = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(
            lambda environ, start_response: [], deep_merge(site_defaults, {"session": session})
        )
    assert str(caught.value) == message


def test_three_functions_find_no_users() -> None:
    class Own:
        def read_session(self, key: str) -> None: ...
        def write_session(self, key: str | None, data: Any) -> None: ...
        def delete_session(self, key: str) -> None: ...

    with pytest.raises(OptionError, match="user_key: expected a server-side store that finds"):
        wrap_session(lambda request: {"status": 200}, store=Own(), user_key="user")
    with pytest.raises(TypeError, match="user_sessions: expected a server-side store that finds"):
        user_sessions(Own())


def test_a_wrong_user_and_a_wrong_session_are_named() -> None:
    users, browser, _ = shop()
    with pytest.raises(TypeError, match="user: expected a str, int or UUID, got None"):
        users.list(None)
    with pytest.raises(
        TypeError, match=r'expected request\["session"\] or flask.session, got dict'
    ):
        users.end_all("ann", but={})
    assert repr(users).startswith("<UserSessions of cookie 'ring-session' in ")


def test_a_session_that_cannot_be_read_is_listed_without_data_and_can_be_ended() -> None:
    users, browser, _ = shop()
    browser.log_in("ann", agent="Phone")
    for entry in browser.store._table.entries.values():
        entry.record = None if entry.record is None else "1{"
    (session,) = users.list("ann", show=("agent",))
    assert session.data == {}
    assert users.end("ann", session.handle) is True
