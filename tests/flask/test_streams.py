"""A body that is made while it is sent reads the session, and takes the messages that it shows.

Nothing else can change then. Shared caches learn nothing from it (CVE-2023-30861).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest
from flask import (
    Flask,
    Response,
    copy_current_request_context,
    flash,
    get_flashed_messages,
    render_template_string,
    request,
    send_file,
    session,
    stream_template_string,
    stream_with_context,
)
from werkzeug.debug import DebuggedApplication
from werkzeug.test import Client

from ringsession import SessionCommitted, StoreUnavailable, cookie_store, memory_store
from ringsession.flask import recreate
from tests.flask.apps import SECRET, make_app, set_cookies
from tests.serving import ROOT
from tests.tracing import TracedStore

LOOK = "{{ session.a }} {{ get_flashed_messages() | join(',') }}"


def site(store: Any, config: Any = None, **values: Any) -> Flask:
    app = make_app(store, config, **values)

    @app.get("/set/<key>/<value>")
    def set_it(key: str, value: str) -> str:
        session[key] = value
        return ""

    @app.get("/flash/<message>")
    def flash_it(message: str) -> str:
        flash(message)
        return ""

    @app.get("/end")
    def end() -> str:
        session.clear()
        return ""

    @app.get("/look")
    def look() -> str:
        return render_template_string(LOOK)

    @app.get("/with-context")
    def with_context() -> Response:
        return Response(stream_with_context(part() for part in (read_a, read_messages)))

    @app.get("/template")
    def template() -> Any:
        return stream_template_string(LOOK)

    @app.get("/events")
    def events() -> Response:
        @stream_with_context
        def parts() -> Iterator[str]:
            yield f"data: {session.get('a')}\n\n"

        return Response(parts(), mimetype="text/event-stream")  # type: ignore[call-arg]

    return app


def read_a() -> str:
    return f"{session.get('a')} "


def read_messages() -> str:
    return ",".join(get_flashed_messages())


def traced() -> tuple[Flask, TracedStore]:
    store = TracedStore(memory_store())
    return site(store), store


# -- reading


@pytest.mark.parametrize("path", ["/with-context", "/template", "/events"])
def test_the_first_read_may_be_in_a_stream(store: Any, path: str) -> None:
    client = site(store).test_client()
    client.get("/set/a/1")
    assert client.get(path).text.strip() in ("1", "data: 1")


@pytest.mark.parametrize("path", ["/with-context", "/template", "/events"])
def test_it_costs_one_call_and_none_without_a_cookie(path: str) -> None:
    app, store = traced()
    app.test_client().get(path, buffered=True)
    assert store.taken() == []
    client = app.test_client()
    client.get("/set/a/1")
    store.taken()
    assert (client.get(path, buffered=True).status_code, store.taken()) == (200, ["load"])


def test_a_thread_with_a_copy_of_the_context_reads_after_the_response(store: Any) -> None:
    app, found, threads, is_over = site(store), [], [], Event()

    @app.get("/thread")
    def start() -> str:
        @copy_current_request_context
        def work() -> None:
            is_over.wait(20)
            found.append(dict(session))

        threads.append(Thread(target=work))
        threads[0].start()
        return ""

    client = app.test_client()
    client.get("/set/a/1")
    client.get("/thread")
    is_over.set()
    threads[0].join(20)
    assert found == [{"a": "1"}]


def test_a_debugger_and_a_kept_context_change_nothing(store: Any) -> None:
    app = site(store)
    with app.test_client() as client:
        client.get("/set/a/1")
        with client.get("/with-context") as answer:
            assert answer.text == "1 "
        assert session["a"] == "1"
    debugged = Client(DebuggedApplication(app, evalex=True))
    debugged.get("/set/a/1")
    assert debugged.get("/with-context").text == "1 "


def test_every_look_works_and_every_change_raises(store: Any) -> None:
    app, found = site(store), []

    @app.get("/all")
    def everything() -> Response:
        def parts() -> Any:
            found.extend(["a" in session, len(session), list(session), session.permanent])
            found.extend([session.new, dict(session), session["a"]])
            for write in (lambda: session.update(a=2), session.clear, recreate, lambda: flash("x")):
                with pytest.raises(SessionCommitted):
                    write()
            yield ""

        return Response(stream_with_context(parts()))

    client = app.test_client()
    client.get("/set/a/1")
    client.get("/all", buffered=True)
    assert found == [True, 1, ["a"], False, False, {"a": "1"}, "1"]
    assert client.get("/look").text == "1 "


def test_a_store_that_fails_raises_in_the_generator_and_is_one_error_line(caplog: Any) -> None:
    app, store = traced()

    @app.get("/careful")
    def careful() -> Response:
        def parts() -> Iterator[str]:
            for _ in range(2):
                try:
                    yield str(session["a"])
                except StoreUnavailable:
                    yield "sorry "

        return Response(stream_with_context(parts()))

    client = app.test_client()
    client.get("/set/a/1")
    store.failing = {"load"}
    assert client.get("/careful").text == "sorry sorry "
    (line,) = [record for record in caplog.records if record.name == "ringsession.audit"]
    assert (line.levelname, line.exc_info) == ("ERROR", None)
    assert line.getMessage().startswith(
        "The session store failed after the response had started, so the session cannot be read:"
        " load. store=a store of type TracedStore method=GET path=/careful seconds="
    )


# -- deadlines, with a timeout of 600 s: a read extends it once a minute


def expiries(app: Flask, clock: list[float], *, permanent: bool) -> list[Any]:
    """What is left of a session after 100 s and a stream's read, and after a page's read."""
    client = app.test_client()
    with client.session_transaction() as found:
        found.update(a="1", _permanent=permanent)
    left = []
    for path in ("/left", "/left-in-a-stream", "/left"):
        clock[0] += 100
        answer = client.get(path, buffered=True)
        left.append((float(answer.text), "Max-Age" in str(set_cookies(answer))))
    return left


def timed(config: Any = None, **values: Any) -> tuple[Flask, list[float], TracedStore]:
    clock = [0.0]
    store = TracedStore(memory_store(clock=lambda: clock[0]))
    app = site(store, {"session": {"timeout": 600, **(config or {})}}, **values)

    def left() -> str:
        return str(request.environ["ringsession.session"].expires_in)

    app.add_url_rule("/left", "left", left)
    app.add_url_rule(
        "/left-in-a-stream",
        "late",
        lambda: Response(stream_with_context(part() for part in (left,))),
    )
    return app, clock, store


@pytest.mark.parametrize(("permanent", "config", "values", "expected"), [
    # The cookie says nothing of a lifetime: a stream is activity as any request.
    (False, {}, {}, [(600, False), (600, False), (600, False)]),
    # The cookie has to be sent again, and a stream cannot. The page after it does.
    (True, {}, {}, [(600, True), (500, False), (600, True)]),
    (False, {"rolling": True, "cookie_attrs": {"max_age": 600}}, {},
     [(600, True), (500, False), (600, True)]),
    # The app does not send it again.
    (True, {}, {"SESSION_REFRESH_EACH_REQUEST": False}, [(600, False), (600, False), (600, False)]),
])  # fmt: skip
def test_a_stream_extends_the_timeout_unless_a_cookie_had_to_say_so(
    permanent: bool, config: Any, values: Any, expected: Any
) -> None:
    app, clock, _ = timed(config, **values)
    assert expiries(app, clock, permanent=permanent) == expected


def test_extending_it_costs_one_call_more() -> None:
    app, clock, store = timed()
    client = app.test_client()
    client.get("/set/a/1")
    for seconds, calls in ((1, ["load"]), (100, ["load", "load"]), (1, ["load"])):
        clock[0] += seconds
        store.taken()
        client.get("/events", buffered=True)
        assert (seconds, store.taken()) == (seconds, calls)


def test_of_several_cookies_the_live_one_is_read(store: Any) -> None:
    app = site(store)
    client, other = app.test_client(), app.test_client(use_cookies=False)
    client.get("/set/a/1")
    cookie = client.get_cookie("session")
    assert cookie is not None
    headers = {"Cookie": f"session={'x' * 43}; session={cookie.value}"}
    assert other.get("/with-context", headers=headers).text == "1 "


# -- shared caches


def respond(app: Flask, make: Callable[[], Any], *, with_cookie: bool, method: str = "GET") -> Any:
    app.add_url_rule("/page", "page", make)
    client = app.test_client()
    if with_cookie:
        client.get("/set/a/1")
    return client.open("/page", method=method)


PUBLIC = {"Cache-Control": "public, max-age=60", "Vary": "Accept"}
BODIES: dict[str, tuple[Callable[[], Any], bool]] = {
    "generator": (lambda: Response(part for part in "ab"), True),
    "generator without Response": (lambda: (part for part in "ab"), True),
    "iterator": (lambda: Response(iter(["a"])), True),
    "length": (lambda: Response((part for part in "ab"), headers={"Content-Length": "2"}), True),
    "text": (lambda: "ab", False),
    "list": (lambda: Response(["a", "b"]), False),
    "open file": (lambda: Response(open(ROOT / "LICENSE", "rb")), False),
    "sent file": (lambda: send_file(ROOT / "LICENSE"), False),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("with_cookie", [False, True])
def test_a_stream_varies_by_cookie_and_is_private_where_one_came(
    name: str, with_cookie: bool
) -> None:
    app, store = traced()
    make, is_stream = BODIES[name]
    with respond(app, make, with_cookie=with_cookie) as answer:
        found = (answer.headers.get("Vary"), answer.headers.get("Cache-Control"))
    private = "private" if with_cookie else None
    no_cache = "no-cache" if name == "sent file" else None
    assert found == (("Cookie", private) if is_stream else (None, no_cache))
    assert store.taken() == (["create"] if with_cookie else [])


@pytest.mark.parametrize(("with_cookie", "control"), [
    (False, "public, max-age=60"), (True, "private, max-age=60"),
])  # fmt: skip
def test_what_the_view_said_to_caches_is_kept_as_far_as_it_can_be(
    with_cookie: bool, control: str
) -> None:
    app, _ = traced()
    make = lambda: Response((part for part in "ab"), headers=PUBLIC)  # noqa: E731
    answer = respond(app, make, with_cookie=with_cookie)
    assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Accept, Cookie", control)


def test_a_missing_page_stays_out_of_it() -> None:
    app, _ = traced()
    client = app.test_client()
    client.get("/set/a/1")
    answers = [client.get("/none"), client.get("/static/none"), client.post("/look")]
    assert [(answer.status_code, answer.headers.get("Vary")) for answer in answers] == [
        (404, None), (404, None), (405, None),
    ]  # fmt: skip


# -- messages


def test_messages_in_a_stream_are_shown_once(shared_store: Any) -> None:
    client = site(shared_store).test_client()
    client.get("/set/a/1")
    for path in ("/with-context", "/template"):
        client.get("/flash/one")
        client.get("/flash/two")
        assert [client.get(path).text for _ in range(2)] == ["1 one,two", "1 "]
        assert client.get("/look").text == "1 "


def test_on_the_cookie_store_they_are_shown_again_on_the_next_page() -> None:
    client = site(cookie_store(SECRET)).test_client()
    client.get("/set/a/1")
    client.get("/flash/one")
    answers = [client.get("/template", buffered=True) for _ in range(2)]
    assert [(answer.text, set_cookies(answer)) for answer in answers] == [("1 one", [])] * 2
    assert [client.get("/look").text for _ in range(2)] == ["1 one", "1 "]


def test_taking_them_is_one_call_at_the_end_and_other_keys_are_left_alone() -> None:
    app, store = traced()
    client, other = app.test_client(), app.test_client()

    @app.get("/slow")
    def slow() -> Response:
        def parts() -> Iterator[str]:
            yield read_messages()
            other.get("/set/a/2")
            other.get("/flash/later")
            yield "."

        return Response(stream_with_context(parts()))

    client.get("/set/a/1")
    client.get("/flash/one")
    other.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    store.taken()
    assert client.get("/slow").text == "one."
    assert store.taken() == ["load", *["load", "patch"] * 2, "patch"]
    assert client.get("/look").text == "2 later"


def test_a_client_that_went_away_gets_them_on_its_next_page(shared_store: Any) -> None:
    client = site(shared_store).test_client()
    client.get("/set/a/1")
    client.get("/flash/one")
    with client.get("/with-context") as answer:
        pieces = answer.iter_encoded()
        assert [next(pieces), next(pieces)] == [b"1 ", b"one"]
    client.head("/with-context")
    assert client.get("/look").text == "1 one"


def test_a_generator_is_closed_where_its_client_went_away(store: Any) -> None:
    app, closed = site(store), []

    @app.get("/closing")
    def closing() -> Response:
        def parts() -> Iterator[str]:
            try:
                yield "a"
                yield "b"
            finally:
                closed.append(True)

        return Response(stream_with_context(parts()))

    with app.test_client().get("/closing") as answer:
        next(answer.iter_encoded())
    assert closed == [True]


def test_messages_that_the_same_request_set_are_taken_too(shared_store: Any) -> None:
    app = site(shared_store)

    @app.get("/at-once/<how>")
    def at_once(how: str) -> Any:
        flash("now")
        if how == "recreate":
            recreate()
        elif how == "clear":
            session.clear()
            flash("now")
        return stream_template_string("{{ get_flashed_messages() | join(',') }}")

    for how in ("new", "recreate", "clear", "live"):
        client = app.test_client()
        if how != "new":
            client.get("/flash/before")
        expected = "now" if how in ("new", "clear") else "before,now"
        assert (how, client.get(f"/at-once/{how}").text) == (how, expected)
        assert client.get("/look").text == " "


def test_a_session_that_ended_meanwhile_stays_ended(shared_store: Any) -> None:
    app = site(shared_store)
    client, other = app.test_client(), app.test_client()

    @app.get("/slow")
    def slow() -> Response:
        def parts() -> Iterator[str]:
            yield read_messages()
            other.get("/end")

        return Response(stream_with_context(parts()))

    client.get("/flash/one")
    other.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    assert [client.get(path).text for path in ("/slow", "/look")] == ["one", " "]


def test_a_store_that_fails_at_the_end_is_a_log_line_and_they_are_shown_again(caplog: Any) -> None:
    app, store = traced()
    client = app.test_client()
    client.get("/flash/one")
    store.failing = {"patch"}
    assert client.get("/template").text == " one"
    (line,) = [record for record in caplog.records if record.name == "ringsession"]
    assert (line.levelname, line.getMessage()) == (
        "ERROR",
        "The session store failed after a stream had shown messages, so the next page shows them"
        " again: patch. method=GET path=/template",
    )
    assert line.exc_info is None
    store.failing = set()
    assert client.get("/look").text == " one"


@pytest.mark.parametrize("touch", ["untouched", "read", "changed"])
def test_a_change_inside_a_value_is_an_error_at_the_end(touch: str) -> None:
    app, store = traced()

    @app.get("/inside/<change>")
    def inside(change: str) -> Response:
        if touch != "untouched":
            session["items"]
        if touch == "changed":
            session["n"] = 1

        def parts() -> Iterator[str]:
            items = session["items"]
            yield "page"
            if change == "append":
                items.append(1)
            if change == "object":
                items.append(object())
            yield "."

        return Response(stream_with_context(parts()))

        return Response(stream_with_context(parts()))

    client = app.test_client()
    with client.session_transaction() as found:
        found["items"] = []
    client.get("/flash/one")
    for change in ("append", "object"):
        with pytest.raises(SessionCommitted, match="a value inside the session was changed"):
            client.get(f"/inside/{change}", buffered=True)
    store.taken()
    assert client.get("/inside/none").text == "page."
    assert store.taken() == ["load"]
    with client.session_transaction() as found:
        assert found["items"] == []
    assert client.get("/look").text == " one"


# -- the CSRF token

FIELD = "{{ csrf_field() }}|{{ csrf_token() }}"


def token_site(store: Any) -> Flask:
    app = site(store, {"security": {"anti_forgery": {"mode": "token"}}})
    app.add_url_rule("/form", "form", lambda: stream_template_string(FIELD))
    app.add_url_rule("/field", "field", lambda: stream_template_string("{{ csrf_field() }}"))
    app.add_url_rule("/early", "early", lambda: render_template_string(FIELD))
    app.add_url_rule("/post", "post", lambda: "passed", methods=["POST"])

    @app.get("/asked")
    def asked() -> Any:
        app.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
        return stream_template_string("{{ csrf_token() }}")

    return app


@pytest.mark.parametrize("path", ["/form", "/field"])
@pytest.mark.parametrize("page", ["/look", "/set/a/1"])
def test_a_token_that_needs_a_cookie_says_what_to_call_before(
    store: Any, path: str, page: str
) -> None:
    client = token_site(store).test_client()
    client.get(page)
    with pytest.raises(SessionCommitted) as raised:
        client.get(path)
    assert str(raised.value) == (
        "csrf_token(), csrf_field(): the session has no CSRF token yet, and the response has"
        " already started, so its cookie cannot be sent. Call one of them in the view before the"
        " stream starts."
    )


def test_a_token_that_the_session_has_is_read_in_a_stream(store: Any) -> None:
    client = token_site(store).test_client()
    tokens = [client.get("/asked").text]
    tokens += client.get("/form").text.split("|")[1:]
    for token in tokens:
        assert client.post("/post", headers={"X-CSRF-Token": token}).text == "passed"


# -- contexts that a test keeps


def test_with_a_kept_context_a_stream_takes_its_messages_as_well(shared_store: Any) -> None:
    app = site(shared_store)
    with app.test_client() as client:
        client.get("/flash/one")
        assert client.get("/template").text == " one"
        assert client.get("/template").text == " "
        client.get("/flash/two")
        client.get("/events", buffered=True)
        assert get_flashed_messages() == ["two"]  # by the test, and so not for good
        assert request.path == "/events"
        assert client.get("/look").text == " two"
