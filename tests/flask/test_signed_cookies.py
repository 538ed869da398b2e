"""Cookies that Flask itself signed are read once and stored as ours, if the app says until when."""

from __future__ import annotations

import zlib
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, flash, get_flashed_messages, request, session, stream_template_string
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from itsdangerous import TimestampSigner
from itsdangerous.encoding import base64_encode
from markupsafe import Markup

from ringsession import ConfigError, cookie_store, memory_store
from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate
from tests.flask.apps import SECRET, set_cookies
from tests.tracing import TracedStore

FAR = date(2999, 1, 1)


def moved_app(store: Any, until: Any = FAR, **values: Any) -> Flask:
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": SECRET, "TESTING": True, **values})
    RingSession(app, {"session": {"store": store}}, accept_flask_cookies_until=until)

    @app.get("/")
    def home() -> Any:
        return repr(dict(session))

    @app.get("/set")
    def set_it() -> str:
        session["n"] = session.get("n", 0) + 1
        return ""

    @app.get("/swap")
    def swap() -> str:
        ring = request.environ["ringsession.session"]
        return str(ring.swap("n", lambda n: (n or 0) + 1))

    @app.get("/messages")
    def messages() -> Any:
        return get_flashed_messages(with_categories=True)

    @app.get("/login")
    def login() -> str:
        recreate()
        session["user"] = "bob"
        return ""

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        return ""

    @app.get("/plain")
    def plain() -> str:
        return ""

    return app


KNOWN = "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"


def signed(key: str = SECRET, **data: Any) -> str:
    app = Flask(__name__)
    app.secret_key = key
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return str(serializer.dumps(data))


def sign(payload: bytes) -> str:
    app = Flask(__name__)
    app.secret_key = SECRET
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    signer: Any = serializer.make_signer(serializer.salt)
    return str(signer.sign(payload).decode())


def client_with(app: Flask, value: str) -> Any:
    client = app.test_client()
    client.set_cookie("session", value)
    return client


VALUES: dict[str, Any] = {
    "user": "ann",
    "_permanent": True,
    "tuple": (1, (2,)),
    "bytes": b"\x00\xff",
    "markup": Markup("<b>"),
    "uuid": UUID(int=5),
    "date": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    "tagged": {" t": [1]},
    "deep": [{"a": None, "b": 1.5}],
}


def test_a_signed_session_comes_back_with_its_types_and_as_ours(store: Any) -> None:
    client = client_with(moved_app(store), signed(**VALUES))
    answer = client.get("/")
    assert answer.text == repr(VALUES)
    (cookie,) = set_cookies(answer)
    assert "." not in cookie.split(";")[0] and "Max-Age=2678400" in cookie
    again = client.get("/")
    assert (again.text, set_cookies(again)) == (repr(VALUES), [])


def test_a_long_one_that_flask_compressed_too(store: Any) -> None:
    value = signed(text="a" * 1000)
    assert value.startswith(".")
    client = client_with(moved_app(store), value)
    assert client.get("/").text == client.get("/").text == repr({"text": "a" * 1000})


def test_its_messages_wait_on(store: Any) -> None:
    app = Flask(__name__)
    app.secret_key = SECRET

    @app.get("/")
    def home() -> str:
        flash("a")
        flash("b", "error")
        return ""

    old = app.test_client()
    old.get("/")
    cookie = old.get_cookie("session")
    assert cookie is not None
    client = client_with(moved_app(store), cookie.value)
    assert client.get("/messages").json == [["message", "a"], ["error", "b"]]
    assert client.get("/messages").json == []


MOVE = ["load", "create", "create"]  # is there a marker? the session, and its marker


def test_it_is_read_once_and_costs_a_call_for_each_step() -> None:
    store = TracedStore(memory_store())
    client = client_with(moved_app(store), signed(n=1))
    assert client.get("/plain").headers.get("Set-Cookie") is None
    assert store.taken() == []
    client.get("/")
    assert store.taken() == ["load", *MOVE, "load"]
    client.get("/set")
    assert store.taken() == ["load", "patch"]


