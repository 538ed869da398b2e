"""A response that cannot be sent says what is wrong, before a session is stored."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    LintError,
    assoc_in,
    site_defaults,
    to_wsgi,
    wrap_cookies,
    wrap_defaults,
    wrap_lint,
)
from ringsession.response_shape import warn_of_key

GOOD: dict[str, Any] = {"status": 200, "headers": {}, "body": "hello"}

WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"headers": {}}, TypeError, 'response["status"]: expected an int from 100 to 599, got no such'
     ' key; write {"status": 200, ...} or start with response(body)'),
    ({}, TypeError, 'response["status"]: expected an int from 100 to 599, got no such key'),
    (GOOD | {"status": "200"}, TypeError, 'response["status"]: expected an int from 100 to 599, got'
     " '200'"),
    (GOOD | {"status": True}, TypeError, 'response["status"]: expected an int from 100 to 599, got'
     " True"),
    (GOOD | {"status": None}, TypeError, 'response["status"]: expected an int from 100 to 599, got'
     " None"),
    (GOOD | {"status": 99}, ValueError, 'response["status"]: expected an int from 100 to 599, got'
     " 99"),
    (GOOD | {"status": 2000}, ValueError, 'response["status"]: expected an int from 100 to 599, got'
     " 2000"),
    (GOOD | {"headers": [("A", "1")]}, TypeError, 'response["headers"]: expected a dict of names to'
     ' str, got a list; write {"Name": "value"}, with a list as the value of a repeated name'),
    (GOOD | {"headers": "A: 1"}, TypeError, 'response["headers"]: expected a dict of names to str,'
     " got a str"),
    (GOOD | {"cookies": ["a=1"]}, TypeError, 'response["cookies"]: expected a dict of names to'
     ' values, got a list; write {"name": "value"} or {"name": {"value": "...", "max_age": 60}}'),
    (GOOD | {"cookies": "a=1"}, TypeError, 'response["cookies"]: expected a dict'),
]  # fmt: skip


@pytest.mark.parametrize("response, kind, problem", WRONG, ids=[str(row[0]) for row in WRONG])
@pytest.mark.parametrize("stack", [wrap_defaults, lambda app: app], ids=["stack", "to_wsgi"])
def test_a_wrong_response_is_named(response: Any, kind: Any, problem: str, stack: Any) -> None:
    app = stack(to_wsgi(lambda request: response))
    with pytest.raises(kind) as caught:
        Client(app).get("/")
    assert type(caught.value) is kind and str(caught.value).startswith(problem)


def test_cookies_of_a_layer_between_are_named_too() -> None:
    handler = wrap_cookies(lambda request: GOOD | {"cookies": ["a=1"]})
    with pytest.raises(TypeError, match='response."cookies".: expected a dict of names to values'):
        handler({"headers": {}})


@pytest.mark.parametrize("status", [100, 200, 599, HTTPStatus.NOT_FOUND])
def test_every_status_of_http_passes(status: int) -> None:
    assert Client(wrap_defaults(to_wsgi(lambda request: GOOD | {"status": status}))).get("/")


def test_a_wsgi_app_may_have_a_status_of_its_own() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("999 Own", [])
        return []

    assert Client(wrap_defaults(app)).get("/").status == "999 Own"


@pytest.mark.parametrize("key, value", [("headers", None), ("cookies", None), ("body", None)])
def test_none_stands_for_nothing(key: str, value: None) -> None:
    app = wrap_defaults(to_wsgi(lambda request: GOOD | {key: value}))
    assert Client(app).get("/").status_code == 200


# -- a key that nobody knows

UNKNOWN = [
    ("sesion", 'did you mean "session"?'),
    ("cookie", 'did you mean "cookies"?'),
    ("Headers", 'did you mean "headers"?'),
    ("zebra", "known: status, headers, body, session"),
]


@pytest.mark.parametrize("key, hint", UNKNOWN)
def test_lint_refuses_an_unknown_key(key: str, hint: str) -> None:
    with pytest.raises(LintError) as caught:
        wrap_lint(lambda request: GOOD | {key: 1})(_request())
    assert str(caught.value).startswith(f'response["{key}"]: unknown key; {hint}')
    assert 'a key of your own needs a dot or a slash: "myapp.user"' in str(caught.value)


def _request() -> Any:
    from ringsession import testing

    return testing.request()


@pytest.mark.parametrize("key", ["myapp.user", "myapp/user"])
def test_a_key_of_ones_own_has_a_dot_or_a_slash(key: str) -> None:
    assert wrap_lint(lambda request: GOOD | {key: 1})(_request())[key] == 1
    assert Client(wrap_defaults(to_wsgi(lambda request: GOOD | {key: 1}))).get("/")


def test_a_key_that_looks_like_another_warns_once_in_a_stack() -> None:
    app = wrap_defaults(to_wsgi(lambda request: GOOD | {"sesion": {"user": "ann"}}))
    warn_of_key.cache_clear()
    with pytest.warns(RuntimeWarning, match='response."sesion".: .* did you mean "session"'):
        Client(app).get("/")
    Client(app).get("/")  # a second warning would be an error


def test_a_wsgi_apps_own_keys_warn_too() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["ringsession.response"]["cookie"] = {"a": "1"}
        start_response("200 OK", [])
        return []

    warn_of_key.cache_clear()
    with pytest.warns(RuntimeWarning, match='response."cookie".: .* did you mean "cookies"'):
        Client(wrap_defaults(app)).get("/")


def test_any_other_key_is_left_to_layers_outside() -> None:
    assert Client(wrap_defaults(to_wsgi(lambda request: GOOD | {"zebra": 1}))).get("/")


def test_nothing_is_stored_for_a_response_that_cannot_be_sent() -> None:
    log: list[Any] = []

    class Store:
        def read_session(self, key: str) -> None:
            return None

        def write_session(self, key: str | None, data: Any) -> str:
            log.append(data)
            return "key"

        def delete_session(self, key: str) -> None:
            pass

    config = assoc_in(site_defaults, ["session", "store"], Store())
    for wrong, _, _ in WRONG:
        app = wrap_defaults(to_wsgi(lambda request: wrong | {"session": {"a": 1}}), config)
        with pytest.raises((TypeError, ValueError)):
            Client(app).get("/")
    assert log == []
