"""A request that the anti-forgery layer refused, answered by the app's own error handlers."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, flash, request, session
from flask.signals import request_started
from werkzeug.exceptions import Forbidden
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from ringsession import deep_merge, memory_store, site_defaults
from ringsession.flask import CSRFError, RingSession, recreate
from tests.flask.apps import SECRET, make_app, set_cookies
from tests.tracing import TracedStore

STORES = ["memory", "sealed"]
FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def make(store: Any = None, config: Any = None, **values: Any) -> Flask:
    app = make_app(store, deep_merge(site_defaults, config or {}), **values)

    @app.post("/transfer")
    def transfer() -> str:
        session["transferred"] = True
        return "done"

    @app.get("/")
    def index() -> str:
        session.setdefault("user", "ann")
        return str(sorted(session))

    return app


def test_the_apps_error_handler_makes_the_page_of_a_refused_request() -> None:
    app, ran = make(), []
    app.before_request(lambda: ran.append("before"))
    app.url_value_preprocessor(lambda endpoint, values: ran.append("preprocessor"))

    @app.errorhandler(CSRFError)
    def refused(error: CSRFError) -> tuple[str, int]:
        return f"No: {error.description} {request.path}", 403

    @app.after_request
    def allow_other_sites(response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "https://app.example"
        return response

    answer = app.test_client().post("/transfer", headers=FOREIGN)
    assert (answer.status_code, answer.text[:9], answer.text[-9:]) == (
        403,
        "No: The s",
        "/transfer",
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert ran == []


@pytest.mark.parametrize("kind", [Forbidden, 403, Exception])
def test_a_handler_for_any_403_answers_too(kind: Any) -> None:
    app = make()
    app.register_error_handler(kind, lambda error: (f"{type(error).__name__}", 403))
    assert app.test_client().post("/transfer", headers=FOREIGN).text == "CSRFError"


@pytest.mark.parametrize("path", ["/transfer", "/nowhere", "/"])
def test_without_a_handler_the_answer_has_the_form_that_the_client_reads(path: str) -> None:
    client = make().test_client()
    page = client.post(path, headers=FOREIGN | {"Accept": "text/html"})
    assert (page.status_code, page.text[:15], page.headers["Vary"]) == (
        403,
        "<!doctype html>",
        "Accept",
    )
    problem = client.post(path, headers=FOREIGN | {"Accept": "application/json"})
    assert (problem.mimetype, problem.get_json(force=True)["status"]) == (
        "application/problem+json",
        403,
    )


def act_recreate() -> None:
    session["evil"] = 1
    recreate()


ACTS: dict[str, Any] = {
    "set": lambda: session.update(evil=1),
    "remove": lambda: session.pop("user", None),
    "clear": lambda: session.clear(),
    "flash": lambda: flash("evil"),
    "recreate": act_recreate,
    "permanent": lambda: setattr(session, "permanent", True),
    "change inside": lambda: session.get("cart", []).append("evil"),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("store", STORES)
def test_a_refused_request_commits_nothing(store: str, act: str) -> None:
    app = make(TracedStore(memory_store()) if store == "memory" else None)

    @app.get("/login")
    def login() -> str:
        session.update(user="ann", cart=["book"])
        return "in"

    @app.get("/show")
    def show() -> dict[str, Any]:
        return dict(session)

    @app.errorhandler(CSRFError)
    def refused(error: CSRFError) -> tuple[str, int]:
        ACTS[act]()
        return "no", 403

    client = app.test_client()
    client.get("/login")
    before = client.get_cookie("ring-session")
    answer = client.post("/transfer", headers=FOREIGN)
    assert (answer.status_code, set_cookies(answer)) == (403, [])
    assert client.get_cookie("ring-session") == before
    assert client.get("/show").json == {"user": "ann", "cart": ["book"]}
    stranger = app.test_client().post("/transfer", headers=FOREIGN)
    assert (stranger.status_code, set_cookies(stranger)) == (403, [])


def test_a_refused_request_swaps_nothing_and_calls_no_store_but_to_read() -> None:
    store = TracedStore(memory_store())
    app = make(store)

    @app.errorhandler(CSRFError)
    def refused(error: CSRFError) -> tuple[str, int]:
        ring: Any = session
        return str(ring.swap("n", lambda n: (n or 0) + 1)), 403

    client = app.test_client()
    client.get("/")
    store.calls.clear()
    assert client.post("/transfer", headers=FOREIGN).text == "1"
    assert [call for call in store.calls if call != "load"] == []
    assert client.post("/transfer", headers=FOREIGN).text == "1"


def test_a_token_that_does_not_fit_is_a_csrf_error_too() -> None:
    app = make()
    app.register_error_handler(CSRFError, lambda error: ("no token", 403))
    assert app.test_client().post("/transfer").text == "no token"


def test_a_response_of_the_config_comes_before_the_apps_handlers() -> None:
    own = {"status": 418, "headers": {}, "body": "own"}
    for options in ({"error_response": own}, {"error_handler": lambda request: own}):
        app = make(config={"security": {"anti_forgery": options}})
        app.register_error_handler(CSRFError, lambda error: ("no", 403))
        assert app.test_client().post("/transfer", headers=FOREIGN).status_code == 418


def other_app(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the mounted app has run"]


def test_an_app_that_is_mounted_under_flask_is_never_run_for_a_refused_request() -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/api": other_app}
    )
    RingSession(app, site_defaults)
    app.register_error_handler(CSRFError, lambda error: ("handler", 403))
    client = app.test_client()
    for path in ("/api/x", "/"):
        answer = client.post(path, headers=FOREIGN)
        assert (answer.status_code, answer.text) == (403, "<h1>Invalid anti-forgery token</h1>")
    same = client.post("/api/x", headers={"Sec-Fetch-Site": "same-origin"})
    assert same.text == "the mounted app has run"


def test_an_app_that_is_mounted_around_flask_answers_for_itself() -> None:
    app = make()
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    app.register_error_handler(CSRFError, lambda error: ("handler", 403))
    whole = Client(DispatcherMiddleware(app, {"/api": other_app}))
    assert whole.post("/transfer", headers=FOREIGN).text == "handler"
    assert whole.post("/api/x", headers=FOREIGN).text == "the mounted app has run"


def test_a_subclass_with_a_wsgi_app_of_its_own_keeps_the_layers_403() -> None:
    class Routed(Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return other_app(environ, start_response)

    app = Routed(__name__)
    app.config["SECRET_KEY"] = SECRET
    RingSession(app, site_defaults)
    answer = app.test_client().post("/transfer", headers=FOREIGN)
    assert (answer.status_code, answer.text) == (403, "<h1>Invalid anti-forgery token</h1>")


def test_other_receivers_of_the_signal_and_teardown_functions_work_on() -> None:
    app, seen = make(), []

    def started(sender: Any, **_: Any) -> None:
        seen.append("started")

    app.teardown_request(lambda error: seen.append("teardown"))
    with request_started.connected_to(started, app):
        app.test_client().get("/")
    app.test_client().post("/transfer", headers=FOREIGN)
    assert seen == ["started", "teardown", "teardown"]


class Dispatching(Flask):
    """An app that sends no signal."""

    def full_dispatch_request(self) -> Any:
        try:
            answer: Any = self.dispatch_request()
        except Exception as error:
            answer = self.handle_user_exception(error)
        return self.finalize_request(answer)


def test_no_view_runs_for_a_refused_request_where_flask_sends_no_signal() -> None:
    app, ran = Dispatching(__name__), []
    app.config["SECRET_KEY"] = SECRET
    RingSession(app, site_defaults)
    app.add_url_rule("/transfer", view_func=lambda: ran.append(1) or "done", methods=["POST"])
    app.register_error_handler(CSRFError, lambda error: ("no", 403))
    client = app.test_client()
    assert client.post("/transfer", headers={"Sec-Fetch-Site": "same-origin"}).text == "done"
    assert client.post("/transfer", headers=FOREIGN).text == "no"
    with request_started.muted():
        assert client.post("/transfer", headers=FOREIGN).text == "no"
        muted = make().test_client().post("/transfer", headers=FOREIGN)
    assert (muted.status_code, ran) == (403, [1])
