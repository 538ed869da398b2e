"""Where our interface differs from Flask's own: each difference, what either does, and that the
guide names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask, Response, flash, get_flashed_messages, session, stream_with_context

from werkzeug.local import LocalProxy

from ringsession import ConfigError, cookie_store
from tests.flask.apps import SECRET, make_app, set_cookies

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "flask.md").read_text("utf-8")


def after(app: Flask, change: Callable[[], object], look: Callable[[], Any]) -> Any:
    """What `look` finds in the request after one that did `change` to `{"x": 1, "cart": []}`."""
    client = app.test_client()

    @app.get("/change")
    def changing() -> str:
        change()
        return ""

    with client.session_transaction() as before:
        before.update(x=1, cart=[])
    client.get("/change")
    with client:
        client.get("/none")
        return look()


def set_by(app: Flask, change: Callable[[], object]) -> Response:
    @app.get("/change")
    def changing() -> str:
        change()
        return ""

    return app.test_client().get("/change")  # type: ignore[return-value]


def nested(app: Flask) -> Any:
    return after(app, lambda: session["cart"].append("a"), lambda: session["cart"])


def unsaved(app: Flask) -> Any:
    def change() -> None:
        session["x"] = 2
        session.modified = False

    return after(app, change, lambda: session["x"])


def exact(app: Flask) -> Any:
    def change() -> None:
        session["x"] = [datetime(2026, 1, 2, 3, 4, 5, 6), {1: 2}]

    return after(app, change, lambda: str(session["x"]))


def emptied(app: Flask) -> Any:
    client = app.test_client()

    @app.get("/pop")
    def pop() -> str:
        session.pop("x")
        return ""

    with client.session_transaction() as before:
        before["x"] = 1
    client.get("/pop")
    return client.get_cookie("session") is not None


def is_new(app: Flask) -> Any:
    with app.test_request_context():
        return session.new


def is_a_dict(app: Flask) -> Any:
    with app.test_request_context():
        return isinstance(session._get_current_object(), dict)  # type: ignore[attr-defined]


def start(app: Flask, permanent: bool) -> Any:
    def change() -> None:
        session["x"] = 1
        session.permanent = permanent

    return set_by(app, change)


def attributes(app: Flask) -> Any:
    (cookie,) = set_cookies(start(app, False))
    return cookie.split("; ", 1)[1]


def lifetime(app: Flask) -> Any:
    (cookie,) = set_cookies(start(app, True))
    return re.findall("Expires|Max-Age=2678400", cookie)


def cached(app: Flask) -> Any:
    return start(app, False).headers.get("Cache-Control")


def refreshed(app: Flask) -> Any:
    app.add_url_rule("/plain", "plain", lambda: "")
    client = app.test_client()
    with client.session_transaction() as before:
        before.permanent = True
    return len(set_cookies(client.get("/plain")))


def streamed(app: Flask) -> Any:
    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            try:
                session["x"] = 1
                yield "lost"
            except RuntimeError as error:
                yield str(error).split(":")[0]

        return Response(stream_with_context(parts()))

    return app.test_client().get("/stream").text


def varied(app: Flask) -> Any:
    app.add_url_rule("/parts", "parts", lambda: Response(part for part in "ab"))
    return app.test_client().get("/parts").headers.get("Vary")


def shown_late(app: Flask) -> Any:
    @app.get("/flash")
    def flash_it() -> str:
        flash("saved")
        return ""

    @app.get("/late")
    def late() -> Response:
        return Response(stream_with_context(str(look()) for look in [get_flashed_messages]))

    client = app.test_client()
    client.get("/flash")
    return [client.get("/late").text for _ in range(2)]


def kept(app: Flask) -> Any:
    app.add_url_rule("/plain", "plain", lambda: "")
    with app.test_client() as client:
        client.get("/plain")
        try:
            session["x"] = 1
        except RuntimeError as error:
            return str(error).split(":")[0]
        client.get("/plain")
        return session.get("x", "lost")


def torn_down(app: Flask) -> Any:
    @app.teardown_request
    def teardown(error: object) -> None:
        session["n"] = 1

    @app.get("/n")
    def look() -> str:
        return str(session.get("n"))

    client = app.test_client()
    client.get("/n")
    return client.get("/n").text


def replayed(app: Flask) -> Any:
    @app.get("/in")
    def sign_in() -> str:
        session["user"] = "ann"
        return ""

    @app.get("/out")
    def sign_out() -> str:
        session.clear()
        return ""

    @app.get("/who")
    def who() -> str:
        return str(session.get("user"))

    client = app.test_client()
    client.get("/in")
    cookie = client.get_cookie("session")
    assert cookie is not None
    client.get("/out")
    client.set_cookie("session", cookie.value)
    return client.get("/who").text


def int_key(app: Flask) -> Any:
    with app.test_request_context():
        try:
            session[1] = 2  # type: ignore[index]
        except TypeError as error:
            return str(error)
        return "kept"


def lazy(app: Flask) -> Any:
    @app.get("/lazy")
    def put() -> str:
        session["x"] = LocalProxy(lambda: "text")
        return ""

    @app.get("/kind")
    def look() -> str:
        return type(session["x"]).__name__

    client = app.test_client()
    try:
        client.get("/lazy")
    except TypeError:
        return "TypeError"
    return client.get("/kind").text


def renamed(app: Flask) -> Any:
    @app.get("/n")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    client = app.test_client()
    client.get("/n")
    app.config["SESSION_COOKIE_NAME"] = "late"
    try:
        return client.get("/n").text
    except ConfigError:
        return "ConfigError"


class Difference(NamedTuple):
    program: Callable[[Flask], Any]
    flasks_own: Any
    ours: Any


DIFFERENCES = {
    "a change inside a value": Difference(nested, [], ["a"]),
    "`session.modified = False`": Difference(unsaved, 1, 2),
    "dates and keys inside a value": Difference(
        exact,
        "[datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), {'1': 2}]",
        "[datetime.datetime(2026, 1, 2, 3, 4, 5, 6), {1: 2}]",
    ),
    "the session's own keys": Difference(int_key, "kept", "session key: expected str, got int"),
    "the last key popped": Difference(emptied, False, True),
    "`session.new`": Difference(is_new, False, True),
    "`isinstance(session, dict)`": Difference(is_a_dict, True, False),
    "SameSite where nothing is set": Difference(
        attributes, "HttpOnly; Path=/", "Path=/; HttpOnly; SameSite=Lax"
    ),
    "the lifetime in the cookie": Difference(lifetime, ["Expires"], ["Max-Age=2678400"]),
    "Cache-Control beside the cookie": Difference(cached, None, "private"),
    "a permanent session that nobody touched": Difference(refreshed, 1, 0),
    "a write while the body streams": Difference(streamed, "lost", 'flask.session["x"]'),
    "`Vary` of a page that streams": Difference(varied, None, "Cookie"),
    "messages in a page that streams": Difference(
        shown_late, ["['saved']", "['saved']"], ["['saved']", "[]"]
    ),
    "a write in a context that a test keeps": Difference(kept, "lost", 'flask.session["x"]'),
    "a write in `teardown_request`": Difference(torn_down, "None", "1"),
    "an old cookie after the logout": Difference(replayed, "ann", "None"),
    "a lazy string in the session": Difference(lazy, "TypeError", "str"),
    "another cookie name after the first request": Difference(renamed, "1", "ConfigError"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_flasks_own_does_otherwise(name: str, shared_store: Any) -> None:
    program, flasks_own, ours = DIFFERENCES[name]
    assert (program(make_app("flask")), program(make_app(shared_store))) == (flasks_own, ours)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_cookie_store_differs_too_but_for_two(name: str) -> None:
    program, flasks_own, ours = DIFFERENCES[name]
    expected = flasks_own if program in (replayed, shown_late) else ours
    assert program(make_app(cookie_store(SECRET))) == expected


def test_the_guide_has_every_difference() -> None:
    table = GUIDE.split("<!-- differences")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)[1:]
    assert rows == list(DIFFERENCES)
