"""What a view does at a login, and with the sessions of a user."""

from __future__ import annotations

from typing import Any

from flask import current_app, session

from ..users import UserSessions
from ..users import user_sessions as sessions_in

NAME, SITE = "ringsession", "ringsession.site"  # in `app.extensions`


def recreate(*, remember: bool | None = None) -> None:
    """Move `flask.session` to a new id when the response starts. Call this when a user logs in.

    The session keeps its values, and both timeouts start again. The old id becomes useless, so that
    nobody who knows it is logged in too.

    remember: None; True gives the session the times of `["session"]["remember"]` and a cookie that
        outlives the browser, False the usual ones. None leaves this as it is.
    Raises RuntimeError outside a request, and in an app without `RingSession`. ValueError for
    `remember=True` where the config has no such times.

    >>> from flask import Flask
    >>> from ringsession.flask import RingSession
    >>> app = Flask(__name__)
    >>> app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
    >>> _ = RingSession(app)
    >>> with app.test_request_context():
    ...     recreate(remember=True)
    """
    _find_session("recreate").recreate(remember=remember)


def confirm() -> None:
    """Note that the user has just confirmed who they are, by a password or another proof.

    `flask.session.confirmed` is then the time of this response, and the session gets a new id.
    Raises RuntimeError outside a request, and in an app without `RingSession`.
    """
    _find_session("confirm").confirm()


def user_sessions() -> UserSessions:
    """Return what lists and ends the sessions of the current app's users.

    The config needs `["session"]["user_key"]`; where Flask-Login is in use it is "_user_id" by
    itself.
    Raises RuntimeError outside an app context, and in an app without `RingSession` or a user_key.
    TypeError for a store that cannot find users.

    >>> from flask import Flask
    >>> from ringsession.flask import RingSession
    >>> app = Flask(__name__)
    >>> _ = RingSession(app, {"session": {"store": "memory:", "user_key": "user"}})
    >>> with app.app_context():
    ...     user_sessions().list("ann")
    []
    """
    _check("user_sessions")
    site: Any = current_app.extensions[SITE]
    options = site.config["session"]
    users = sessions_in(options["store"], cookie_name=site.cookie_name)
    if options.get("user_key") is None:
        raise RuntimeError(
            'user_sessions: this app has no ["session"]["user_key"]. Set it to the session key that'
            ' names the user, such as "user"'
        )
    return users


def _find_session(caller: str) -> Any:
    _check(caller)
    return session


def _check(caller: str) -> None:
    if NAME not in current_app.extensions:
        raise RuntimeError(f"{caller}: this app has no RingSession. Call RingSession(app) first")
