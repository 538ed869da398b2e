"""Lint: a malformed request or response is named by key, expected and given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringsession import LintError, site_defaults, to_wsgi, wrap_defaults, wrap_lint
from ringsession.testing import request

GOOD: dict[str, Any] = {"status": 200, "headers": {"A": "1", "B": ["1", "2"]}, "body": None}


def answer(response: Any) -> Any:
    return wrap_lint(lambda request: response)


@pytest.mark.parametrize(
    "more",
    [{}, {"body": "x"}, {"body": b"x"}, {"body": ["x"]}, {"body": Path("x")}, {"session": None},
     {"session": {}}, {"cookies": {"a": 1}}, {"session_cookie_attrs": {}}, {"flash": object()}],
    ids=repr,
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
    from werkzeug.test import Client

    app = wrap_defaults(
        to_wsgi(answer(GOOD | {"headers": {"Content-Type": "text/plain"}})), site_defaults
    )
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert Client(app).post("/ü?a=b", data={"a": "1"}, headers=headers).status_code == 200
