"""What Flask's documentation says of sessions and of message flashing holds with our interface as
with Flask's own.

Each program is an app and what a client sees of it; where the two interfaces differ, the table says
how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask, flash, get_flashed_messages, session
from markupsafe import Markup

from tests.flask.apps import make_app, set_cookies

Program = Callable[[Flask], Any]


def texts(app: Flask, *paths: str) -> list[str]:
    client = app.test_client()
    return [client.get(path).text for path in paths]


def view(app: Any, path: str) -> Callable[[Any], Any]:
    """`app.get`, for a view whose name is that of the path."""
    return app.get(path, endpoint=path[1:].replace("/", "_"))  # type: ignore[no-any-return]


def quickstart_login(app: Flask) -> Any:
    """Quickstart, Sessions: a name in the session, popped at the logout."""

    @view(app, "/who")
    def who() -> str:
        return f"Logged in as {session['username']}" if "username" in session else "not logged in"

    @view(app, "/login")
    def login() -> str:
        session["username"] = "ann"
        return ""

    @view(app, "/logout")
    def logout() -> str:
        session.pop("username", None)
        return ""

    return texts(app, "/who", "/login", "/who", "/logout", "/who")


def missing_key(app: Flask) -> Any:
    @view(app, "/")
    def home() -> str:
        with pytest.raises(KeyError):
            session["nothing"]
        with pytest.raises(KeyError):
            del session["nothing"]
        return str(session.get("nothing", 5))

    return texts(app, "/")


def mapping(app: Flask) -> Any:
    """Everything that a mapping has."""

    @view(app, "/")
    def home() -> Any:
        session.update(a=1, b=[2], c=None)
        popped = session.pop("c"), session.pop("c", "gone"), session.setdefault("a", 9)
        return {"items": list(session.items()), "popped": popped, "len": len(session)}

    @view(app, "/next")
    def again() -> Any:
        return {
            "dict": dict(session),
            "in": "a" in session,
            "keys": list(session),
            "bool": bool(session),
        }

    client = app.test_client()
    return [client.get("/").json, client.get("/next").json]


def flags_of_a_new_session(app: Flask) -> Any:
    @view(app, "/")
    def home() -> Any:
        before = session.modified, session.permanent
        session["x"] = 1
        return [before, session.modified, session.accessed]

    return app.test_client().get("/").json


def flags_of_a_read_session(app: Flask) -> Any:
    @view(app, "/set")
    def set_it() -> str:
        session["x"] = 1
        return ""

    @view(app, "/")
    def home() -> Any:
        return [session["x"], session.modified, session.accessed]

    client = app.test_client()
    client.get("/set")
    return client.get("/").json


def flash_once(app: Flask) -> Any:
    """Message Flashing: a message is there for the next request, and only for that."""

    @view(app, "/save")
    def save() -> str:
        flash("saved")
        return ""

    @view(app, "/show")
    def show() -> str:
        return str(get_flashed_messages())

    return texts(app, "/show", "/save", "/show", "/show")


def flash_waits(app: Flask) -> Any:
    """Requests that read the session, and ask for no message, leave it."""

    @view(app, "/save")
    def save() -> str:
        session["user"] = "ann"
        flash("saved")
        return ""

    @view(app, "/other")
    def other() -> str:
        session["n"] = 1
        return str(session["user"])

    @view(app, "/show")
    def show() -> str:
        return str(get_flashed_messages())

    return texts(app, "/save", "/other", "/other", "/show", "/other", "/show")


def flash_categories(app: Flask) -> Any:
    """Flashing With Categories: pairs on request, "message" where none was given."""

    @view(app, "/save")
    def save() -> str:
        flash("a")
        flash("b", "error")
        flash(Markup("<b>c</b>"), "info")  # type: ignore[arg-type]
        return ""

    @view(app, "/show")
    def show() -> str:
        return str(get_flashed_messages(with_categories=True))

    return texts(app, "/save", "/show", "/show")


def flash_filter(app: Flask) -> Any:
    """Filtering Flash Messages: the rest can still be had in the same request, and is gone after
    it.
    """

    @view(app, "/save")
    def save() -> str:
        flash("a")
        flash("b", "error")
        flash("c", "error")
        return ""

    @view(app, "/show")
    def show() -> str:
        errors = get_flashed_messages(category_filter=["error"])
        pairs = get_flashed_messages(with_categories=True, category_filter=["error", "x"])
        return str([errors, pairs, get_flashed_messages()])

    return texts(app, "/save", "/show", "/show")


def flash_in_the_same_request(app: Flask) -> Any:
    @view(app, "/")
    def home() -> str:
        flash("now")
        return str(get_flashed_messages())

    @view(app, "/twice")
    def twice() -> str:
        flash("one")
        first = get_flashed_messages()
        flash("two")
        return str([first, get_flashed_messages()])

    return texts(app, "/", "/", "/twice", "/")


def flash_in_a_template(app: Flask) -> Any:
    page = (
        "{% for category, message in get_flashed_messages(true) %}"
        "{{ category }}:{{ message }};{% endfor %}"
    )

    @view(app, "/save")
    def save() -> str:
        flash("<i>")
        flash("b", "error")
        return ""

    @view(app, "/show")
    def show() -> str:
        return flask.render_template_string(page + "{{ session.get('n', 0) }}")

    return texts(app, "/save", "/show", "/show")


def flash_many(app: Flask) -> Any:
    """The order of messages, over several requests."""

    @view(app, "/save")
    def save() -> str:
        for n in range(12):
            flash(str(n))
        return ""

    @view(app, "/show")
    def show() -> str:
        return " ".join(get_flashed_messages())

    return texts(app, "/save", "/save", "/show")


def clear_and_go_on(app: Flask) -> Any:
    """The tutorial's login and logout: clear, then what is new."""

    @view(app, "/login")
    def login() -> str:
        session["old"] = 1
        session.clear()
        session["user_id"] = 5
        flash("hello")
        return ""

    @view(app, "/show")
    def show() -> str:
        return str([sorted(session), get_flashed_messages()])

    @view(app, "/logout")
    def logout() -> str:
        session.clear()
        return str(dict(session))

    return texts(app, "/login", "/show", "/login", "/logout", "/show")


