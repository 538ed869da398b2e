"""Flask-Login on our sessions: remember-me, fresh logins, session protection, and what a logout
ends.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, get_flashed_messages, request, session

from ringsession import memory_store
from ringsession.flask import recreate
from tests.flask.apps import make_app, set_cookies
from tests.machine import import_part
from tests.tracing import UNAVAILABLE, TracedStore

flask_login = import_part("flask_login")

# Flask-Login 0.6.3 asks for the time, when it sets its own cookie, in a way of which Python 3.12
# warns.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

NOBODY = {"user": None, "fresh": False}
ANN = {"user": "ann", "fresh": True}
STALE = {"user": "ann", "fresh": False}


class User(flask_login.UserMixin):  # type: ignore[misc,name-defined]
    """A user whose name is all there is."""

    def __init__(self, name: str) -> None:
        self.id = name


def site(store: Any, **values: Any) -> Flask:
    """A site with Flask-Login whose login moves the session; "/login/ann?remember=1" sets its own
    cookie too.
    """
    app = make_app(store, **values)
    manager = flask_login.LoginManager(app)
    manager.user_loader(User)
    manager.login_view = manager.refresh_view = "messages"

    @app.get("/login/<name>")
    def login(name: str) -> str:
        flask_login.login_user(User(name), remember="remember" in request.args)
        recreate()
        return ""

    @app.get("/confirm")
    def confirm() -> str:
        flask_login.confirm_login()
        return ""

    @app.get("/logout")
    def logout() -> str:
        flask_login.logout_user()
        return ""

    @app.get("/end")
    def end() -> str:
        session.clear()
        flask_login.logout_user()
        return ""

    @app.get("/who")
    def who() -> Any:
        name = getattr(flask_login.current_user, "id", None)
        return {"user": name, "fresh": flask_login.login_fresh()}

    @app.get("/cart/<item>")
    def cart(item: str) -> Any:
        session.setdefault("cart", []).append(item)
        return session["cart"]

    @app.get("/session")
    def contents() -> str:
        return repr(dict(session))

    @app.get("/messages")
    def messages() -> Any:
        return get_flashed_messages()

    app.add_url_rule("/private", "private", flask_login.login_required(lambda: "private"))
    app.add_url_rule("/delicate", "delicate", flask_login.fresh_login_required(lambda: "delicate"))
    return app


def also(client: Any) -> Any:
    """Another client with the session's cookie, and no other."""
    other = client.application.test_client()
    other.set_cookie("session", client.get_cookie("session").value)
    return other


def cookie_names(answer: Any) -> list[str]:
    return sorted(cookie.partition("=")[0] for cookie in set_cookies(answer))


def test_a_user_is_signed_in_until_the_logout(store: Any) -> None:
    client = site(store).test_client()
    seen = [client.get("/who").json]
    for path in ("/login/ann", "/logout"):
        client.get(path)
        seen.append(client.get("/who").json)
    assert seen == [NOBODY, ANN, NOBODY]


def test_who_is_not_signed_in_is_sent_to_the_login_with_a_message(store: Any) -> None:
    client = site(store).test_client()
    answer = client.get("/private")
    assert (answer.status_code, answer.location) == (302, "/messages?next=%2Fprivate")
    assert client.get("/messages").json == ["Please log in to access this page."]
    client.get("/login/ann")
    assert client.get("/private").text == "private"


def test_next_may_wait_in_the_session(store: Any) -> None:
    client = site(store, USE_SESSION_FOR_NEXT=True).test_client()
    assert client.get("/private").location == "/messages"
    with client.session_transaction() as found:
        assert found["next"] == "/private"


def test_after_the_login_the_old_session_id_is_dead(shared_store: Any) -> None:
    client = site(shared_store).test_client()
    client.get("/cart/book")
    attacker = also(client)
    client.get("/login/ann")
    assert client.get("/who").json == ANN
    assert client.get("/cart/lamp").json == ["book", "lamp"]
    assert (attacker.get("/session").text, attacker.get("/who").json) == ("{}", NOBODY)


def test_remember_me_signs_in_again_when_the_browser_forgot_the_session(store: Any) -> None:
    client = site(store).test_client()
    assert cookie_names(client.get("/login/ann?remember=1")) == ["remember_token", "session"]
    assert client.get("/who").json == ANN
    client.delete_cookie("session")
    assert client.get("/who").json == STALE
    assert client.get("/private").text == "private"


def test_remember_me_signs_in_again_when_the_session_ended_elsewhere(shared_store: Any) -> None:
    client = site(shared_store).test_client()
    client.get("/login/ann?remember=1")
    old = also(client)
    old.get("/end")
    assert [client.get("/who").json, client.get("/who").json] == [STALE, STALE]
    assert old.get("/who").json == NOBODY


def test_without_remember_me_the_end_of_the_session_is_the_end_of_the_login(store: Any) -> None:
    client = site(store).test_client()
    client.get("/login/ann")
    client.delete_cookie("session")
    assert client.get("/who").json == NOBODY