@pytest.mark.parametrize(("path", "calls", "then"), [
    ("/set", [*MOVE, "load", "patch"], "{'n': 2}"),
    ("/swap", [*MOVE, "swap", "load"], "{'n': 2}"),
    ("/login", [*MOVE, "load", "create", "claim"], "{'n': 1, 'user': 'bob'}"),
    ("/logout", ["load", "create"], "{}"),  # the marker alone says that it has ended
])  # fmt: skip
def test_the_first_request_may_do_anything_with_it(path: str, calls: list[str], then: str) -> None:
    store = TracedStore(memory_store())
    client = client_with(moved_app(store), signed(n=1))
    client.get(path)
    assert store.taken() == ["load", *calls]
    assert client.get("/").text == then


def test_the_keys_of_the_layers_are_not_taken_from_it() -> None:
    client = client_with(moved_app(memory_store()), signed(**{"ringsession/x": 1, "a": 2}))
    assert client.get("/").text == "{'a': 2}"


REFUSED = {
    "another key": signed("another secret, also of 16 bytes", n=1),
    "no signature": "eyJuIjoxfQ.aaaaaa.bbbb",
    "dots": "...",
    "not ASCII": "é.é.é",
    "a list": sign(base64_encode(b"[1]")),
    "no JSON": sign(base64_encode(b"{")),
    "not UTF-8": sign(base64_encode(b'{"a":"\xff"}')),
    "no base64": sign(b"!"),
    "no zlib": sign(b"." + base64_encode(b"abc")),
    "zlib broken off": sign(b"." + base64_encode(zlib.compress(b'{"a":"%s"}' % (b"x" * 999))[:-9])),
    "zlib of a megabyte": sign(
        b"." + base64_encode(zlib.compress(b'{"a":"%s"}' % (b"x" * 1_000_000)))
    ),
    "messages of another shape": sign(base64_encode(b'{"_flashes":5}')),
    "too deep": sign(
        b"." + base64_encode(zlib.compress(b'{"a":' + b"[" * 9999 + b"]" * 9999 + b"}"))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_is_an_empty_session(name: str) -> None:
    store = TracedStore(memory_store())
    client = client_with(moved_app(store), REFUSED[name])
    answer = client.get("/")
    assert (answer.status_code, answer.text, set_cookies(answer)) == (200, "{}", [])


def test_a_fallback_key_of_the_app_opens_it_too() -> None:
    app = moved_app(memory_store(), SECRET_KEY="new", SECRET_KEY_FALLBACKS=[SECRET])
    assert client_with(app, signed(n=1)).get("/").text == "{'n': 1}"


def test_one_older_than_the_lifetime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    value, now = signed(n=1), TimestampSigner(SECRET).get_timestamp()
    app = moved_app(memory_store(), PERMANENT_SESSION_LIFETIME=100)
    for age, text in ((99, "{'n': 1}"), (102, "{}"), (-5, "{}")):
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now + age)
        assert client_with(app, value).get("/").text == text


def test_without_the_option_no_signed_cookie_is_read(store: Any) -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    RingSession(app, {"session": {"store": store}})
    app.add_url_rule("/", "home", lambda: repr(dict(session)))
    assert client_with(app, signed(n=1)).get("/").text == "{}"


def test_after_the_date_none_is_read_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    app = moved_app(memory_store(), date(2020, 1, 1))
    assert client_with(app, signed(n=1)).get("/").text == "{}"
    assert [record.getMessage() for record in caplog.records] == [
        "The date of accept_flask_cookies_until has passed. You can remove it"
    ]


@pytest.mark.parametrize(("until", "taken"), [
    (timedelta(seconds=60), True), (timedelta(seconds=-60), False),
])  # fmt: skip
def test_a_moment_may_be_given_too(until: timedelta, taken: bool) -> None:
    app = moved_app(memory_store(), datetime.now(timezone.utc) + until)
    assert client_with(app, signed(n=1)).get("/").text == ("{'n': 1}" if taken else "{}")


def test_a_date_that_is_none_is_an_error_at_the_start() -> None:
    with pytest.raises(ConfigError, match="accept_flask_cookies_until: expected a date, got str"):
        moved_app(memory_store(), "2026-12-31")
    with pytest.raises(ConfigError, match="app.config.*SECRET_KEY.* is not set. Set the key that"):
        moved_app(memory_store(), SECRET_KEY=None)


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({}, 0),
        ({"SECRET_KEY": KNOWN}, 1),
        ({"SECRET_KEY": KNOWN.encode()}, 1),
        ({"SECRET_KEY_FALLBACKS": ["old", KNOWN]}, 1),
    ],
)
def test_a_signing_key_out_of_documentation_works_with_a_warning(
    values: Any, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    moved_app(memory_store(), **values)
    assert len(caplog.records) == lines
    for record in caplog.records:
        assert record.getMessage() == (
            "accept_flask_cookies_until: a SECRET_KEY is known to everybody, since documentation"
            " shows it: whoever uses it can sign any session"
        )


def test_session_transaction_reads_it_too(store: Any) -> None:
    client = client_with(moved_app(store), signed(n=1))
    with client.session_transaction() as found:
        assert dict(found) == {"n": 1}
    assert client.get("/").text == "{'n': 1}"


def test_a_stream_reads_it_and_takes_its_messages_once_it_is_stored(shared_store: Any) -> None:
    app = moved_app(shared_store)

    @app.get("/stream")
    def stream() -> Any:
        return stream_template_string("{{ session.n }} {{ get_flashed_messages() | join }}")

    client = client_with(app, signed(n=1, _flashes=[("message", "hello")]))
    answers = [client.get("/stream", buffered=True) for _ in range(2)]
    # To store it needs a new cookie, which a stream cannot send.
    assert [(answer.text, set_cookies(answer)) for answer in answers] == [("1 hello", [])] * 2
    client.get("/")
    assert [client.get("/stream").text for _ in range(2)] == ["1 hello", "1 "]


def test_once_it_is_stored_the_inner_store_does_everything() -> None:
    store = TracedStore(memory_store())
    client = client_with(moved_app(store), signed(n=1))
    client.get("/")
    store.taken()
    found = {}
    for path in ("/set", "/swap", "/login", "/logout", "/set"):
        client.get(path)
        found[path] = store.taken()
    assert found == {
        "/swap": ["load", "swap"],
        "/login": ["load", "create", "claim"],
        "/logout": ["load", "destroy"],
        "/set": ["create"],  # of the second /set, after the logout
    }


def test_the_cookie_stores_own_cookies_are_sealed_anew_at_half_their_time() -> None:
    now = [1_800_000_000.0]
    store = cookie_store(SECRET, clock=lambda: now[0])
    client = moved_app(store, PERMANENT_SESSION_LIFETIME=100).test_client()
    client.get("/set")
    sent = []
    for seconds in (10, 60, 70):
        now[0] = 1_800_000_000.0 + seconds
        sent.append(len(set_cookies(client.get("/"))))
    assert sent == [0, 1, 0]


def test_an_interface_of_another_extension_before_ours_changes_nothing() -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    app.session_interface = SessionInterface()
    RingSession(app, {"session": {"store": memory_store()}}, accept_flask_cookies_until=FAR)
    app.add_url_rule("/", "home", lambda: repr(dict(session)))
    assert client_with(app, signed(n=1)).get("/").text == "{'n': 1}"


class BadStore(TracedStore):
    def check(self) -> None:
        raise ValueError("expected noeviction, got allkeys-lru")

    def __repr__(self) -> str:
        return "<a bad store>"


def test_what_the_inner_store_says_at_the_start_is_said() -> None:
    with pytest.raises(ConfigError) as caught:
        moved_app(BadStore(memory_store()))
    assert str(caught.value) == '["session"]["store"]: expected noeviction, got allkeys-lru'


def test_a_store_of_one_process_warns_by_its_own_name() -> None:
    store = memory_store()
    client = moved_app(store).test_client()
    with pytest.warns(RuntimeWarning, match="^<memory_store with 0 entries> works in one process"):
        client.get("/", environ_overrides={"wsgi.multiprocess": True})
