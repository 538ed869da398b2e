"""`cookie_attrs` may be a function: each cookie has the attributes that it returns then."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import (
    ConfigError,
    memory_store,
    site_defaults,
    to_wsgi,
    wrap_defaults,
    wrap_session,
)
from ringsession.config import deep_merge
from ringsession.explain import explain
from ringsession.option_error import OptionError
from tests.tracing import Client


def test_each_cookie_and_its_deletion_have_the_attributes_of_the_moment() -> None:
    attrs: dict[str, Any] = {}
    client = Client(memory_store(), cookie_attrs=lambda: attrs)
    found = []
    for change, session in (
        ({}, {"n": 1}),
        ({"secure": True}, {"n": 2}),
        ({"domain": "example.org"}, None),
    ):
        attrs.update(change)
        client.cookie = None if session else client.cookie
        client.send(lambda request: {"session": session})
        found.append(str(client.set_cookie).split("; ", 1)[1])
    assert found == [
        "Path=/; HttpOnly; SameSite=Lax",
        "Path=/; HttpOnly; SameSite=Lax; Secure",
        "Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.org; Max-Age=0",
    ]


def test_the_function_is_not_called_for_a_request_that_leaves_the_session_alone() -> None:
    calls = []
    client = Client(memory_store(), flash=False, cookie_attrs=lambda: calls.append(1))
    client.send(lambda request: {})
    assert calls == [1]  # when the layer was made
    client.send(lambda request: {"session": {"n": 1}})
    assert calls == [1, 1]


def test_wrong_attributes_are_an_error_before_anything_is_stored() -> None:
    attrs: dict[str, Any] = {}
    client = Client(cookie_attrs=lambda: attrs)
    client.send(lambda request: {"session": {"n": 1}})
    client.store.taken()
    attrs["same_site"] = "bogus"
    with pytest.raises(OptionError, match=r'^cookie_attrs\["same_site"\]: expected "strict"'):
        client.send(lambda request: {"session": {"n": 2}})
    assert client.store.taken() == []
    attrs.clear()
    assert client.read() == {"n": 1}


WRONG: list[tuple[Any, str]] = [
    (lambda: 5, "expected a dict, got 5"),
    (lambda: {"samesite": "lax"}, 'unknown attribute; did you mean "same_site"?'),
    (lambda request: {}, "expected a dict, or a function without arguments, got one with some"),
]


@pytest.mark.parametrize(("attrs", "problem"), WRONG)
def test_a_wrong_function_is_an_error_at_once(attrs: Any, problem: str) -> None:
    with pytest.raises(OptionError) as caught:
        wrap_session(lambda request: {}, cookie_attrs=attrs)
    assert caught.value.problem == problem
    config = deep_merge(site_defaults, {"session": {"cookie_attrs": attrs}})
    with pytest.raises(ConfigError) as in_config:
        wrap_defaults(to_wsgi(lambda request: {}), config)
    assert (in_config.value.path[:2], in_config.value.problem) == (
        ("session", "cookie_attrs"),
        problem,
    )


def test_explain_reads_the_attributes_too() -> None:
    config = deep_merge(site_defaults, {"session": {"cookie_attrs": lambda: {"secure": True}}})
    assert "the session's cookie is not Secure" not in explain(config)
    assert "the session's cookie is not Secure" in explain(site_defaults)
