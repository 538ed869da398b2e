"""Random requests of two browsers against each store, and a model of what the contract says they
see.

The model knows the words alone: a browser has a cookie or none; an id has contents, a message, two
deadlines and an end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ringsession import memory_store, sqlite_store
from tests.stores.networked import SERVERS, make_store, pass_time
from tests.tracing import Client

IDLE, ABSOLUTE, TOMBSTONE = 1000.0, 3000.0, 60.0
# A read moves the idle deadline once a minute at most; and a server's clock goes on while the test
# runs.
EARLY, SLOW = 61.0, 20.0
BROWSERS, KEYS, VALUES = st.sampled_from("AB"), st.sampled_from("xyz"), st.integers(0, 9)


class Stored:
    """What the model knows of one id."""

    def __init__(self, data: dict[str, Any], now: float, flash: str | None = None) -> None:
        self.data = data
        self.flash = flash
        self.born = self.read = now
        self.ended: float | None = None  # by a request; nothing turns it live again
        self.moved_to: Stored | None = None  # by a request that gave it a new id
        self.expired = False  # found to be; nor this

    def may_live(self, now: float) -> bool:
        within = now < min(self.read + IDLE, self.born + ABSOLUTE)
        return within and self.ended is None and not self.expired

    def must_live(self, now: float) -> bool:
        within = now + SLOW < min(self.read + IDLE - EARLY, self.born + ABSOLUTE)
        return within and self.ended is None and not self.expired

    def must_refuse(self, now: float) -> bool:
        """A tombstone stands: who writes under this id is late."""
        return self.ended is not None and now - self.ended + SLOW < TOMBSTONE

    def last(self) -> Stored:
        """The id to which the session moved, step by step."""
        return self if self.moved_to is None else self.moved_to.last()

    def must_lead_on(self, now: float) -> bool:
        """A logout under this id ends the session to which it moved."""
        return self.moved_to is None or (self.must_refuse(now) and self.moved_to.must_lead_on(now))


class Requests(RuleBasedStateMachine):
    """Two browsers, of which one may have copied the other's cookie."""

    make: Any  # -> a store, and what lets its time pass

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.store, self.pass_time = type(self).make()
        self.ids: dict[str, Stored] = {}
        self.cookies: dict[str, str | None] = {"A": None, "B": None}
        self.client = Client(self.store, timeout=IDLE, absolute_timeout=ABSOLUTE)

    def teardown(self) -> None:
        getattr(getattr(self, "store", None), "close", lambda: None)()

    def send(self, browser: str, page: Any) -> tuple[Stored | None, Stored | None]:
        """What the model has under the cookie that was sent, and the same if it was found live."""
        sent = self.client.cookie = self.cookies[browser]
        stored = self.ids.get(sent or "")
        seen: list[Any] = []

        def watched(request: Any) -> Any:
            seen.extend([dict(request["session"]), request["flash"], request["session_key"]])
            return page(request)

        assert self.client.send(watched)["status"] == 200
        live = stored if stored is not None and seen[2] is not None else None
        if live is not None:
            assert live.may_live(self.now)
            assert seen == [live.data, live.flash, sent]
            live.read, live.flash = self.now, None
        else:
            assert seen == [{}, None, None]
            if stored is not None:
                assert not stored.must_live(self.now)
                stored.expired = True
        return stored, live

    def take_cookie(self, browser: str) -> str | None:
        """The id that the response set, which must be a new one; a deletion takes the browser's
        away.
        """
        if self.client.set_cookie is None:
            return None
        cookie = self.cookies[browser] = self.client.cookie
        assert cookie not in self.ids
        assert (cookie is None) == ("Max-Age=0" in self.client.set_cookie)
        return cookie

    def started(self, browser: str, before: Stored | None, stored: Stored) -> None:
        """A request that stored something, and found no live session, began another one; unless it
        was late.
        """
        cookie = self.take_cookie(browser)
        if before is not None and before.must_refuse(self.now):
            assert cookie is None
        elif before is None or before.ended is None:
            assert cookie is not None
        if cookie is not None:
            self.ids[cookie] = stored

    @rule(browser=BROWSERS, key=KEYS, value=VALUES)
    def write(self, browser: str, key: str, value: int) -> None:
        before, live = self.send(browser, lambda request: request["session"].update({key: value}))
        if live is None:
            self.started(browser, before, Stored({key: value}, self.now))
        else:
            assert self.client.set_cookie is None  # the browser has it
            live.data[key] = value

    @rule(browser=BROWSERS)
    def read(self, browser: str) -> None:
        self.send(browser, lambda request: None)
        assert self.client.set_cookie is None

    @rule(browser=BROWSERS, key=KEYS)
    def remove(self, browser: str, key: str) -> None:
        _, live = self.send(browser, lambda request: request["session"].pop(key, None) and None)
        assert self.client.set_cookie is None
        if live is not None:
            live.data.pop(key, None)

    @rule(browser=BROWSERS)
    def swap(self, browser: str) -> None:
        def count(request: Any) -> None:
            request["session"].swap("n", lambda n: (n or 0) + 1)

        before, live = self.send(browser, count)
        if live is None:
            self.started(browser, before, Stored({"n": 1}, self.now))
        else:
            live.data["n"] = live.data.get("n", 0) + 1

    @rule(browser=BROWSERS, message=st.text("abc", min_size=1, max_size=3))
    def say(self, browser: str, message: str) -> None:
        before, live = self.send(browser, lambda request: {"flash": message})
        if live is None:
            self.started(browser, before, Stored({}, self.now, message))
        else:
            live.flash = message

    @rule(browser=BROWSERS)
    def destroy(self, browser: str) -> None:
        stored, live = self.send(browser, lambda request: {"session": None})
        was_deleted = self.client.set_cookie is not None
        assert self.take_cookie(browser) is None
        if stored is None:
            assert not was_deleted
            return
        last = stored.last()
        if was_deleted:  # which is how the browser hears that a live session ended
            assert live is stored or (last is not stored and last.may_live(self.now))
            last.ended = self.now
        else:
            assert live is None
            assert not (last.must_live(self.now) and stored.must_lead_on(self.now))

    @rule(browser=BROWSERS)
    def recreate(self, browser: str) -> None:
        _, live = self.send(browser, lambda request: request["session"].recreate())
        cookie = self.take_cookie(browser)
        if live is None:
            assert cookie is None  # there is nothing to keep
        else:
            assert cookie is not None
            live.moved_to = self.ids[cookie] = Stored(dict(live.data), self.now)
            live.ended = self.now

    @precondition(lambda self: self.cookies["A"])
    @rule()
    def copy_the_cookie(self) -> None:
        self.cookies["B"] = self.cookies["A"]

    @rule(seconds=st.sampled_from([25.0, 150.0, 700.0, 1100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.pass_time(seconds)


def in_process(make: Any) -> Any:
    """A store with a clock of ours, and what moves that."""
    now = [1_800_000_000.0]
    return make(lambda: now[0]), lambda seconds: now.__setitem__(0, now[0] + seconds)


def check(make: Any, examples: int) -> None:
    machine = type("Machine", (Requests,), {"make": staticmethod(make)})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=30, suppress_health_check=checks
        ),
    )


def test_what_browsers_see_of_the_memory_store_is_what_the_contract_says() -> None:
    check(lambda: in_process(lambda clock: memory_store(clock=clock)), 200)


def test_what_browsers_see_of_the_sqlite_store_is_what_the_contract_says(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    check(lambda: in_process(lambda clock: sqlite_store(path, clock=clock)), 100)


@pytest.mark.server
@pytest.mark.parametrize("name", SERVERS)
def test_what_browsers_see_of_a_store_on_a_server_is_what_the_contract_says(
    name: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(name)
    check(lambda: (make_store(server), lambda seconds: pass_time(server, seconds)), 40)
