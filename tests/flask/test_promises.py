"""The promises of the package hold behind `flask.session`, and Flask's ways of using an extension
work.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import flask
import pytest
from flask import (
    Flask,
    Response,
    flash,
    g,
    get_flashed_messages,
    render_template_string,
    request,
    session,
    stream_with_context,
)

from ringsession import (
    SessionCommitted,
    StoreUnavailable,
    memory_store,
    recreate as ring_recreate,
)
from ringsession.stores.cookie.store import CookieStore
from ringsession.explain import explain
from ringsession.find_config import find_config
from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate
from tests.flask.apps import make_app, set_cookies
from tests.tracing import UNAVAILABLE, TracedStore

OURS = {"Sec-Fetch-Site": "same-origin"}


def site(store: Any, config: Any = None) -> Flask:
    """A site with a login, a cart, and pages that leave the session alone."""
    app = make_app(store, config)

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    @app.get("/template")
    def template() -> str:
        return render_template_string("{{ request.path }}")

    @app.get("/read")
    def read() -> str:
        return repr(dict(session))

    @app.post("/cart/<item>")
    def cart(item: str) -> str:
        session.setdefault("cart", []).append(item)
        return ""

    @app.get("/set/<key>/<value>")
    def set_it(key: str, value: str) -> str:
        session[key] = value
        return ""

    @app.get("/login/<user>")
    def login(user: str) -> str:
        recreate()
        session["user"] = user
        return ""

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        flash("bye")
        return ""

    @app.get("/swap")
    def swap() -> str:
        return str(session.swap("n", lambda n: (n or 0) + 1))  # type: ignore[attr-defined]

    return app


def also(client: Any) -> Any:
    """Another client with the same cookie."""
    other = client.application.test_client()
    other.set_cookie("session", client.get_cookie("session").value)
    return other


def test_an_untouched_session_costs_no_call_no_cookie_and_no_vary() -> None:
    store = TracedStore(memory_store())
    client = site(store).test_client()
    client.get("/set/a/1")
    store.taken()
    for path in ("/plain", "/template", "/missing"):
        answer = client.get(path)
        assert (store.taken(), set_cookies(answer), "Vary" in answer.headers) == ([], [], False)


@pytest.mark.parametrize("look", [
    lambda: "x" in session, lambda: len(session), lambda: bool(session), lambda: list(session),
    lambda: session.get("x"), lambda: session.permanent, lambda: get_flashed_messages(),
])  # fmt: skip
def test_any_look_at_the_session_varies_by_cookie(store: Any, look: Any) -> None:
    app = make_app(store)  # Flask's own does so for each of these only since 3.1.3
    app.add_url_rule("/", "home", lambda: str(look()))
    assert app.test_client().get("/").headers["Vary"] == "Cookie"


def test_the_round_trips_are_those_of_the_layers() -> None:
    store = TracedStore(memory_store())
    client = site(store).test_client()
    found = {}
    for path in (
        "/read",
        "/set/a/1",
        "/read",
        "/set/a/1",
        "/set/a/2",
        "/swap",
        "/login/ann",
        "/logout",
    ):
        client.get(path)
        found[path] = store.taken()
    assert found == {
        "/read": ["load"],
        "/set/a/1": ["load"],  # unchanged
        "/set/a/2": ["load", "patch"],
        "/swap": ["load", "swap"],
        "/login/ann": ["load", "create", "claim"],
        "/logout": ["load", "destroy", "create"],
    }  # fmt: skip


def test_a_change_inside_a_value_is_saved(store: Any) -> None:
    client = site(store).test_client()
    for item in "abc":
        client.post(f"/cart/{item}")
    assert client.get("/read").text == "{'cart': ['a', 'b', 'c']}"


def test_no_write_is_lost(shared_store: Any) -> None:
    app = site(shared_store)
    client = app.test_client()

    @app.get("/slow")
    def slow() -> str:
        session.get("a")
        also(client).get("/set/b/2")
        session["c"] = "3"
        return ""

    client.get("/set/a/1")
    client.get("/slow")
    assert client.get("/read").text == "{'a': '1', 'b': '2', 'c': '3'}"


@pytest.mark.parametrize("ending", ["/logout", "/login/eve"])
def test_a_slow_request_brings_no_ended_session_back(shared_store: Any, ending: str) -> None:
    app = site(shared_store)
    client = app.test_client()

    @app.get("/slow")
    def slow() -> str:
        session["late"] = session["user"]
        also(client).get(ending)
        return ""

    client.get("/login/ann")
    old = also(client)
    answer = client.get("/slow")
    assert (answer.status_code, set_cookies(answer)) == (200, [])
    assert old.get("/read").text == "{}"


def test_the_login_moves_the_session_to_a_new_id(shared_store: Any) -> None:
    client = site(shared_store).test_client()
    client.get("/set/a/1")
    attacker = also(client)
    client.get("/login/ann")
    assert client.get("/read").text == "{'a': '1', 'user': 'ann'}"
    assert attacker.get("/read").text == "{}"


def test_after_a_clear_only_what_is_new_is_there(shared_store: Any) -> None:
    app = site(shared_store)
    client = app.test_client()

    @app.get("/again")
    def again() -> str:
        also(client).get("/set/unseen/1")
        session.clear()
        session["b"] = 2
        return ""

    client.get("/set/a/1")
    old = also(client)
    client.get("/again")
    assert (client.get("/read").text, old.get("/read").text) == ("{'b': 2}", "{}")


def test_a_store_that_fails_is_a_503_whatever_flask_makes_of_it() -> None:
    store = TracedStore(memory_store())
    app = site(store)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_error_handler(Exception, lambda error: ("anonymous", 200))
    client = app.test_client()
    client.get("/set/a/1")
    for path, call in (("/read", "load"), ("/set/a/2", "patch"), ("/login/ann", "claim")):
        store.failing = {call}
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (503, UNAVAILABLE)
    store.failing = set()
    assert client.get("/read").text == "{'a': '1'}"


def test_a_session_transaction_says_that_its_store_failed() -> None:
    store = TracedStore(memory_store())
    client = site(store).test_client()
    store.failing = {"create"}
    with pytest.raises(StoreUnavailable, match="could not be stored"):
        with client.session_transaction() as found:
            found["x"] = 1


def test_what_no_store_can_hold_is_the_views_error_and_nothing_is_stored() -> None:
    store, seen = TracedStore(memory_store()), []
    app = site(store)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.errorhandler(500)
    def sorry(error: Any) -> tuple[str, int]:
        seen.append(str(error.original_exception).split(" ")[0])
        flash("sorry")
        return f"{get_flashed_messages()}", 500

    @app.get("/bad")
    def bad() -> str:
        session["a"] = {"b": [object()]}
        return ""

    client = app.test_client()
    answer = client.get("/bad")
    assert (answer.status_code, answer.text, store.taken()) == (500, "['sorry']", [])
    assert (seen, set_cookies(answer)) == (['session["a"]["b"][0]'], [])


@pytest.mark.parametrize(("write", "place"), [
    (lambda: session.__setitem__("x", 1), 'flask.session["x"]'),
    (lambda: session.pop("a"), 'flask.session["a"]'),
    (lambda: session.clear(), "flask.session.clear()"),
    (lambda: recreate(), "flask.session.recreate()"),
    (lambda: session.swap("x", str), 'flask.session.swap("x")'),  # type: ignore[attr-defined]
    (lambda: flash("late"), 'flask.session["_flashes"]'),
    (lambda: setattr(session, "permanent", True), 'flask.session["_permanent"]'),
])  # fmt: skip
def test_a_write_while_the_body_streams_says_where_it_was(write: Any, place: str) -> None:
    app, errors = site(memory_store()), []

    @app.get("/stream")
    def stream() -> Response:
        session["a"]

        def parts() -> Any:
            try:
                write()
            except SessionCommitted as error:
                errors.append(str(error))
            yield "end"

        return Response(stream_with_context(parts()))

    client = app.test_client()
    client.get("/set/a/1")
    client.get("/stream")
    assert errors == [
        f"{place}: the session cannot change any more: the response has already started."
        " Change it before you return the response, not in a stream or a teardown function."
    ]


def test_a_stream_that_was_begun_with_the_session_read_reads_on() -> None:
    app = site(memory_store())

    @app.get("/stream")
    def stream() -> Response:
        session["x"] = 1
        return Response(stream_with_context(str(session["x"]) for _ in range(3)))

    assert app.test_client().get("/stream").text == "111"


# -- Flask's ways


def test_an_app_factory_and_one_extension_for_several_apps() -> None:
    extension = RingSession(config={"session": {"store": "memory:"}})
    apps = []
    for name in ("one", "two"):
        app = Flask(name)
        app.config["SESSION_COOKIE_NAME"] = name
        extension.init_app(app)
        app.add_url_rule("/", "home", lambda: str(session.setdefault("n", len(session))))
        apps.append(app)
    clients = [app.test_client() for app in apps]
    cookies = [set_cookies(client.get("/"))[0].split("=")[0] for client in clients]
    assert cookies == ["one", "two"]
    assert all(app.extensions["ringsession"] is extension for app in apps)


def test_init_app_may_bring_the_config() -> None:
    app = Flask(__name__)
    RingSession().init_app(app, {"session": {"store": memory_store(), "cookie_name": "own"}})
    assert app.session_interface.get_cookie_name(app) == "own"


def test_a_ring_mapping_in_the_environ_works_behind_flask_too(store: Any) -> None:
    app = site(store)

    @app.get("/ring")
    def ring() -> str:
        request.environ["ringsession.response"]["session"] = ring_recreate({"user": "ann"})
        return ""

    client = app.test_client()
    client.get("/set/a/1")
    client.get("/ring")
    assert client.get("/read").text == "{'user': 'ann'}"


def test_the_session_as_a_mapping_gives_plain_dicts(store: Any) -> None:
    app = site(store)
    with app.test_request_context():
        session["a"] = 1
        found: Any = session
        assert (found | {"b": 2}, {"b": 2} | found, found.copy()) == (
            {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1},
        )  # fmt: skip
        assert repr(found._get_current_object()) == "<FlaskSession over <Session with 1 keys>>"


def test_a_merge_in_place_is_saved(store: Any) -> None:
    app = site(store)

    @app.get("/merge")
    def merge() -> str:
        flask.session |= {"a": 1, "b": 2}
        return ""

    client = app.test_client()
    client.get("/merge")
    assert client.get("/read").text == "{'a': 1, 'b': 2}"


def test_modified_may_still_be_set(store: Any) -> None:
    app = site(store)

    @app.get("/old")
    def old() -> str:
        session.setdefault("list", []).append(1)
        session.modified = True
        return str(session.modified)

    client = app.test_client()
    assert client.get("/old").text == "True"
    assert client.get("/read").text == "{'list': [1]}"


def test_before_request_may_keep_the_user_in_g(store: Any) -> None:
    app = site(store)

    @app.before_request
    def load_user() -> None:
        g.user = session.get("user")

    app.add_url_rule("/me", "me", lambda: str(g.user))
    client = app.test_client()
    client.get("/login/ann")
    assert client.get("/me").text == "ann"


def test_a_context_in_a_context_has_a_session_of_its_own() -> None:
    app = site(memory_store())
    with app.test_request_context():
        session["a"] = 1
        with app.test_request_context():
            assert dict(session) == {}
        assert dict(session) == {"a": 1}


def test_a_second_context_over_a_stored_session_has_a_fresh_one(store: Any) -> None:
    app = site(store)
    environs: list[Any] = []

    @app.get("/keep")
    def keep() -> str:
        environs.append(request.environ)
        session["seen"] = session.get("seen", 0) + 1
        with app.request_context(request.environ):  # before it is stored, it is the same one
            return str(session["seen"])

    client = app.test_client()
    client.get("/set/a/1")
    assert client.get("/keep").text == "1"
    for _ in range(2):
        with app.request_context(environs[0]):
            assert session["a"] == "1"
            session["b"] = 2
            answer = app.process_response(Response())
        assert [line.split("=")[0] for line in set_cookies(answer)] == (
            ["session"] if isinstance(store, CookieStore) else []
        )
    expected = {"a": "1", "seen": 1} | ({} if isinstance(store, CookieStore) else {"b": 2})
    assert client.get("/read").text == repr(expected)


def test_the_shell_and_the_commands_have_a_context_without_a_request() -> None:
    app = site(memory_store())

    @app.cli.command("look")
    def look() -> None:
        with app.test_request_context():
            session["a"] = 1
            print(dict(session))

    result = app.test_cli_runner().invoke(args=["look"])
    assert (result.exit_code, result.output) == (0, "{'a': 1}\n")


def test_recreate_without_the_extension_says_what_is_missing() -> None:
    app = Flask(__name__)
    with app.test_request_context():
        with pytest.raises(RuntimeError, match=r"Call RingSession\(app\) first"):
            recreate()


# -- templates

FORM = "{{ csrf_field() }}|{{ csrf_token() }}"


def test_a_form_with_the_field_passes_and_one_without_does_not(store: Any) -> None:
    app = site(store, {"security": {"anti_forgery": {"mode": "token"}}})
    app.add_url_rule("/form", "form", lambda: render_template_string(FORM))

    @app.post("/post")
    def post() -> str:
        return request.form["name"]

    client = app.test_client()
    field, token = client.get("/form").text.split("|")
    assert field.startswith('<input id="__anti-forgery-token"')
    form = {"name": "ann", "__anti-forgery-token": token}
    assert client.post("/post", data=form).text == "ann"
    assert client.post("/post", data=form, content_type="multipart/form-data").text == "ann"
    assert client.post("/post", data={"name": "ann"}, headers={"X-CSRFToken": token}).text == "ann"
    assert client.post("/post", data={"name": "ann"}).status_code == 403


@pytest.mark.parametrize("mode", ["auto", "token"])
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_form_over_max_content_length_is_a_413(mode: str, content_type: str) -> None:
    app = make_app(
        memory_store(), {"security": {"anti_forgery": {"mode": mode}}}, MAX_CONTENT_LENGTH=1000
    )
    app.add_url_rule("/form", "form", lambda: render_template_string("{{ csrf_token() }}"))
    app.add_url_rule("/", "post", lambda: request.form["name"], methods=["POST"])
    client = app.test_client()
    token = client.get("/form").text
    found = []
    for size in (100, 5000):
        form = {"name": "a" * size, "__anti-forgery-token": token}
        answer = client.post("/", data=form, content_type=content_type, headers=OURS)
        found.append((answer.status_code, len(answer.text) if answer.status_code == 200 else None))
    assert found == [(200, 100), (413, None)]


def test_posts_of_an_existing_app_keep_working_without_a_token(store: Any) -> None:
    assert site(store).test_client().post("/cart/a").status_code == 200


def test_templates_render_in_a_test_context_too() -> None:
    policy = {"script_src": ["'self'", "{nonce}"]}
    security = {"anti_forgery": True, "content_security_policy": {"policy": policy}}
    app = make_app(memory_store(), {"security": security})
    with app.test_request_context():
        page = render_template_string(FORM + "|{{ csp_nonce() }}").split("|")
    assert [len(part) > 15 for part in page] == [True, True, True]


def test_the_nonce_is_that_of_the_header(store: Any) -> None:
    app = make_app(store, {"security": {"content_security_policy": "script-src {nonce}"}})
    app.add_url_rule("/", "home", lambda: render_template_string("{{ csp_nonce() }}"))
    answer = app.test_client().get("/")
    assert answer.headers["Content-Security-Policy"] == f"script-src 'nonce-{answer.text}'"


def test_the_templates_names_are_left_alone_where_our_layers_are_off() -> None:
    app = Flask(__name__)
    app.jinja_env.globals["csrf_token"] = lambda: "of another extension"
    RingSession(app, {"session": {"store": memory_store()}})
    assert {"csrf_field", "csp_nonce"}.isdisjoint(app.jinja_env.globals)
    with app.test_request_context():
        assert render_template_string("{{ csrf_token() }}") == "of another extension"
    assert "jinja_env" not in vars(make_app(memory_store()))


# -- around it


def test_explain_shows_the_stack_of_a_flask_app(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = type(sys)("an_app_for_explain")
    module.app = make_app(memory_store())
    monkeypatch.setitem(sys.modules, module.__name__, module)
    text = explain(find_config("an_app_for_explain:app"))
    assert 'wrap_session                  ["session"]' in text
    assert "store=memory_store cookie_name='session'" in text


def test_the_package_itself_does_not_import_flask() -> None:
    code = "import sys, ringsession; sys.exit('flask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_get_flashed_messages_of_a_new_session_costs_no_call() -> None:
    store = TracedStore(memory_store())
    app = make_app(store)
    app.add_url_rule("/", "home", lambda: str(get_flashed_messages()))
    assert (app.test_client().get("/").text, store.taken()) == ("[]", [])
