"""Lint: a malformed request or response is named by key, expected and given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from werkzeug.test import Client

from ringsession import (
    LintError,
    assoc_in,
    recreate,
    redirect,
    site_defaults,
    to_wsgi,
    wrap_defaults,
    wrap_lint,
)
from ringsession.testing import request
from tests.naming import name_value

GOOD: dict[str, Any] = {"status": 200, "headers": {"A": "1", "B": ["1", "2"]}, "body": None}


def answer(response: Any) -> Any:
    return wrap_lint(lambda request: response)


@pytest.mark.parametrize(
    "more",
    [{}, {"body": "x"}, {"body": b"x"}, {"body": ["x"]}, {"body": Path("x")}, {"session": None},
     {"session": {}}, {"cookies": {"a": 1}}, {"session_cookie_attrs": {}},
     {"session_cookie_when": "moved"}, {"flash": object()}],
    ids=name_value,
)  # fmt: skip
def test_a_response_by_spec_passes_as_it_is(more: Any) -> None:
    response = GOOD | more
    assert answer(response)(request()) is response


BAD_RESPONSES = [
    (None, "response: expected a dict, got NoneType"),
    ({"headers": {}}, 'response["status"]: expected an int from 100 to 599, got no such key'),
    (GOOD | {"status": "200"}, "response[\"status\"]: expected an int from 100 to 599, got '200'"),
    (GOOD | {"status": 99}, 'response["status"]: expected an int from 100 to 599, got 99'),
    ({"status": 200}, 'response["headers"]: expected a dict of names to str or a list of str'),
    (GOOD | {"headers": {"A": 1}}, 'response["headers"]: expected a dict of names to str'),
    (GOOD | {"headers": {"A": "x\ny"}}, 'response["headers"]: expected a dict of names to str'),
    (GOOD | {"headers": {"A": ["x", "y\r\n"]}}, 'response["headers"]: expected a dict of names to'),
    (GOOD | {"headers": {"A\0": "x"}}, 'response["headers"]: expected a dict of names to str'),
    (GOOD | {"headers": {"Location": "/\t/"}}, 'response["headers"]: expected a dict of names to'),
    (GOOD | {"headers": {"A": [1]}}, 'response["headers"]: expected a dict of names to str'),
    (GOOD | {"body": 5}, 'response["body"]: expected None, str, bytes'),
    (GOOD | {"body": {}}, 'response["body"]: expected None, str, bytes'),
    (GOOD | {"session": 5}, 'response["session"]: expected a mapping or None, got 5'),
    (GOOD | {"cookies": []}, 'response["cookies"]: expected a mapping or None, got []'),
]


@pytest.mark.parametrize(("response", "message"), BAD_RESPONSES, ids=[r[1] for r in BAD_RESPONSES])
def test_a_malformed_response_is_named(response: Any, message: str) -> None:
    with pytest.raises(LintError) as caught:
        answer(response)(request())
    assert str(caught.value).startswith(message)


BAD_REQUESTS = [
    ("request_method", "GET", "a lower-case str"),
    ("request_method", "", "a lower-case str"),
    ("uri", "x", 'an ASCII str that starts with "/"'),
    ("uri", "/ü", 'an ASCII str that starts with "/"'),
    ("scheme", "ftp", '"http" or "https"'),
    ("server_port", "80", "an int"),
    ("headers", {"Host": "x"}, "a dict of lower-case names to str"),
    ("headers", {"host": 1}, "a dict of lower-case names to str"),
    ("query_string", 5, "a str or None"),
    ("body", "text", "a binary file or None"),
]


@pytest.mark.parametrize(("key", "value", "expected"), BAD_REQUESTS)
def test_a_malformed_request_is_named(key: str, value: Any, expected: str) -> None:
    with pytest.raises(LintError) as caught:
        answer(GOOD)(request() | {key: value})
    assert str(caught.value) == f'request["{key}"]: expected {expected}, got {value!r}'


@pytest.mark.parametrize("key", ["request_method", "uri", "headers", "server_name"])
def test_a_request_without_a_key_of_spec_is_named(key: str) -> None:
    with pytest.raises(LintError, match="got no such key"):
        answer(GOOD)({name: value for name, value in request().items() if name != key})


def test_what_the_layers_make_of_a_servers_request_is_by_spec() -> None:
    app = wrap_defaults(
        to_wsgi(answer(GOOD | {"headers": {"Content-Type": "text/plain"}})), site_defaults
    )
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert Client(app).post("/ü?a=b", data={"a": "1"}, headers=headers).status_code == 200


# -- the token of a page whose session moves or ends


def page(body: Any, **more: Any) -> Any:
    return {"status": 200, "headers": {}, "body": body, **more}


def served(handler: Any) -> int:
    """The status of a page through lint and the whole stack."""
    config = assoc_in(site_defaults, ["security", "content_type_options"], False)
    return (
        Client(wrap_defaults(to_wsgi(wrap_lint(handler)), config))
        .get("/", buffered=True)
        .status_code
    )


def login(token: str) -> Any:
    return page(f"<form>{token}</form>", session=recreate({"user": "ann"}))


DEAD: list[Any] = [
    lambda request: login(request["anti_forgery_token"]),
    lambda request: login((request | {"copy": 1})["anti_forgery_token"]),
    lambda request: page(request["anti_forgery_token"].encode(), session=recreate({})),
    lambda request: page(["a", request["anti_forgery_token"]], session=recreate({})),
    lambda request: page(iter([request["anti_forgery_token"]]), session=recreate({})),
    lambda request: page(request["anti_forgery_token"], session=None),
    lambda request: page(bytearray(request["anti_forgery_token"].encode()), session=None),
]


@pytest.mark.parametrize("handler", DEAD)
def test_a_page_with_a_token_that_dies_with_its_response_should_redirect(handler: Any) -> None:
    with pytest.raises(
        LintError, match='^response."session".: .* ends the anti-forgery token'
    ) as caught:
        served(handler)
    assert "Answer with a redirect" in str(caught.value)


GOOD_PAGES: list[Any] = [
    lambda request: page("in", session=recreate({"user": "ann"})),
    lambda request: page(
        memoryview(f"in{request['anti_forgery_token'][:0]}".encode()), session=recreate({})
    ),
    lambda request: page(f"in{request['anti_forgery_token'][:0]}", session=recreate({})),
    lambda request: page(
        Path(__file__), session=recreate({"n": request["anti_forgery_token"][:0]})
    ),
    lambda request: page(request["anti_forgery_token"], session={"a": 1}),
    lambda request: page(request["anti_forgery_token"]),
    lambda request: redirect("/", 303)
    | {"session": recreate({"t": request["anti_forgery_token"]})},
    lambda request: page(None, session=None),
]


@pytest.mark.parametrize("handler", GOOD_PAGES)
def test_a_page_whose_token_lives_or_is_not_shown_passes(handler: Any) -> None:
    assert served(handler) in (200, 303)


def test_lint_itself_makes_no_token() -> None:
    answer = Client(wrap_defaults(to_wsgi(wrap_lint(lambda request: page("plain"))))).get("/")
    assert "Set-Cookie" not in answer.headers
