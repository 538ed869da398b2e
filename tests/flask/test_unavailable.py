"""A Flask app whose store is down: one line in the log, the app's own page, and nothing loaded for
a file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, jsonify, render_template_string, request, session
from werkzeug.exceptions import HTTPException

from ringsession import ConfigError, StoreUnavailable, memory_store
from tests.flask.apps import make_app, set_cookies
from tests.machine import import_part
from tests.serving import free_port
from tests.tracing import UNAVAILABLE, TracedStore

flask_login = import_part("flask_login")
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

PAGE = "<h1>Back soon</h1>{{ current_user.is_authenticated }} {{ session.get('user') }}"


class User(flask_login.UserMixin):  # type: ignore[misc,name-defined]
    def __init__(self, name: str) -> None:
        self.id = name


def login_app(store: Any, config: Any = None, **values: Any) -> Flask:
    app = make_app(store, config, TESTING=False, **values)
    flask_login.LoginManager(app).user_loader(User)

    @app.get("/login")
    def login() -> str:
        flask_login.login_user(User("ann"), remember="remember" in request.args)
        return ""

    @app.get("/who")
    def who() -> str:
        return str(getattr(flask_login.current_user, "id", None))

    @app.get("/add")
    def add() -> str:
        session["cart"] = session.get("cart", 0) + 1
        return str(session["cart"])

    @app.get("/swallow")
    def swallow() -> str:
        try:
            return str(session.get("cart"))
        except StoreUnavailable:
            return "anonymous"

    @app.get("/health")
    def health() -> str:
        return "ok"

    return app


def failing(store: TracedStore, app: Flask, call: str) -> Any:
    client = app.test_client()
    client.get("/login")
    store.failing = {call}
    return client


PATHS = [("/who", "load"), ("/add", "load"), ("/add", "patch"), ("/swallow", "load")]


@pytest.mark.parametrize(("path", "call"), PATHS)
def test_a_failed_request_is_one_record_in_all_logs_under_flask_login(
    path: str, call: str, caplog: Any
) -> None:
    store = TracedStore(memory_store())
    client = failing(store, login_app(store), call)
    caplog.set_level(logging.INFO)
    answer = client.get(path)
    assert answer.status_code == 503
    (record,) = caplog.records
    assert (record.name, record.levelname, record.exc_info) == ("ringsession.audit", "ERROR", None)
    assert f" method=GET path={path} " in record.getMessage()


@pytest.mark.parametrize("given", [StoreUnavailable, 503, HTTPException, Exception])
@pytest.mark.parametrize(("path", "call"), PATHS[:3])
def test_the_apps_error_handler_makes_the_page(
    path: str, call: str, given: Any, caplog: Any
) -> None:
    store = TracedStore(memory_store())
    app = login_app(store)
    app.register_error_handler(given, lambda error: (render_template_string(PAGE), 503))
    answer = failing(store, app, call).get(path)
    # The page's template asks Flask-Login who is signed in, which the failed session cannot tell.
    assert (answer.status_code, answer.text) == (503, "<h1>Back soon</h1>False None")
    assert set_cookies(answer) == []
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Retry-After"] == "5"
    assert [record.name for record in caplog.records] == ["ringsession.audit"]


@pytest.mark.parametrize(("path", "call"), PATHS[:3])
def test_the_page_may_have_a_form_and_a_script_as_every_page_of_the_site(
    path: str, call: str
) -> None:
    store = TracedStore(memory_store())
    security = {"anti_forgery": True, "content_security_policy": "script-src {nonce}"}
    app = login_app(store, {"security": security})
    page = "{{ csrf_field() }}<script nonce='{{ csp_nonce() }}'>"
    app.register_error_handler(503, lambda error: (render_template_string(page), 503))
    answer = failing(store, app, call).get(path)
    nonce = answer.headers["Content-Security-Policy"].partition("nonce-")[2]
    assert answer.text.startswith('<input id="__anti-forgery-token"')
    assert answer.text.endswith(f"<script nonce='{nonce}>")
    assert set_cookies(answer) == []


def test_a_json_page_is_kept_as_it_is() -> None:
    store = TracedStore(memory_store())
    app = login_app(store)

    @app.errorhandler(StoreUnavailable)
    def down(error: StoreUnavailable) -> tuple[Response, int, dict[str, str]]:
        return jsonify(error="try again"), error.code, {"Retry-After": "30"}

    answer = failing(store, app, "load").get("/who")
    assert (answer.status_code, answer.json) == (503, {"error": "try again"})
    assert answer.headers["Retry-After"] == "30"


@pytest.mark.parametrize("path", [path for path, call in PATHS[:3]])
def test_a_page_of_another_status_is_replaced(path: str) -> None:
    store = TracedStore(memory_store())
    app = login_app(store)
    app.register_error_handler(Exception, lambda error: ("anonymous", 200))
    answer = failing(store, app, "patch" if path == "/add" else "load").get(path)
    assert (answer.status_code, answer.text) == (503, UNAVAILABLE)


def test_an_error_page_that_writes_to_the_session_stores_and_raises_nothing(caplog: Any) -> None:
    store = TracedStore(memory_store())
    app = login_app(store)

    @app.errorhandler(503)
    def down(error: Any) -> tuple[str, int]:
        session["seen"] = session.get("seen", 0) + 1
        session.pop("cart", None)
        session.clear()
        return f"down {dict(session)}", 503

    client = failing(store, app, "load")
    store.taken()
    answer = client.get("/who")
    assert (answer.status_code, answer.text, store.taken()) == (503, "down {}", ["load"])
    store.failing = set()
    assert client.get("/who").text == "ann"


def test_an_error_handler_that_fails_is_the_apps_own_error(caplog: Any) -> None:
    store = TracedStore(memory_store())
    app = login_app(store)

    @app.errorhandler(503)
    def down(error: Any) -> str:
        raise LookupError("mine")

    answer = failing(store, app, "load").get("/who")
    assert (answer.status_code, answer.text) == (503, UNAVAILABLE)
    assert [record.name for record in caplog.records] == ["ringsession.audit", app.name]


AFTER: dict[str, Callable[[Any], Any]] = {
    "reads": lambda response: session.get("a") and response or response,
    "writes": lambda response: session.update(a=1) or response,
}


@pytest.mark.parametrize("after", AFTER)
def test_a_function_after_the_request_that_finds_the_store_down_is_one_record(
    after: str, caplog: Any
) -> None:
    store = TracedStore(memory_store())
    app = login_app(store)
    app.register_error_handler(503, lambda error: ("down", 503))
    client = failing(store, app, "load")
    app.after_request_funcs.setdefault(None, []).append(AFTER[after])
    answer = client.get("/health")
    assert (answer.status_code, answer.text) == (503, "down")
    assert [record.name for record in caplog.records] == ["ringsession.audit"]


def test_flask_login_loads_no_session_for_a_page_that_does_not_use_it(tmp_path: Any) -> None:
    store = TracedStore(memory_store())
    app = login_app(store)
    app.static_folder = str(tmp_path)
    (tmp_path / "a.css").write_text("a {}")
    app.add_url_rule("/files/<path:filename>", "files", app.send_static_file)
    client = failing(store, app, "load")
    store.taken()
    for path in ("/health", "/files/a.css", "/nowhere"):
        with client.get(path) as answer:
            assert answer.status_code == (404 if path == "/nowhere" else 200)
            assert "Vary" not in answer.headers
            assert "Cookie" not in str(answer.headers.getlist("Vary"))
    assert store.taken() == []


def test_a_remembered_user_is_still_remembered_anew_where_the_app_wants_that() -> None:
    store = TracedStore(memory_store())
    client = login_app(store, REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True).test_client()
    client.get("/login?remember=1")
    assert [line.split("=")[0] for line in set_cookies(client.get("/health"))] == ["remember_token"]


def test_what_flask_login_asks_for_is_found_where_a_view_has_set_it() -> None:
    app = login_app(memory_store())

    @app.get("/ask")
    def ask() -> str:
        before = "_remember" in session
        session["_remember"] = "clear"
        return f"{before} {'_remember' in session}"

    assert app.test_client().get("/ask").text == "False True"


@pytest.mark.parametrize("scheme", ["redis", "postgresql+psycopg", "mysql+pymysql"])
def test_a_server_that_is_down_when_flask_starts_is_one_warning_and_then_one_error(
    scheme: str, caplog: Any
) -> None:
    url = f"{scheme}://web:s3cret@127.0.0.1:{free_port()}/0"
    client = login_app(url).test_client()
    client.set_cookie("session", "a" * 43)
    assert (client.get("/health").status_code, client.get("/who").status_code) == (200, 503)
    warned, failed = caplog.records
    assert (warned.levelname, failed.levelname) == ("WARNING", "ERROR")
    assert "requests will get 503 until it answers" in warned.getMessage()
    assert " method=GET path=/who seconds=" in failed.getMessage()
    assert "127.0.0.1" in failed.getMessage() and "s3cret" not in caplog.text


def test_what_waiting_does_not_cure_is_a_config_error_in_flask_too() -> None:
    with pytest.raises(ConfigError, match='did you mean "socket_timeout"'):
        login_app("redis://127.0.0.1:1/0?socket_timout=1")
