"""Flask's messages and the layers' are the same ones: each is an entry of its own, and either side
reads both.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, flash, get_flashed_messages, request, session

from ringsession.codec import decode, encode
from ringsession.flask.messages import flash_pair, flash_value
from tests.flask.apps import make_app

PAIRS = [
    # of Flask: category and message; of the layers: request["flash"]
    (("message", "saved"), "saved"),
    (("error", "not saved"), ("error", "not saved")),
    (("message", ("a", "b")), ("message", ("a", "b"))),
    (("message", {"n": 1}), {"n": 1}),
    ((None, "saved"), (None, "saved")),
    (("message", ["a", "b"]), ["a", "b"]),
]


@pytest.mark.parametrize(("pair", "value"), PAIRS)
def test_a_pair_of_flask_is_a_value_of_the_layers_and_the_reverse(pair: Any, value: Any) -> None:
    assert (flash_value(*pair), flash_pair(value)) == (value, pair)
    assert decode(encode({"m": value})) == {"m": value}


def app_with_messages(store: Any) -> Flask:
    app = make_app(store)

    @app.get("/flask/<message>")
    def by_flask(message: str) -> str:
        flash(message, request.args.get("category", "message"))
        return ""

    @app.get("/ring/<message>")
    def by_ring(message: str) -> str:
        request.environ["ringsession.response"]["flash"] = message
        return ""

    @app.get("/read-flask")
    def read_flask() -> Any:
        return get_flashed_messages(with_categories=True)

    @app.get("/read-ring")
    def read_ring() -> Any:
        return [request.environ["ringsession.request"]["flash"]]

    @app.get("/session")
    def read_session() -> Any:
        session["n"] = session.get("n", 0) + 1
        return [session["n"]]

    return app


def test_the_layers_message_is_flasks_with_the_category_message(store: Any) -> None:
    client = app_with_messages(store).test_client()
    client.get("/ring/saved")
    assert client.get("/read-flask").json == [["message", "saved"]]
    assert client.get("/read-flask").json == []


def test_flasks_message_is_the_layers_flash_with_its_category_if_it_has_one(store: Any) -> None:
    client = app_with_messages(store).test_client()
    client.get("/flask/saved")
    client.get("/flask/lost?category=error")
    assert [client.get("/read-ring").json for _ in range(3)] == [
        ["saved"],
        [["error", "lost"]],
        [None],
    ]


def test_a_request_that_reads_the_session_takes_no_message(store: Any) -> None:
    client = app_with_messages(store).test_client()
    client.get("/flask/saved")
    assert [client.get("/session").json, client.get("/session").json] == [[1], [2]]
    assert client.get("/read-ring").json == ["saved"]


def test_a_message_of_either_kind_replaces_none(store: Any) -> None:
    client = app_with_messages(store).test_client()
    for path in ("/flask/a", "/ring/b", "/ring/c", "/flask/d?category=x"):
        client.get(path)
    assert client.get("/read-flask").json == [
        ["message", "a"], ["message", "b"], ["message", "c"], ["x", "d"],
    ]  # fmt: skip


def test_messages_that_requests_at_the_same_time_set_all_survive(shared_store: Any) -> None:
    app = app_with_messages(shared_store)
    client, other = app.test_client(), app.test_client()

    @app.get("/slow")
    def slow() -> str:
        list(session)  # loaded before the other request comes
        other.get("/flask/inner")
        flash("outer")
        return ""

    client.get("/session")
    cookie = client.get_cookie("session")
    assert cookie is not None
    other.set_cookie("session", cookie.value)
    client.get("/slow")
    assert client.get("/read-flask").json == [["message", "inner"], ["message", "outer"]]


def test_reading_takes_only_the_messages_that_were_there(shared_store: Any) -> None:
    app = app_with_messages(shared_store)
    client, other = app.test_client(), app.test_client()

    @app.get("/slow")
    def slow() -> Any:
        found = get_flashed_messages()
        other.get("/flask/later")
        return found

    client.get("/flask/first")
    cookie = client.get_cookie("session")
    assert cookie is not None
    other.set_cookie("session", cookie.value)
    assert [client.get("/slow").json, client.get("/slow").json] == [["first"], ["later"]]


def test_a_list_set_by_hand_is_the_waiting_messages(store: Any) -> None:
    app = make_app(store)
    client = app.test_client()
    with client.session_transaction() as found:
        found["_flashes"] = [("message", "a"), ["error", "b"]]
    with client.session_transaction() as found:
        assert (found["_flashes"], list(found)) == (
            [("message", "a"), ("error", "b")],
            ["_flashes"],
        )
        found["_flashes"] = [("error", "b")]
    with client.session_transaction() as found:
        assert dict(found) == {"_flashes": [("error", "b")]}
        del found["_flashes"]
    with client.session_transaction() as found:
        assert "_flashes" not in found and not found
        with pytest.raises(KeyError):
            del found["_flashes"]
