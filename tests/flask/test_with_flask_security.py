"""Flask-Security on our sessions: its login, its change of the password, and its reset by mail.

Its users are named in the session by a text (`fs_uniquifier`) that a new password changes.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

import pytest
from flask import Flask

from ringsession import memory_store
from ringsession.flask import RingSession, user_sessions
from tests.machine import import_part

if sys.version_info < (3, 11):
    pytest.skip("Flask-Security needs a newer Flask than is tested here", allow_module_level=True)
flask_security = import_part("flask_security")
pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:flask_security"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:flask_principal"),
]

OLD, NEW = "an old passphrase", "a new passphrase, and a longer one"


class User(flask_security.UserMixin):  # type: ignore[misc,name-defined]
    """A user of a site with one user."""

    fs_uniquifier = ""

    def __init__(self) -> None:
        self.id, self.email, self.active = 1, "ann@example.org", True
        self.roles: list[Any] = []
        self.fs_uniquifier = secrets.token_hex(16)
        self.password = flask_security.hash_password(OLD)


class Users(flask_security.UserDatastore):  # type: ignore[misc,name-defined]
    """Users in memory."""

    def __init__(self) -> None:
        super().__init__(User, flask_security.RoleMixin)
        self.user: Any = None

    def find_user(self, case_insensitive: bool = False, **fields: Any) -> Any:
        wanted = [getattr(self.user, name, None) == value for name, value in fields.items()]
        return self.user if self.user is not None and all(wanted) else None

    def find_role(self, role: str) -> None:
        return None

    def put(self, model: Any) -> Any:
        return model

    def delete(self, model: Any) -> None:
        self.user = None

    def commit(self) -> None:
        pass


@pytest.fixture
def site() -> tuple[Flask, Any]:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="a secret for tests, of 40 characters....",
        SECURITY_PASSWORD_SALT="salt",
        SECURITY_PASSWORD_HASH="plaintext",
        SECURITY_PASSWORD_SCHEMES=["plaintext"],
        SECURITY_CHANGEABLE=True,
        SECURITY_RECOVERABLE=True,
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_SEND_PASSWORD_RESET_NOTICE_EMAIL=False,
        WTF_CSRF_ENABLED=False,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
    )
    users = Users()
    flask_security.Security(app, users)
    RingSession(app, {"session": {"store": memory_store()}})

    @app.get("/who")
    def who() -> str:
        user = flask_security.current_user
        return user.email if user.is_authenticated else "nobody"

    with app.app_context():
        users.user = User()
    return app, users


def log_in(app: Flask, password: str = OLD) -> Any:
    client = app.test_client()
    client.post("/login", data={"email": "ann@example.org", "password": password})
    return client


def test_a_login_is_in_the_list_of_the_users_sessions(site: Any) -> None:
    app, users = site
    phone, laptop = log_in(app), log_in(app)
    assert (phone.get("/who").text, laptop.get("/who").text) == ("ann@example.org",) * 2
    with app.app_context():
        mine = user_sessions()
        assert len(mine.list(users.user.fs_uniquifier)) == 2
        assert mine.end_all(users.user.fs_uniquifier) == 2
    assert (phone.get("/who").text, laptop.get("/who").text) == ("nobody",) * 2
    assert log_in(app).get("/who").text == "ann@example.org"


def test_a_new_password_signs_out_everywhere_else(site: Any) -> None:
    app, users = site
    phone, laptop = log_in(app), log_in(app)
    before, key = users.user.fs_uniquifier, laptop.get_cookie("session").value
    form = {"password": OLD, "new_password": NEW, "new_password_confirm": NEW}
    assert laptop.post("/change", data=form).status_code == 302
    assert users.user.fs_uniquifier != before
    assert (phone.get("/who").text, laptop.get("/who").text) == ("nobody", "ann@example.org")
    assert laptop.get_cookie("session").value != key
    with app.app_context():
        assert len(user_sessions().list(users.user.fs_uniquifier)) == 1
        assert user_sessions().end_all(before) == 1, "the phone's, which opens nothing any more"


def test_a_password_that_was_reset_by_mail_ends_the_sessions_of_before(site: Any) -> None:
    app, users = site
    phone = log_in(app)
    before = users.user.fs_uniquifier
    with app.test_request_context():
        token = flask_security.recoverable.generate_reset_password_token(users.user)
    form = {"password": NEW, "password_confirm": NEW}
    assert app.test_client().post(f"/reset/{token}", data=form).status_code == 302
    with app.app_context():
        user_sessions().end_all(before)
    assert phone.get("/who").text == "nobody"
    assert log_in(app).get("/who").text == "nobody"
    assert log_in(app, NEW).get("/who").text == "ann@example.org"
