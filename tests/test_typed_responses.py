"""The four helpers that make a whole response: type, charset and body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from markupsafe import Markup
from werkzeug.test import Client

from ringsession import html, json, see_other, text, to_wsgi, wrap_defaults
from tests.naming import name_value


class Fragment:
    def __html__(self) -> str:
        return "<b>fragment</b>"


def served(response: Any) -> tuple[int, str | None, bytes]:
    answer = Client(wrap_defaults(to_wsgi(lambda request: response))).get("/page")
    return answer.status_code, answer.headers.get("Content-Type"), answer.data


def parts() -> Iterator[str]:
    yield "<p>"
    yield "ü"


@pytest.mark.parametrize(
    "response, expected",
    [
        (text("Grüße"), (200, "text/plain; charset=utf-8", "Grüße".encode())),
        (text(""), (200, "text/plain; charset=utf-8", b"")),
        (html("<p>ü"), (200, "text/html; charset=utf-8", "<p>ü".encode())),
        (html(Markup("<p>ü")), (200, "text/html; charset=utf-8", "<p>ü".encode())),
        (html(Fragment()), (200, "text/html; charset=utf-8", b"<b>fragment</b>")),
        (html(parts()), (200, "text/html; charset=utf-8", "<p>ü".encode())),
        (json({"a": [1, None, "ü"]}), (200, "application/json", b'{"a": [1, null, "\\u00fc"]}')),
        (json("\ud800"), (200, "application/json", b'"\\ud800"')),
        (json([]) | {"status": 404}, (404, "application/json", b"[]")),
    ],
    ids=name_value,
)
def test_a_helper_sets_the_type_and_the_charset(response: Any, expected: Any) -> None:
    assert served(response) == expected


def test_see_other_answers_a_form() -> None:
    assert see_other("/") == {"status": 303, "headers": {"Location": "/"}, "body": ""}
    with pytest.raises(ValueError, match="Location"):
        see_other("/\n//evil.example")


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": {"b": -float("inf")}}])
def test_json_refuses_what_json_cannot_hold(value: Any) -> None:
    with pytest.raises(ValueError, match="^json: "):
        json(value)


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, {(1, 2): 3}])
def test_json_refuses_other_types(value: Any) -> None:
    with pytest.raises(TypeError, match="^json: "):
        json(value)
