"""The attacks that no other file is about, by their numbers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import EnvironBuilder, run_wsgi_app

from ringsession import (
    assoc_in,
    content_type,
    memory_store,
    response,
    site_defaults,
    to_wsgi,
    wrap_defaults,
)
from ringsession.session.outcome import Outcome
from ringsession.stores.cookie.seal import Opened
from ringsession.stores import Change
from ringsession.session.mapping import session_state
from tests.tracing import Client


def test_attack_23_an_id_of_another_deployment_opens_nothing() -> None:
    one, other = Client(), Client()
    one.send(lambda request: request["session"].update(user="ann"))
    assert other.read(one.cookie) == {}
    other.send(lambda request: request["session"].update(a=1), one.cookie)
    assert other.cookie != one.cookie


@pytest.mark.parametrize("call", ["load", "patch"])
def test_attack_32_a_store_that_times_out_is_a_503(call: str) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))

    def hang(*arguments: Any) -> Any:
        raise TimeoutError("no answer within 2 s")

    setattr(client.store, call, hang)
    answer = client.send(lambda request: request["session"].update(a=2))
    assert (answer["status"], answer["headers"]["Retry-After"]) == (503, "5")


def test_no_repr_shows_a_session_or_its_id() -> None:
    client = Client()
    shown: list[str] = []

    def page(request: Any) -> None:
        session = request["session"]
        session["pin"] = "s3cret"
        shown.extend(
            map(repr, [request, session, session_state(session).loaded, client.store.store])
        )

    client.send(page)
    client.send(page)
    assert client.cookie is not None
    shown += map(
        repr,
        [
            Outcome(client.cookie, True),
            Opened(False, b"sid", *range(7), b"s3cret"),
            Change("", "s3cret"),
        ],
    )
    assert len(shown) == 11
    assert not [text for text in shown if "s3cret" in text or client.cookie in text]


class Broken:
    """An input whose client leaves after some bytes."""

    def read(self, size: int = -1) -> bytes:
        raise ClientDisconnected


def posting(request: Any) -> Any:
    request["session"]["half"] = True
    return content_type(response(str(request["params"])), "text/plain")


def test_attack_77_a_client_that_leaves_in_its_body_commits_nothing() -> None:
    store = memory_store()
    app = wrap_defaults(to_wsgi(posting), assoc_in(site_defaults, ["session", "store"], store))
    ours = {"Sec-Fetch-Site": "same-origin"}
    environ = EnvironBuilder(method="POST", data={"a": "1"}, headers=ours).get_environ()
    environ["wsgi.input"] = Broken()
    _, status, headers = run_wsgi_app(app, environ)
    assert (status, "Set-Cookie" in headers, len(store)) == ("400 Bad Request", False, 0)


def test_attack_77_a_client_that_leaves_in_the_answer_releases_the_body() -> None:
    released: list[bool] = []

    def streaming(request: Any) -> Any:
        def body() -> Any:
            try:
                yield from ("a", "b")
            finally:
                released.append(True)

        return content_type(response(body()), "text/plain")

    body, _, _ = run_wsgi_app(wrap_defaults(to_wsgi(streaming)), EnvironBuilder().get_environ())
    assert next(iter(body)) == b"a"
    body.close()  # type: ignore[attr-defined]
    assert released == [True]


def test_attack_78_a_handler_that_raises_commits_nothing() -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    client.store.taken()

    def page(request: Any) -> Any:
        request["session"].update(a=2, b=3)
        request["session"].destroy()
        request["session"]["c"] = 4
        raise LookupError

    with pytest.raises(LookupError):
        client.send(page)
    assert client.store.taken() == ["load"]
    assert client.read() == {"a": 1}


NASTY = ["a\r\nSet-Cookie: x=1", "\x1b[31mred", "%0d%0aevil: 1", "{} %s %(x)s", "\u2028line"]


@pytest.mark.parametrize("value", NASTY, ids=repr)
def test_attack_84_nothing_a_client_sends_stands_in_a_log(value: str, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client()
    client.page = lambda request: request["session"].update(a=1)
    for header in (f"ring-session={value}", f"ring-session={value}; ring-session={'A' * 43}"):
        client.handler({"uri": f"/{value}", "headers": {"cookie": header, "user-agent": value}})
    client.send(lambda request: {"session": None}, "B" * 43)
    for record in caplog.records:
        assert value not in record.getMessage() and "\n" not in record.getMessage()