def test_a_remembered_login_is_not_fresh_until_it_is_confirmed(store: Any) -> None:
    client = site(store).test_client()
    client.get("/login/ann?remember=1")
    client.delete_cookie("session")
    assert client.get("/delicate").location == "/messages?next=%2Fdelicate"
    client.get("/confirm")
    assert (client.get("/delicate").text, client.get("/who").json) == ("delicate", ANN)


@pytest.mark.parametrize("path", ["/logout", "/end"])
def test_a_logout_forgets_the_remembered_login_too(store: Any, path: str) -> None:
    client = site(store).test_client()
    client.get("/login/ann?remember=1")
    client.get(path)
    assert client.get_cookie("remember_token") is None
    assert client.get("/who").json == NOBODY


def test_a_logout_keeps_the_rest_and_a_clear_ends_the_session(store: Any) -> None:
    client = site(store).test_client()
    client.get("/cart/book")
    client.get("/login/ann?remember=1")
    client.get("/logout")
    assert client.get("/session").text == "{'cart': ['book']}"
    client.get("/login/ann?remember=1")
    assert cookie_names(client.get("/end")) == ["remember_token", "session"]
    assert client.get_cookie("session") is None


def test_a_cookie_that_was_copied_is_nobodys_after_the_clear(shared_store: Any) -> None:
    client = site(shared_store).test_client()
    client.get("/login/ann")
    copied = also(client)
    assert copied.get("/who").json == ANN
    client.get("/end")
    assert (copied.get("/session").text, copied.get("/who").json) == ("{}", NOBODY)


@pytest.mark.parametrize("path", ["/logout", "/end"])
def test_a_slow_request_signs_nobody_in_again_after_the_logout(
    shared_store: Any, path: str
) -> None:
    app = site(shared_store)
    client = app.test_client()

    @app.get("/slow")
    def slow() -> str:
        session["seen"] = flask_login.current_user.id
        also(client).get(path)
        return ""

    client.get("/login/ann")
    client.get("/slow")
    assert client.get("/who").json == NOBODY


def test_strong_protection_ends_the_login_where_the_user_agent_changed(store: Any) -> None:
    client = site(store, SESSION_PROTECTION="strong").test_client()
    client.get("/login/ann?remember=1", headers={"User-Agent": "her own"})
    assert client.get("/who", headers={"User-Agent": "her own"}).json == ANN
    assert client.get("/who", headers={"User-Agent": "a thief's"}).json == NOBODY
    assert client.get_cookie("remember_token") is None
    assert client.get("/who", headers={"User-Agent": "her own"}).json == NOBODY
    assert client.get("/session").text == "{}"


def test_strong_protection_ends_it_for_the_one_it_was_stolen_from_too(shared_store: Any) -> None:
    client = site(shared_store, SESSION_PROTECTION="strong").test_client()
    client.get("/login/ann", headers={"User-Agent": "her own"})
    thief = also(client)
    assert thief.get("/who", headers={"User-Agent": "a thief's"}).json == NOBODY
    assert client.get("/who", headers={"User-Agent": "her own"}).json == NOBODY


def test_basic_protection_makes_the_login_stale_where_the_user_agent_changed(store: Any) -> None:
    client = site(store).test_client()
    client.get("/login/ann", headers={"User-Agent": "her own"})
    assert client.get("/who", headers={"User-Agent": "another"}).json == STALE


def test_its_test_client_signs_in_by_session_transaction(store: Any) -> None:
    app = site(store)
    app.test_client_class = flask_login.FlaskLoginClient
    assert app.test_client(user=User("ann")).get("/who").json == STALE  # it knows no user agent yet
    assert app.test_client().get("/who").json == NOBODY


def test_it_costs_a_stranger_no_call_and_a_user_one() -> None:
    store = TracedStore(memory_store())
    client = site(store).test_client()
    found = {}
    for path in ("/who", "/private", "/login/ann", "/messages", "/who", "/delicate", "/end"):
        client.get(path)
        found.setdefault(path, []).append(store.taken())
    assert found == {
        "/who": [[], ["load"]],
        "/private": [["create"]],  # its message
        "/login/ann": [["load", "create", "claim"]],
        "/messages": [["load", "patch"]],
        "/delicate": [["load"]],
        "/end": [["load", "destroy"]],
    }


def test_a_store_that_fails_signs_nobody_out() -> None:
    store = TracedStore(memory_store())
    app = site(store, PROPAGATE_EXCEPTIONS=False)
    app.register_error_handler(Exception, lambda error: ("anonymous", 200))
    client = app.test_client()
    client.get("/login/ann?remember=1")
    for path, call in (("/who", "load"), ("/cart/book", "patch"), ("/logout", "patch")):
        store.failing = {call}
        answer = client.get(path)
        assert (answer.status_code, answer.text, set_cookies(answer)) == (
            503,
            UNAVAILABLE,
            [],
        )
    store.failing = set()
    assert client.get("/who").json == ANN
