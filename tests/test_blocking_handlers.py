"""Handlers of three arguments as ordinary ones."""

from __future__ import annotations

import io
from datetime import timedelta
from queue import Empty
from threading import Thread
from typing import Any

import pytest

from ringsession import blocking


def test_an_answer_from_another_thread_is_the_response() -> None:
    def handler(request: Any, respond: Any, raise_: Any) -> None:
        Thread(target=respond, args=[{"status": 200, "body": request["uri"]}]).start()

    assert blocking(handler)({"uri": "/x"}) == {"status": 200, "body": "/x"}


def test_what_is_given_to_raise_is_raised() -> None:
    with pytest.raises(LookupError, match="mine"):
        blocking(lambda request, respond, raise_: raise_(LookupError("mine")))({})


def test_what_the_handler_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        blocking(lambda request, respond, raise_: 1 // 0)({})  # type: ignore[arg-type]


def test_only_the_first_answer_counts() -> None:
    def handler(request: Any, respond: Any, raise_: Any) -> None:
        respond({"status": 1})
        raise_(LookupError())

    assert blocking(handler)({}) == {"status": 1}  # type: ignore[arg-type]


def test_without_an_answer_in_time_it_is_a_timeout_error() -> None:
    with pytest.raises(TimeoutError, match="called neither respond nor raise_ within 0.01 s"):
        blocking(lambda request, respond, raise_: None, timeout=0.01)({})  # type: ignore[arg-type]


def test_the_timeout_may_be_a_timedelta() -> None:
    waits = blocking(lambda request, respond, raise_: None, timeout=timedelta(milliseconds=10))
    with pytest.raises(TimeoutError, match="within 0.01 s$"):
        waits({})


def test_an_answer_that_does_not_count_is_closed() -> None:
    bodies = {name: io.BytesIO() for name in ("first", "second", "late", "before an error")}
    later: list[Any] = []

    def twice(request: Any, respond: Any, raise_: Any) -> None:
        respond({"body": bodies["first"]})
        respond({"body": bodies["second"]})
        respond({"body": bodies["first"]})

    def fail(request: Any, respond: Any, raise_: Any) -> None:
        respond({"body": bodies["before an error"]})
        raise Empty

    def wait(request: Any, respond: Any, raise_: Any) -> None:
        later.append(respond)

    assert blocking(twice)({})["body"] is bodies["first"]  # type: ignore[arg-type]
    with pytest.raises(Empty):
        blocking(fail)({})  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        blocking(wait, timeout=0.01)({})  # type: ignore[arg-type]
    later[0]({"body": bodies["late"]})
    closed = {name: body.closed for name, body in bodies.items()}
    assert closed == {"first": False, "second": True, "late": True, "before an error": True}
