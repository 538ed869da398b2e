"""Pains 1 to 8: what was lost, overwritten, or came back from the dead."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from flask import Response, session, stream_with_context

from tests.flask.pains.site import Pain, Subject, add_pages, also, overlap, site


def parallel_writes(subject: Subject) -> Any:
    browser = site(subject).test_client()
    slow = overlap(browser, "/set/b/2", lambda: session.update(c="3"))
    browser.get("/set/a/1")
    slow()
    return browser.get("/read").json


def slow_read(subject: Subject) -> Any:
    browser = site(subject).test_client()
    slow = overlap(browser, "/set/state/1", lambda: None)
    browser.get("/stay")
    slow()
    return browser.get("/read").json


def late_write(subject: Subject) -> Any:
    browser = site(subject).test_client()
    slow = overlap(browser, "/logout", lambda: session.update(late="1"))
    browser.get("/login/ann")
    old = also(browser)
    slow()
    return [old.get("/read").json, browser.get("/read").json]


def answer_of_a_late_write(subject: Subject) -> Any:
    browser = site(subject).test_client()
    slow = overlap(browser, "/logout", lambda: session.update(late="1"))
    browser.get("/login/ann")
    return slow().status_code


def nested_change(subject: Subject) -> Any:
    app = site(subject)

    @app.get("/add/<item>")
    def add(item: str) -> str:
        session.setdefault("cart", []).append(item)
        return ""

    browser = app.test_client()
    for item in "abc":
        browser.get(f"/add/{item}")
    return browser.get("/read").json


def write_in_a_stream(subject: Subject) -> Any:
    app = site(subject)

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            try:
                session["late"] = "1"
                yield "said nothing"
            except RuntimeError:
                yield "said so"

        return Response(stream_with_context(parts()))

    browser = app.test_client()
    browser.get("/set/a/1")
    said = browser.get("/stream").text
    return said == "said so" or browser.get("/read").json == {"a": "1", "late": "1"}


def save_in_an_open_request(subject: Subject) -> Any:
    app = site(subject)
    browser = app.test_client()
    seen: list[Any] = []

    @app.get("/socket")
    def socket() -> str:
        subject.save_now("n", "1")
        seen.append(also(browser).get("/read").json)
        return ""

    browser.get("/set/a/1")
    browser.get("/socket")
    return seen


def many_local_sessions(subject: Subject) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        app = add_pages(subject.local_app(folder), subject)
        browsers = [app.test_client() for _ in range(520)]
        for browser in browsers:
            browser.get("/login/ann")
        return sum(browser.get("/read").json == {"user": "ann"} for browser in browsers)


LOST = {
    1: Pain(
        "two requests at the same time both keep what they wrote",
        parallel_writes,
        {"a": "1", "b": "2", "c": "3"},
    ),
    2: Pain(
        "a slow request that only reads overwrites nothing",
        slow_read,
        {"user": "ann", "state": "1"},
    ),
    3: Pain("a late write brings no logged-out session back", late_write, [{}, {}]),
    4: Pain("... and its user gets the page, not an error", answer_of_a_late_write, 200),
    5: Pain("a change inside a value is saved", nested_change, {"cart": ["a", "b", "c"]}),
    6: Pain("a write while the body streams is kept, or an error", write_in_a_stream, True),
    7: Pain(
        "an open request (a WebSocket) can save before it ends",
        save_in_an_open_request,
        [{"a": "1", "n": "1"}],
    ),
    8: Pain("no live session is dropped as their number grows", many_local_sessions, 520),
}
