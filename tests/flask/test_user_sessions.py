"""The sessions of a user in Flask: under Flask-Login by itself, remembered, confirmed, ended."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask, session

from ringsession import cookie_store, memory_store
from ringsession.config import ConfigError
from ringsession.explain import explain
from ringsession.flask import RingSession, confirm, recreate, user_sessions
from tests.machine import import_part

flask_login = import_part("flask_login")
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

SECRET = "a secret for tests, of 40 characters...."


class User(flask_login.UserMixin):  # type: ignore[misc,name-defined]
    def __init__(self, name: str) -> None:
        self.id = name


def views(app: Flask) -> Flask:
    @app.get("/login/<name>")
    def login(name: str) -> str:
        flask_login.login_user(User(name))
        return ""

    @app.get("/remember/<name>")
    def remember(name: str) -> str:
        flask_login.login_user(User(name))
        recreate(remember=True)
        return ""

    @app.get("/logout")
    def logout() -> str:
        flask_login.logout_user()
        return ""

    @app.get("/confirm")
    def confirm_user() -> str:
        flask_login.confirm_login()
        confirm()
        return ""

    @app.get("/password")
    def change_password() -> str:
        users = user_sessions()
        ended = users.end_all(flask_login.current_user.get_id(), but=session)
        recreate()
        return str(ended)

    @app.get("/")
    def who() -> str:
        user = flask_login.current_user
        return str(user.get_id() if user.is_authenticated else "nobody")

    @app.get("/facts")
    def facts() -> dict[str, Any]:
        ours: Any = session
        return {"handle": ours.handle, "began": ours.began, "confirmed": ours.confirmed}

    return app


def site(config: Any = None, *, first: str = "login") -> Flask:
    """A site with Flask-Login, whose manager is made before or after the sessions."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    given = {"session": {"store": memory_store()}} if config is None else config
    if first == "sessions":
        RingSession(app, given)
    flask_login.LoginManager(app).user_loader(User)
    if first == "login":
        RingSession(app, given)
    return views(app)


def cookie(response: Any) -> str | None:
    found: str | None = response.headers.get("Set-Cookie")
    return found


@pytest.mark.parametrize("first", ["login", "sessions"])
def test_flask_logins_users_are_found_by_themselves(first: str) -> None:
    app = site(first=first)
    phone, laptop = app.test_client(), app.test_client()
    for client in (phone, laptop):
        client.get("/login/ann")
    with app.app_context():
        assert len(user_sessions().list("ann")) == 2
    assert laptop.get("/password").text == "1"
    assert (phone.get("/").text, laptop.get("/").text) == ("nobody", "ann")


@pytest.mark.parametrize("first", ["login", "sessions"])
def test_explain_says_so(first: str) -> None:
    app = site(first=first)
    config = app.extensions["ringsession.site"].config
    assert "user_key='_user_id'" in explain(config)


def test_a_login_and_a_logout_get_new_ids_without_being_asked_for() -> None:
    client = site().test_client()
    lines = [cookie(client.get(path)) or "" for path in ("/login/ann", "/logout", "/login/ben")]
    assert len({id for line in lines for id in re.findall("^session=([^;]+)", line)}) == 3


def test_a_device_that_was_ended_signs_in_again_at_once() -> None:
    app = site()
    client = app.test_client()
    client.get("/login/ann")
    with app.app_context():
        user_sessions().end_all("ann")
    assert client.get("/").text == "nobody"
    client.get("/login/ann")
    assert client.get("/").text == "ann"


def test_a_remembered_login_has_a_cookie_that_follows_its_deadline() -> None:
    client = site().test_client()
    line = cookie(client.get("/remember/ann"))
    assert line is not None and "Max-Age=2592000" in line
    again = cookie(client.get("/password"))
    assert again is not None and "Max-Age=2592000" in again
    assert "Max-Age" not in (cookie(client.get("/login/ben")) or ""), "another user's login"


def test_a_remembered_login_in_a_sealed_cookie() -> None:
    client = site({}).test_client()
    line = cookie(client.get("/remember/ann"))
    assert line is not None and "Max-Age=2592000" in line
    assert client.get("/").text == "ann"


def test_without_refreshing_a_remembered_cookie_still_follows_its_deadline() -> None:
    now = [1_000_000.0]
    app = Flask(__name__)
    app.config.update(SECRET_KEY=SECRET, SESSION_REFRESH_EACH_REQUEST=False)
    RingSession(app, {"session": {"store": cookie_store(SECRET, clock=lambda: now[0])}})

    @app.get("/remember")
    def remember() -> str:
        recreate(remember=True)
        session["user"] = "ann"
        return ""

    @app.get("/")
    def who() -> str:
        return str(session.get("user"))

    client = app.test_client()
    client.get("/remember")
    now[0] += 20 * 86_400  # of the 30 days without a request
    line = cookie(client.get("/"))
    assert line is not None and "Max-Age=2592000" in line
    now[0] += 20 * 86_400
    assert client.get("/").text == "ann"


def test_a_confirmed_login_keeps_its_handle_and_its_beginning() -> None:
    client = site().test_client()
    client.get("/login/ann")
    before = client.get("/facts").get_json()
    assert before["confirmed"] is None
    first = client.get_cookie("session")
    client.get("/confirm")
    after = client.get("/facts").get_json()
    assert first != client.get_cookie("session")
    assert (after["handle"], after["began"]) == (before["handle"], before["began"])
    confirmed = datetime.strptime(after["confirmed"], "%a, %d %b %Y %H:%M:%S GMT")
    age = datetime.now(timezone.utc) - confirmed.replace(tzinfo=timezone.utc)
    assert timedelta(0) <= age < timedelta(seconds=20)


def test_a_sealed_cookie_has_no_users() -> None:
    app = site({})
    with app.app_context(), pytest.raises(TypeError, match="expected a server-side store that"):
        user_sessions()


def test_a_user_key_beside_a_sealed_cookie_is_refused() -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    expected = r'\["user_key"\]: expected a server-side store that finds users, got <cookie_store'
    with pytest.raises(ConfigError, match=expected):
        RingSession(app, {"session": {"user_key": "user"}})


def test_without_a_user_key_and_without_flask_login_there_are_no_users() -> None:
    app = Flask(__name__)
    RingSession(app, {"session": {"store": memory_store()}})
    with app.app_context(), pytest.raises(RuntimeError, match="user_sessions: this app has no"):
        user_sessions()
    with Flask(__name__).app_context(), pytest.raises(RuntimeError, match="no RingSession"):
        user_sessions()


def test_cookies_that_flask_signed_keep_users_off() -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    flask_login.LoginManager(app).user_loader(User)
    until = datetime.now(timezone.utc).date() + timedelta(days=30)
    RingSession(app, {"session": {"store": memory_store()}}, accept_flask_cookies_until=until)
    client = views(app).test_client()
    client.get("/login/ann")
    assert client.get("/").text == "ann"
    other = Flask(__name__)
    other.config["SECRET_KEY"] = SECRET
    config = {"session": {"store": memory_store(), "user_key": "user"}}
    with pytest.raises(ConfigError, match=r'\["user_key"\]: expected no user_key beside accept_'):
        RingSession(other, config, accept_flask_cookies_until=until)