def clear_deletes_the_cookie(app: Flask) -> Any:
    @view(app, "/set")
    def set_it() -> str:
        session["x"] = 1
        return ""

    @view(app, "/clear")
    def clear() -> str:
        session.clear()
        return ""

    client = app.test_client()
    client.get("/set")
    before = client.get_cookie("session") is not None
    client.get("/clear")
    return [before, client.get_cookie("session")]


def session_transaction(app: Flask) -> Any:
    """Testing: Access and Modify the Session."""

    @view(app, "/who")
    def who() -> str:
        return str(session.get("user_id"))

    @view(app, "/set")
    def set_it() -> str:
        session["seen"] = True
        return ""

    client = app.test_client()
    with client.session_transaction() as one:
        one["user_id"] = 1
    seen = client.get("/who").text
    client.get("/set")
    with client.session_transaction() as two:
        left = dict(two)
        two.pop("user_id")
    return [seen, left, client.get("/who").text]


def session_after_the_request(app: Flask) -> Any:
    """Testing: a with block keeps the context, and the session with it."""

    @view(app, "/set")
    def set_it() -> str:
        session["user_id"] = 1
        return ""

    with app.test_client() as client:
        client.get("/set")
        return session["user_id"]


def session_after_a_request_that_left_it(app: Flask) -> Any:
    app.add_url_rule("/plain", "plain", lambda: "")
    with app.test_client() as client:
        with client.session_transaction() as one:
            one["user_id"] = 1
        client.get("/plain")
        return ["user_id" in session, session.get("other")]


def messages_after_the_request(app: Flask) -> Any:
    """Testing: what a test reads in the kept context is not taken from the user."""

    @view(app, "/flash")
    def flash_it() -> str:
        flash("saved")
        flash("not saved", "error")
        return ""

    @view(app, "/show")
    def show() -> Any:
        return get_flashed_messages()

    app.add_url_rule("/plain", "plain", lambda: "")
    found: list[Any] = []
    with app.test_client() as client:
        client.get("/flash")
        found.append([get_flashed_messages(with_categories=True), get_flashed_messages()])
        client.get("/plain")
        found.append(get_flashed_messages(category_filter=["error"]))
        found.append([client.get("/show").json, get_flashed_messages()])
        client.get("/plain")
        found.append([get_flashed_messages(), "_flashes" in session])
    return found


def messages_after_the_request_of_a_form(app: Flask) -> Any:
    @app.post("/form")
    def form() -> str:
        flash(flask.request.form["name"])
        session.permanent = True
        return ""

    with app.test_client() as client:
        client.post("/form", data={"name": "ann"})
        return [get_flashed_messages(), session.permanent, "other" in session]


