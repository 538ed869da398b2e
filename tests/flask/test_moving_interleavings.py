"""One old cookie is one session, and a logout is its end, whatever runs between two store calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringsession import memory_store
from tests.flask.test_moving_store import make, ours
from tests.flask.test_signed_cookies import client_with, signed
from tests.tracing import TracedStore

STEPS = range(12)  # more than a request has


class Interrupted(TracedStore):
    """A store before whose call number `step`, from the moment it is set, another function runs."""

    step: int | None = None
    between: Callable[[], object] = staticmethod(lambda: None)

    def _call(self, name: str, *arguments: Any) -> Any:
        if self.step is not None:
            self.step -= 1
            if self.step < 0:
                self.step = None
                self.between()
        return super()._call(name, *arguments)


def make_interrupted() -> tuple[Any, Interrupted, list[float]]:
    now = [1000.0]
    store = Interrupted(memory_store(clock=lambda: now[0]))
    return make(store), store, now


@pytest.mark.parametrize("path", ["/set/late", "/login/late", "/", "/logout"])
@pytest.mark.parametrize("seconds", [0, 120])  # after 60 the store has forgotten the end
@pytest.mark.parametrize("step", STEPS)
def test_a_logout_between_any_two_calls_is_the_end(path: str, seconds: int, step: int) -> None:
    app, store, now = make_interrupted()
    value = signed(user="ann")
    seen: list[str | None] = []

    def log_out() -> None:
        other = client_with(app, value)
        other.get("/set/early")
        seen.append(ours(other, "session"))
        other.get("/logout")
        now[0] += seconds

    store.step, store.between = step, log_out
    victim = client_with(app, value)
    victim.get(path)
    if not seen:
        return  # the request has fewer calls
    store.step = None
    assert client_with(app, value).get("/").text == "{}"
    assert client_with(app, seen[0] or "").get("/").text == "{}"
    # Only a login starts a session of its own, and it may have been the last to move this one.
    after = victim.get("/").text
    assert "ann" not in after or (path == "/login/late" and "late" in after), after


@pytest.mark.parametrize("path", ["/set/b", "/"])
@pytest.mark.parametrize("step", STEPS)
def test_a_write_between_any_two_calls_goes_to_the_same_session(path: str, step: int) -> None:
    app, store, _ = make_interrupted()
    value, ids = signed(user="ann"), []

    def write() -> None:
        other = client_with(app, value)
        other.get("/set/a")
        ids.append(ours(other, "session"))

    store.step, store.between = step, write
    client = client_with(app, value)
    client.get(path)
    store.step = None
    if not ids:
        return  # the request has fewer calls
    assert ours(client, "session") == ids[0]
    expected = {"user": "ann", "a": 1} | ({"b": 1} if path == "/set/b" else {})
    assert eval(client.get("/").text) == expected
