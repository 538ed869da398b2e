"""A request that a middleware expanded to a plain dict is named, once, with what to write."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

import ringsession.expanded_requests
from ringsession import (
    LintError,
    from_wsgi,
    response,
    testing,
    to_wsgi,
    wrap_defaults,
    wrap_lint,
    wrap_session,
)
from ringsession.request import Request

Handler = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ringsession.expanded_requests, "_has_warned", False)
    yield


def page(request: Any) -> Any:
    return response(f"{request.get('user')}")


def wsgi_page(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [str(environ["ringsession.request"]["user"]).encode()]


def wrap_user(handler: Handler) -> Handler:
    return lambda request: handler({**request, "user": "ann"})


def wrap_user_well(handler: Handler) -> Handler:
    return lambda request: handler(request | {"user": "ann"})


def served(handler: Handler) -> str:
    return Client(wrap_defaults(to_wsgi(handler))).get("/").text


@pytest.mark.parametrize("inner", [from_wsgi(wsgi_page), wrap_session(page)])
def test_an_expanded_request_in_a_stack_is_named_once(inner: Handler) -> None:
    with pytest.warns(RuntimeWarning, match=re.escape('request | {"user": ...}')) as caught:
        assert served(wrap_user(inner)) == "ann"
    assert [warning.filename for warning in caught] == [__file__]
    assert served(wrap_user(inner)) == "ann"  # a second warning would be an error


@pytest.mark.parametrize("inner", [from_wsgi(wsgi_page), wrap_session(page), wrap_lint(page)])
def test_a_request_with_more_keys_by_a_bar_is_none_and_reads_nothing(inner: Handler) -> None:
    answer = Client(wrap_defaults(to_wsgi(wrap_user_well(inner)))).get("/")
    assert (answer.text, answer.headers.getlist("Set-Cookie")) == ("ann", [])


def test_a_literal_dict_in_a_test_is_none() -> None:
    request = testing.request("GET", "/", user="ann", environ={"REQUEST_METHOD": "GET"})
    assert [wrap_session(page)(request)["body"], wrap_lint(page)(request)["body"]] == ["ann"] * 2
    assert from_wsgi(wsgi_page)(testing.request(user="ann"))["status"] == 200


def test_lint_refuses_an_expanded_request() -> None:
    with pytest.raises(LintError, match="a plain dict .* write request | {"):
        served(wrap_user(wrap_lint(page)))


def test_a_dict_before_the_bar_reads_nothing_either() -> None:
    log: list[str] = []
    request = Request({"uri": "/"})
    request.provide("costly", lambda request: log.append("computed") or "costly")
    more = {"uri": "/mine", "user": "ann"} | request
    assert (more["uri"], more["user"], "costly" in more, log) == ("/", "ann", True, [])
    assert (more["costly"], log) == ("costly", ["computed"])


def test_one_warning_comes_even_if_all_are_shown() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            served(wrap_user(wrap_session(page)))
    assert len(caught) == 1