def flags_after_the_request(app: Flask) -> Any:
    """The session of a kept context, as the context has it: `flask.session` itself counts."""

    @view(app, "/read")
    def read() -> str:
        return str(session.get("x"))

    @view(app, "/set")
    def set_it() -> str:
        session["x"] = 1
        return ""

    app.add_url_rule("/plain", "plain", lambda: "")
    found = []
    with app.test_client() as client:
        for path in ("/plain", "/read", "/set", "/plain", "/read"):
            client.get(path)
            request_context: Any = flask.globals.request_ctx
            context = vars(request_context._get_current_object())
            if "_session" not in context:
                pytest.skip("this Flask marks a session as accessed when it saves it")
            kept: Any = context["_session"]
            found.append([path, kept.accessed, kept.get("x")])
    return found


def transactions_around_and_inside_a_kept_context(app: Flask) -> Any:
    @view(app, "/add")
    def add() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    found: list[Any] = []
    client = app.test_client()
    with client.session_transaction() as one:
        one["n"] = 10
    with client:
        found.append([client.get("/add").text, session["n"]])
        with client.session_transaction() as two:
            found.append(dict(two))
            two["n"] = 20
            two["x"] = 1
        found.append(dict(session))  # of the request before
        found.append([client.get("/add").text, dict(session)])
        with client.session_transaction() as three:
            three.clear()
        found.append([client.get("/add").text, dict(session)])
    with client.session_transaction() as four:
        found.append(dict(four))
    return found


def a_context_in_a_kept_context(app: Flask) -> Any:
    @view(app, "/set")
    def set_it() -> str:
        session["x"] = 1
        return ""

    with app.test_client() as client:
        client.get("/set")
        with app.test_request_context():
            session["y"] = 2
            inner = dict(session)
        return [inner, dict(session)]


def test_request_context_has_one(app: Flask) -> Any:
    with app.test_request_context("/?name=ann"):
        session["x"] = [flask.request.args["name"]]
        flash("saved")
        return [dict(session)["x"], get_flashed_messages()]


def processed_in_a_context(app: Flask) -> Any:
    with app.test_request_context():
        session["x"] = 1
        answer = app.process_response(app.make_response("ok"))
    return [len(set_cookies(answer)), answer.headers["Vary"]]


def blueprint(app: Flask) -> Any:
    pages = Blueprint("pages", __name__, url_prefix="/pages")

    @pages.before_request
    def count() -> None:
        session["n"] = session.get("n", 0) + 1

    @pages.get("/")
    def home() -> str:
        return str(session["n"])

    app.register_blueprint(pages)
    return texts(app, "/pages/", "/pages/")


def after_request_and_error_pages(app: Flask) -> Any:
    """What is set after the view, and by an error's page, is saved."""

    @app.after_request
    def after(answer: Any) -> Any:
        session["after"] = session.get("after", 0) + 1
        return answer

    @app.errorhandler(404)
    def missing(error: Any) -> Any:
        session["missing"] = True
        return str(sorted(session.items())), 404

    return texts(app, "/a", "/b")


def permanent_attributes(app: Flask) -> Any:
    """session.permanent: a cookie that outlives the browser, or not."""

    @view(app, "/stay")
    def stay() -> str:
        session.permanent = True
        session["x"] = 1
        return str(session.permanent)

    @view(app, "/leave")
    def leave() -> str:
        session.permanent = False
        return str(session.permanent)

    client, found = app.test_client(), []
    for path in ("/stay", "/leave"):
        answer = client.get(path)
        cookie = client.get_cookie("session")
        assert cookie is not None
        found.append([answer.text, cookie.expires is not None or cookie.max_age is not None])
    return found


def vary_only_when_touched(app: Flask) -> Any:
    @view(app, "/plain")
    def plain() -> str:
        return ""

    @view(app, "/read")
    def read() -> str:
        return str(session.get("x"))

    client = app.test_client()
    return [client.get(path).headers.get("Vary") for path in ("/plain", "/read")]


PROGRAMS: list[Program] = [
    quickstart_login,
    missing_key,
    mapping,
    flags_of_a_new_session,
    flags_of_a_read_session,
    flash_once,
    flash_waits,
    flash_categories,
    flash_filter,
    flash_in_the_same_request,
    flash_in_a_template,
    flash_many,
    clear_and_go_on,
    clear_deletes_the_cookie,
    session_transaction,
    session_after_the_request,
    session_after_a_request_that_left_it,
    messages_after_the_request,
    messages_after_the_request_of_a_form,
    flags_after_the_request,
    transactions_around_and_inside_a_kept_context,
    a_context_in_a_kept_context,
    test_request_context_has_one,
    processed_in_a_context,
    blueprint,
    after_request_and_error_pages,
    permanent_attributes,
    vary_only_when_touched,
]
test_request_context_has_one.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.__name__ for program in PROGRAMS])
def test_it_is_as_with_flasks_own_interface(program: Program, store: Any) -> None:
    flasks_own = program(make_app("flask"))
    assert program(make_app(store)) == flasks_own
