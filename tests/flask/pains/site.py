"""The site on which the pains are tried, its browsers, and what each extension must offer for that.

Owns `Subject`, `Pain` and the pages. The programs are in the other files, by group; knows no
extension.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask, flash, get_flashed_messages, jsonify, session

SECRET = "a secret of at least 16 bytes"
Browser = Any  # a client of Flask


class NoStore(Exception):
    """The pain does not arise here: nothing is kept on a server."""


class Subject:
    """An extension, or Flask alone, on which the programs run; redis: where it keeps sessions, if
    on a server.
    """

    package = "flask"

    def __init__(self, redis: Any = None) -> None:
        self.redis = redis

    def app(self, **values: Any) -> Flask:
        """An app with sessions; values: of app.config."""
        app = Flask(__name__)
        app.config.update({"SECRET_KEY": SECRET, **values})
        return app

    def local_app(self, folder: Any) -> Flask:
        """One that needs no server, as for development."""
        return self.app()

    def limited_app(self, seconds: float) -> Flask:
        """One whose sessions end so many seconds after the login, whatever comes."""
        return self.app()

    def app_on(self, client: Any) -> Flask:
        """One that keeps sessions by this client of a Redis server."""
        raise NoStore

    def sql_app(self, engine: Any, **values: Any) -> tuple[Flask, Any]:
        """One that keeps sessions in the application's own database, and the view's session of
        SQLAlchemy.
        """
        raise NoStore

    def renew(self) -> None:
        """What a login does to the id."""

    def save_now(self, key: str, value: Any) -> None:
        """Save before the request ends, as what stays open for long must."""
        session[key] = value

    def records(self) -> list[bytes]:
        """The name and the contents of everything that is stored."""
        if self.redis is None:
            return []
        found: list[bytes] = []
        for name in self.redis.keys():
            found += [name, self.redis.get(name)]
        return found

    def spoil(self, browser: Browser, octets: bytes) -> None:
        """Put octets where the session was."""
        if self.redis is None:
            browser.set_cookie("session", base64.urlsafe_b64encode(octets[:2000]).decode())
            return
        for name in self.redis.keys():
            value = self.redis.get(name)
            head, newline, _ = value.partition(b"\n")  # of ours; the record stands behind it
            start = head + newline if value.startswith(b"L ") else b""
            self.redis.set(name, start + octets)


class Pain(NamedTuple):
    """What users of sessions complain of, turned round; number of `docs/how-to/flask.md`."""

    claim: str
    program: Callable[..., Any]
    holds: Any  # what the program gives where it holds


def add_pages(app: Flask, subject: Subject) -> Flask:
    """The pages of the site."""

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    @app.get("/read")
    def read() -> Any:
        return jsonify({key: session[key] for key in session if not key.startswith("_")})

    @app.get("/look")
    def look() -> str:
        return f"{session.get('user')} {get_flashed_messages()} {'x' in session}"

    @app.get("/set/<key>/<value>")
    def set_it(key: str, value: str) -> str:
        session[key] = value
        return ""

    @app.get("/stay")
    def stay() -> str:
        session.permanent = True
        session["user"] = "ann"
        return ""

    @app.get("/login/<user>")
    def login(user: str) -> str:
        subject.renew()
        session["user"] = user
        return ""

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        return ""

    @app.get("/flash/<message>")
    def say(message: str) -> str:
        flash(message)
        return ""

    @app.get("/messages")
    def messages() -> Any:
        return sorted(get_flashed_messages())

    return app


def site(subject: Subject, **values: Any) -> Flask:
    """The site with values of app.config."""
    return add_pages(subject.app(**values), subject)


def also(browser: Browser) -> Browser:
    """Another browser with the same cookie."""
    other = browser.application.test_client()
    if (cookie := browser.get_cookie("session")) is not None:
        other.set_cookie("session", cookie.value)
    return other


def overlap(browser: Browser, quick: str, late: Callable[[], object]) -> Callable[[], Any]:
    """Add a page that reads the session, while `quick` is asked for and answered, and then does
    `late`; to be called once.
    """

    @browser.application.get("/slow")
    def slow() -> str:
        session.get("user")
        other = also(browser)
        other.get(quick)
        cookie = other.get_cookie("session")
        if cookie is None:
            browser.delete_cookie("session")
        else:
            browser.set_cookie("session", cookie.value)
        late()
        return ""

    return lambda: browser.get("/slow")


def set_cookies(answer: Any) -> list[str]:
    cookies: list[str] = answer.headers.getlist("Set-Cookie")
    return cookies
