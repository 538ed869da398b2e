"""What a user finds on a session: the mapping and a few documented names, and nothing else."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from ringsession import StoreUnavailable, memory_store, wrap_session
from ringsession.session.mapping import Session, session_state
from tests.tracing import Client, TracedStore

NAMES = {"copy", "key", "expires_in", "recreate", "destroy", "swap"}
LOGIN = {"handle", "began", "confirmed", "confirm"}


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")} - set(dir(MutableMapping))


def test_a_session_shows_the_mapping_and_ten_names() -> None:
    assert public(Session) == NAMES | LOGIN


def test_flasks_session_shows_the_mapping_flasks_own_names_and_ours() -> None:
    flask = pytest.importorskip("flask.sessions")
    from ringsession.flask import FlaskSession

    flasks = {"new", "modified", "accessed", "permanent"}
    assert public(FlaskSession) - set(dir(flask.SessionMixin)) == {
        *("copy", "recreate", "swap"),
        *LOGIN,
    }
    assert flasks <= public(FlaskSession)


def test_an_attribute_of_another_name_cannot_be_set() -> None:
    found: list[Any] = []

    def page(request: Any) -> None:
        with pytest.raises(AttributeError):
            request["session"].committed = True
        found.append(request["session"])

    Client().send(page)
    assert session_state(found[0]) is not None


def test_after_the_store_failed_destroy_does_not_hide_it() -> None:
    store = TracedStore(memory_store())
    client = Client(store)
    client.send(lambda request: request["session"].update(a=1))
    store.failing = {"load"}

    def page(request: Any) -> None:
        session = request["session"]
        with pytest.raises(StoreUnavailable):
            session.get("a")
        session.destroy()
        with pytest.raises(StoreUnavailable):
            session.get("a")

    assert client.send(page)["status"] == 503


def test_the_names_are_no_keys_of_a_template() -> None:
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        session = request["session"]
        seen.append([getattr(session, name, None) for name in ("value", "ring", "streaming")])
        return {"status": 200, "headers": {}, "body": None}

    wrap_session(handler)({"request_method": "get", "uri": "/", "headers": {}})
    assert seen == [[None, None, None]]
