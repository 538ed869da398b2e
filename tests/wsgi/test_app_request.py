"""What the environ shows of a request, and that nothing of a request outlives it."""

from __future__ import annotations

import gc
import io
import json
import pprint
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from flask import Flask, flash, get_flashed_messages, request as flask_request, session
from werkzeug.test import Client, EnvironBuilder

from ringsession import (
    anti_forgery_field,
    as_request,
    from_wsgi,
    recreate,
    response,
    secure_site_defaults,
    site_defaults,
    to_wsgi,
    wrap_defaults,
)
from ringsession.flask import RingSession
from ringsession.flask import recreate as flask_recreate
from ringsession.request import AppRequest, Request

PLAIN = [("Content-Type", "text/plain")]
OURS = {"Sec-Fetch-Site": "same-origin"}
App = Callable[..., Iterable[bytes]]


def seen_by(app: App, config: Any = site_defaults, **options: Any) -> Any:
    """Return what an app returns as an object, from inside the whole stack."""
    found = []

    def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        found.append(app(environ))
        start_response("200 OK", PLAIN)
        return [b"done"]

    client = Client(wrap_defaults(wsgi, config), use_cookies=False)
    assert client.open(**options).text == "done"
    return found[0]


def test_the_request_in_the_environ_is_a_mapping_without_the_environ() -> None:
    def look(environ: Any) -> Any:
        shown = environ["ringsession.request"]
        keys = {"environ"} & {*shown, *shown.keys(), *dict(shown)}
        with pytest.raises(KeyError, match="'environ'"):
            shown["environ"]
        return isinstance(shown, dict), isinstance(shown, Mapping), keys, shown.get("environ")

    assert seen_by(look) == (False, True, set(), None)


def test_its_length_and_its_keys_agree() -> None:
    assert seen_by(lambda environ: len(environ["ringsession.request"]) > 15)
    shown = AppRequest(Request({"environ": {}, "uri": "/"}))
    assert (len(shown), list(shown), "environ" in shown) == (1, ["uri"], False)
    assert len(AppRequest(Request({"uri": "/"}))) == 1


def test_no_value_of_an_environ_leads_back_to_it() -> None:
    def walk(value: Any, seen: set[int]) -> int:
        """Count the containers that a serializer would visit."""
        assert id(value) not in seen, "a container that holds itself"
        items: Iterable[Any] = ()
        if isinstance(value, dict):
            items = value.values()
        elif isinstance(value, (list, tuple)):
            items = value
        return 1 + sum(walk(item, seen | {id(value)}) for item in items)

    def look(environ: Any) -> int:
        json.dumps(environ, default=str)
        assert "AppRequest" in pprint.pformat(environ)
        return walk(environ, set())

    assert seen_by(look) < 200


def test_its_repr_names_keys_computes_nothing_and_shows_no_value() -> None:
    def look(environ: Any) -> tuple[str, set[str]]:
        request = as_request(environ["ringsession.request"])
        text = repr(environ["ringsession.request"])
        lazy = {"params", "form_params", "flash", "anti_forgery_token", "headers", "cookies"}
        return text, lazy & set(dict.keys(request))

    text, computed = seen_by(look, path="/?secret=1", headers={"Cookie": "a=secret"})
    assert text.startswith("<AppRequest ") and "anti_forgery_token" in text and "flash" in text
    assert ("secret" in text, computed) == (False, set())


def test_everything_that_layers_add_can_be_read_from_it() -> None:
    def look(environ: Any) -> tuple[Any, ...]:
        shown = environ["ringsession.request"]
        file = shown["multipart_params"]["file"]
        return (
            shown["params"]["a"],
            shown["query_params"],
            file["filename"],
            shown["cookies"]["c"],
            shown["session"] is environ["ringsession.session"],
            shown["flash"],
            len(shown["anti_forgery_token"]),
            'name="__anti-forgery-token"' in anti_forgery_field(shown),
            shown["session_key"],
            shown["uri"],
        )

    found = seen_by(
        look,
        path="/x?a=1",
        method="POST",
        data={"file": (io.BytesIO(b"x"), "f.txt")},
        headers={"Cookie": "c=2", **OURS},
    )
    cookie = {"value": "2"}
    assert found == ("1", {"a": "1"}, "f.txt", cookie, True, None, 86, True, None, "/x")


def test_a_handler_takes_it_in_place_of_a_request() -> None:
    def page(request: Any) -> Any:
        return response(f"{request['uri']} {request.get('user')}")

    def look(environ: Any) -> tuple[Any, ...]:
        shown = environ["ringsession.request"]
        ann = shown | {"user": "ann"}
        return page(shown)["body"], page(ann)["body"], as_request(shown) is as_request(shown)

    assert seen_by(look, path="/x") == ("/x None", "/x ann", True)


def test_the_app_still_has_the_servers_own_environ_and_layers_share_what_it_computes() -> None:
    found: list[Any] = []

    def wrap_look(handler: Any) -> Any:
        def look(request: Any) -> Any:
            request["environ"]["own.key"] = 1
            found.append(request)
            return handler(request)

        return look

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        found.append((environ, environ["own.key"], environ["ringsession.request"]["params"]))
        start_response("200 OK", PLAIN)
        return []

    environ: dict[str, Any] = {"QUERY_STRING": "a=1"}
    setup_testing_defaults(environ)
    wrap_defaults(to_wsgi(wrap_look(from_wsgi(app))))(environ, lambda *start: print)
    request, (given, own, params) = found
    assert given is environ and own == 1
    assert params == {"a": "1"} and dict.__getitem__(request, "params") is params


def test_write_in_a_stack_inside_a_stack_keeps_the_cookies_of_both() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["ringsession.response"]["cookies"] = {"inner": "1"}
        start_response("200 OK", PLAIN)(b"written")
        return []

    inner = wrap_defaults(app, {"cookies": True, "responses": {"content_types": True}})
    answer = Client(wrap_defaults(inner)).get("/")
    assert (answer.text, answer.headers.getlist("Set-Cookie")) == ("written", ["inner=1"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# -- no reference cycle


class HoldingServer:
    """A server whose `start_response` holds the environ, as that of wsgiref and waitress does."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        return self.write

    def write(self, data: bytes) -> None:
        """Discard the data."""

    def run(self, app: App) -> None:
        body = app(self.environ, self.start_response)
        try:
            for _ in body:
                pass
        finally:
            getattr(body, "close", int)()


def left_by(app: App, requests: Iterable[Callable[[], dict[str, Any]]]) -> list[str]:
    """Return the types of the objects that only the garbage collector can free after requests."""
    once, again = ([EnvironBuilder(**make()).get_environ() for make in requests] for _ in range(2))

    def run(environs: list[dict[str, Any]]) -> None:
        while environs:
            HoldingServer(environs.pop()).run(app)

    run(once)  # it makes what is made once, such as caches and compiled patterns
    gc.collect()
    gc.freeze()  # what other tests have left, and their finalizers bring to light, does not count
    gc.disable()
    try:
        run(again)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return sorted(f"{type(item).__module__}.{type(item).__name__}" for item in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


PAGE = {"path": "/?a=1", "headers": {"Cookie": "ring-session=none; c=1", **OURS}}


def form() -> dict[str, Any]:
    return {**PAGE, "method": "POST", "data": {"b": "2"}}


def upload() -> dict[str, Any]:
    file = (io.BytesIO(b"x" * 1000), "f.txt")
    return {**PAGE, "method": "POST", "data": {"b": "2", "file": file}}


REQUESTS: list[Callable[[], dict[str, Any]]] = [dict, lambda: PAGE, form, upload]


def read_all(request: Mapping[str, Any]) -> None:
    for key in request:
        request[key]


def bare(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    return [b"ok"]


def touching(environ: Any, start_response: Any) -> Iterable[bytes]:
    environ["ringsession.session"]["n"] = 1
    environ["ringsession.response"]["flash"] = "hello"
    read_all(environ["ringsession.request"])
    start_response("200 OK", PLAIN)
    return [b"ok"]


def streaming(environ: Any, start_response: Any) -> Iterable[bytes]:
    environ["ringsession.session"]["n"] = 1
    start_response("200 OK", PLAIN)
    yield b"a"
    yield str(environ["ringsession.request"]["params"]).encode()


def writing(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)(b"a")
    return streamed(environ)


def streamed(environ: Any) -> Iterable[bytes]:
    yield environ["PATH_INFO"].encode()


def refusing(environ: Any, start_response: Any) -> Iterable[bytes]:
    environ["ringsession.session"].recreate()
    start_response("404 Not Found", PLAIN)
    return [b""]


@pytest.mark.parametrize("app", [bare, touching, streaming, writing, refusing])
@pytest.mark.parametrize("config", [site_defaults, {**secure_site_defaults, "proxy": True}])
def test_a_wsgi_app_leaves_nothing_to_the_garbage_collector(app: App, config: Any) -> None:
    assert left_by(wrap_defaults(app, config), REQUESTS) == []
    assert left_by(wrap_defaults(wrap_defaults(app, config), config), REQUESTS) == []


def read(request: Any) -> Any:
    read_all(request)
    return response("read")


HANDLERS: list[Any] = [
    lambda request: response("untouched"),
    read,
    lambda request: response("set") | {"session": {"n": 1}, "flash": "hello"},
    lambda request: response("in") | {"session": recreate({**request["session"], "user": "ann"})},
    lambda request: response("out") | {"session": None},
    lambda request: response(iter([request["session"].get("n", "-"), "streamed"])),
    lambda request: read(request | {"user": "ann"}),
]


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_leaves_nothing_to_the_garbage_collector(handler: Any) -> None:
    assert left_by(wrap_defaults(to_wsgi(handler)), REQUESTS) == []


def flask_app(config: Any) -> Flask:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
    if config is not None:
        RingSession(app, {**config, "session": {**config.get("session", {}), "store": "memory:"}})

    @app.route("/", methods=["GET", "POST"])
    def home() -> str:
        session["n"] = session.get("n", 0) + 1
        flash("hello")
        if config is not None:
            flask_recreate()
            read_all(flask_request.environ["ringsession.request"])
        return f"{get_flashed_messages()} {flask_request.form.get('b')}"

    return app


@pytest.mark.parametrize("config", [{}, site_defaults], ids=["flask_defaults", "site_defaults"])
def test_a_flask_app_leaves_no_more_than_flask_itself(config: Any) -> None:
    itself = left_by(flask_app(None).wsgi_app, REQUESTS)
    assert left_by(flask_app(config).wsgi_app, REQUESTS) == itself
    assert [name for name in itself if name.startswith("ringsession")] == []


def test_contexts_of_flask_without_and_after_a_request_leave_nothing_of_ours() -> None:
    app = flask_app(site_defaults)

    def contexts(environ: Any, start_response: Any) -> Iterable[bytes]:
        with app.test_request_context("/"):
            session["n"] = 1
            json.dumps(flask_request.environ, default=str)
            assert "environ" not in flask_request.environ["ringsession.request"]
        with app.test_client() as client:
            client.get("/")
            assert session["n"] == 1
        return []

    left = left_by(contexts, [dict])
    assert [name for name in left if name.startswith("ringsession")] == []
