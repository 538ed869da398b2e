"""app.config is read at each use, as in Flask, and the keys and the cookie's name until the first
request.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, request, session

from ringsession import ConfigError, cookie_store, memory_store, site_defaults
from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate
from tests.flask.apps import SECRET, make_app, set_cookies
from tests.machine import import_part

OTHER = "another secret, also of 16 bytes"


def counting(app: Flask) -> Flask:
    @app.get("/")
    def home() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/out")
    def out() -> str:
        session.clear()
        return ""

    @app.get("/permanent")
    def permanent() -> str:
        session.permanent = True
        return ""

    @app.get("/untouched")
    def untouched() -> str:
        return ""

    return app


def sealed_app(key: str | None = SECRET, config: Any = None, **values: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY=key, TESTING=True, **values)
    RingSession(app, config)
    return counting(app)


def tail(answer: Any) -> str:
    (line,) = set_cookies(answer)
    return line.split("; ", 1)[1]


FLAGS: list[tuple[dict[str, Any], str]] = [
    ({"SESSION_COOKIE_SECURE": True}, "Path=/; HttpOnly; SameSite=Lax; Secure"),
    ({"SESSION_COOKIE_HTTPONLY": False}, "Path=/; SameSite=Lax"),
    ({"SESSION_COOKIE_SAMESITE": "Strict"}, "Path=/; HttpOnly; SameSite=Strict"),
    ({"SESSION_COOKIE_PATH": "/a"}, "Path=/a; HttpOnly; SameSite=Lax"),
    ({"APPLICATION_ROOT": "/b"}, "Path=/b; HttpOnly; SameSite=Lax"),
    (
        {"SESSION_COOKIE_DOMAIN": ".Example.org:80"},
        "Path=/; HttpOnly; SameSite=Lax; Domain=Example.org",
    ),
    (
        {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PARTITIONED": True},
        "Path=/; HttpOnly; SameSite=Lax; Secure; Partitioned",
    ),
]


@pytest.mark.parametrize(("values", "attributes"), FLAGS)
def test_a_flag_that_is_set_late_is_on_the_next_cookie_and_on_its_deletion(
    values: Any, attributes: str, store: Any
) -> None:
    app = counting(make_app(store))
    before = app.test_client().get("/")
    assert tail(before) == "Path=/; HttpOnly; SameSite=Lax"
    app.config.update(values)
    assert tail(app.test_client().get("/")) == attributes
    cookie = set_cookies(before)[0].split(";")[0]
    gone = app.test_client(use_cookies=False).get("/out", headers={"Cookie": cookie})
    assert f"session=; {attributes}; Max-Age=0" in set_cookies(gone)


def test_a_flag_that_a_view_or_a_hook_sets_is_on_this_responses_cookie() -> None:
    app = counting(make_app(memory_store()))

    @app.after_request
    def late(response: Any) -> Any:
        app.config["SESSION_COOKIE_SECURE"] = True
        return response

    assert tail(app.test_client().get("/")) == "Path=/; HttpOnly; SameSite=Lax; Secure"


def test_a_late_flag_is_on_a_permanent_cookie_and_on_one_with_a_views_own_attributes() -> None:
    app = counting(make_app(memory_store()))

    @app.get("/own")
    def own() -> Any:
        session["n"] = 1
        request.environ["ringsession.response"]["session_cookie_attrs"] = {"max_age": 5}
        return ""

    app.config["SESSION_COOKIE_SECURE"] = True
    flags = "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age="
    assert tail(app.test_client().get("/own")) == f"{flags}5"
    assert tail(app.test_client().get("/permanent")) == f"{flags}2678400"


def test_the_nested_config_still_wins_over_a_late_flag() -> None:
    app = counting(make_app(memory_store(), {"session": {"cookie_attrs": {"same_site": "strict"}}}))
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_SECURE=True)
    assert tail(app.test_client().get("/")) == "Path=/; HttpOnly; SameSite=Strict; Secure"


def test_attributes_by_a_function_in_the_nested_config_go_over_the_apps_flags() -> None:
    attrs = {"same_site": "strict"}
    app = counting(make_app(memory_store(), {"session": {"cookie_attrs": lambda: attrs}}))
    app.config["SESSION_COOKIE_SECURE"] = True
    assert tail(app.test_client().get("/")) == "Path=/; HttpOnly; SameSite=Strict; Secure"
    attrs["path"] = "/a"
    assert tail(app.test_client().get("/")) == "Path=/a; HttpOnly; SameSite=Strict; Secure"


def test_without_layers_around_the_app_the_late_flags_count_too() -> None:
    app = counting(make_app(memory_store()))
    app.config["SESSION_COOKIE_SECURE"] = True
    with app.test_client() as client, client.session_transaction() as found:
        found["x"] = 1
    cookie = client.get_cookie("session")
    assert cookie is not None and cookie.secure


def idle_times(app: Flask, now: list[float], *moments: float) -> list[str]:
    client, found = app.test_client(), []
    for now[0] in moments:
        found.append(client.get("/").text)
    return found


@pytest.mark.parametrize("make", [memory_store, lambda clock: cookie_store(SECRET, clock=clock)])
def test_a_late_lifetime_is_that_of_the_sessions_that_are_created_after_it(make: Any) -> None:
    now = [1000.0]
    app = counting(make_app(make(clock=lambda: now[0]), PERMANENT_SESSION_LIFETIME=100))
    old = app.test_client()
    old.get("/")
    app.permanent_session_lifetime = timedelta(seconds=1000)
    assert idle_times(app, now, 1000, 1900, 2950) == ["1", "2", "1"]
    assert old.get("/").text == "1"  # its own lifetime has passed
    app.config["PERMANENT_SESSION_LIFETIME"] = 100
    assert idle_times(app, now, 3000, 3090, 3200) == ["1", "2", "1"]


def test_a_shorter_lifetime_counts_for_live_sessions_too_as_after_a_restart() -> None:
    now = [0.0]
    app = counting(make_app(memory_store(clock=lambda: now[0]), PERMANENT_SESSION_LIFETIME=1000))
    client = app.test_client()
    client.get("/")
    app.config["PERMANENT_SESSION_LIFETIME"] = 100
    now[0] = 200
    assert client.get("/").text == "1"


def test_a_recreated_session_gets_the_new_lifetime() -> None:
    now = [0.0]
    app = counting(make_app(memory_store(clock=lambda: now[0]), PERMANENT_SESSION_LIFETIME=100))

    @app.get("/login")
    def login() -> str:
        recreate()
        return ""

    client = app.test_client()
    client.get("/")
    app.config["PERMANENT_SESSION_LIFETIME"] = 1000
    client.get("/login")
    now[0] = 900
    assert client.get("/").text == "2"


def test_the_lifetime_may_be_set_in_before_request_as_many_apps_do() -> None:
    now = [0.0]
    app = counting(make_app(memory_store(clock=lambda: now[0])))

    @app.before_request
    def five_minutes() -> None:
        session.permanent = True
        app.permanent_session_lifetime = timedelta(minutes=5)

    client = app.test_client()
    assert tail(client.get("/")) == "Path=/; HttpOnly; SameSite=Lax; Max-Age=300"
    now[0] = 301
    assert client.get("/").text == "1"


def test_whether_a_permanent_cookie_is_sent_again_is_read_at_each_use() -> None:
    now = [0.0]
    app = counting(make_app(memory_store(clock=lambda: now[0]), PERMANENT_SESSION_LIFETIME=1000))
    client = app.test_client()
    client.get("/permanent")
    sent = []
    for now[0], refresh in ((100, True), (200, False), (300, True)):
        app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh
        sent.append(len(set_cookies(client.get("/permanent"))))
    assert sent == [1, 0, 1]


def test_no_limit_is_no_lifetime_at_all() -> None:
    now = [0.0]
    store = memory_store(clock=lambda: now[0])
    app = counting(make_app(store, PERMANENT_SESSION_LIFETIME=None))
    client = app.test_client()
    assert tail(client.get("/permanent")).endswith(f"Max-Age={400 * 86400}")
    now[0] = 10.0**9
    assert client.get("/").text == "1"
    assert client.get("/").text == "2"


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"SESSION_COOKIE_SAMESITE": "bogus"},
        'app.config["SESSION_COOKIE_SAMESITE"]: expected "strict", "lax" or "none", got \'bogus\'',
    ),
    (
        {"SESSION_COOKIE_SAMESITE": "None"},
        'app.config["SESSION_COOKIE_SAMESITE"]: expected "secure": True beside "none"',
    ),
    (
        {"SESSION_COOKIE_DOMAIN": "a..b"},
        'app.config["SESSION_COOKIE_DOMAIN"]: expected a name such as "example.org", without'
        " scheme, port, path and closing dot, got 'a..b'",
    ),
    (
        {"SESSION_COOKIE_PATH": "/;"},
        'app.config["SESSION_COOKIE_PATH"]: expected a path such as "/app", percent-encoded, with'
        " at most 1024 octets, got '/;'",
    ),
    (
        {"PERMANENT_SESSION_LIFETIME": -1},
        'app.config["PERMANENT_SESSION_LIFETIME"]: expected seconds over 0, or None, got -1',
    ),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_a_wrong_value_that_is_set_late_is_an_error_at_its_use(
    values: Any, message: str, store: Any
) -> None:
    app = counting(make_app(store))
    client = app.test_client()
    client.get("/")
    app.config.update(values)
    with pytest.raises(ConfigError) as caught:
        client.get("/")
    assert str(caught.value) == message
    assert client.get("/untouched").status_code == 200
    app = make_app(store, **{key: None for key in values})
    assert counting(app).test_client().get("/").text == "1"


def test_a_wrong_value_stores_nothing_and_sends_no_cookie() -> None:
    app = counting(make_app(memory_store()))
    client = app.test_client()
    client.get("/")
    app.testing = False
    app.config["SESSION_COOKIE_SAMESITE"] = "bogus"
    answer = client.get("/")
    assert (answer.status_code, set_cookies(answer)) == (500, [])
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    assert client.get("/").text == "2"


def test_the_key_and_the_name_may_be_set_until_the_first_request() -> None:
    app = sealed_app("the key of the development")
    app.config.update(SECRET_KEY=SECRET, SECRET_KEY_FALLBACKS=[OTHER], SESSION_COOKIE_NAME="id")
    first = app.test_client()
    assert (first.get("/").text, first.get("/").text) == ("1", "2")
    cookie = first.get_cookie("id")
    assert cookie is not None and first.get_cookie("session") is None
    other = sealed_app(SECRET, SESSION_COOKIE_NAME="id").test_client()
    other.set_cookie("id", cookie.value)
    assert other.get("/").text == "3"
    older = sealed_app(OTHER, SESSION_COOKIE_NAME="id").test_client()
    older.get("/")
    cookie = older.get_cookie("id")
    assert cookie is not None
    first.set_cookie("id", cookie.value)
    assert first.get("/").text == "2"


def test_a_transaction_before_the_first_request_uses_the_late_name_too() -> None:
    app = counting(make_app(memory_store()))
    app.config["SESSION_COOKIE_NAME"] = "late"
    client = app.test_client()
    with client.session_transaction() as found:
        found["n"] = 5
    assert client.get_cookie("late") is not None
    assert client.get("/").text == "6"
    assert app.session_interface.get_cookie_name(app) == "late"


def test_a_wrong_key_at_the_first_request_is_an_error_until_it_is_right() -> None:
    app = sealed_app()
    app.config["SECRET_KEY"] = "dev"
    for _ in range(2):
        with pytest.raises(ConfigError, match=r'^app.config\["SECRET_KEY"\]: expected at least'):
            app.test_client().get("/")
    app.config["SECRET_KEY"] = OTHER
    assert app.test_client().get("/").text == "1"


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEY", OTHER), ("SECRET_KEY_FALLBACKS", [OTHER])]
)
def test_another_key_after_the_first_request_is_an_error_where_the_cookie_needs_it(
    name: str, value: Any
) -> None:
    app = sealed_app()
    client = app.test_client()
    client.get("/")
    app.config[name] = value
    with pytest.raises(ConfigError) as caught:
        client.get("/")
    assert str(caught.value) == (
        f'app.config["{name}"]: it was changed after the first request, which sealed cookies'
        " cannot follow. Set it before the first request"
    )
    assert client.get("/untouched").status_code == 200
    with_store = counting(make_app(memory_store()))
    with_store.test_client().get("/")
    with_store.config[name] = value
    assert with_store.test_client().get("/").text == "1"


def test_a_list_of_fallback_keys_that_is_changed_in_place_is_noticed() -> None:
    app = sealed_app(SECRET_KEY_FALLBACKS=[])
    app.test_client().get("/")
    app.config["SECRET_KEY_FALLBACKS"].append(OTHER)
    with pytest.raises(ConfigError, match="SECRET_KEY_FALLBACKS"):
        app.test_client().get("/")


def test_another_name_after_the_first_request_is_always_an_error(store: Any) -> None:
    app = counting(make_app(store))
    client = app.test_client()
    client.get("/untouched")
    app.config["SESSION_COOKIE_NAME"] = "late"
    message = (
        "app.config[\"SESSION_COOKIE_NAME\"]: it was changed from 'session' to 'late' after the"
        " first request, so nobody's session would be found. Set it before the first request"
    )
    context = app.test_request_context()
    for ask in (lambda: client.get("/untouched"), context.push):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert str(caught.value) == message
    context.pop()
    app.config["SESSION_COOKIE_NAME"] = "session"
    assert client.get("/").text == "1"


def test_a_late_name_that_the_nested_config_overrides_is_no_error() -> None:
    app = counting(make_app(memory_store(), site_defaults))
    app.test_client().get("/")
    app.config["SESSION_COOKIE_NAME"] = "late"
    assert set_cookies(app.test_client().get("/"))[0].startswith("ring-session=")


def test_a_key_that_is_set_in_vain_before_the_first_request_is_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = counting(make_app(memory_store(), {"session": {"timeout": 60}}, SESSION_TYPE="redis"))
    app.config.update(SESSION_KEY_PREFIX="x:", PERMANENT_SESSION_LIFETIME=5)
    for _ in range(2):
        app.test_client().get("/")
    assert [record.getMessage() for record in caplog.records] == [
        "RingSession does not use these keys of app.config: SESSION_TYPE",
        "RingSession does not use these keys of app.config: PERMANENT_SESSION_LIFETIME,"
        " SESSION_KEY_PREFIX",
    ]


def test_cookies_that_flask_signed_are_read_with_the_late_key_and_lifetime() -> None:
    theirs = Flask(__name__)
    theirs.secret_key = OTHER
    signed = counting(theirs).test_client()
    signed.get("/")
    cookie = signed.get_cookie("session")
    assert cookie is not None
    app = Flask(__name__)
    app.config.update(SECRET_KEY=SECRET)
    config = {"session": {"store": "memory:"}}
    RingSession(app, config, accept_flask_cookies_until=date(2999, 12, 31))
    app.config.update(SECRET_KEY=OTHER)
    counting(app)
    found = []
    with import_part("freezegun").freeze_time(datetime.now() + timedelta(days=60)):
        for days in (31, 90):
            app.permanent_session_lifetime = timedelta(days=days)
            ours = app.test_client()
            ours.set_cookie("session", cookie.value)
            found.append(ours.get("/").text)
    assert found == ["1", "2"]


def test_without_refreshing_a_sealed_cookie_is_not_sealed_again_for_a_mere_read() -> None:
    now = [0.0]
    store = cookie_store(SECRET, clock=lambda: now[0])
    app = make_app(store, PERMANENT_SESSION_LIFETIME=1000)

    @app.get("/read")
    def read() -> str:
        return str(session.get("x"))

    @app.get("/write/<x>")
    def write(x: str) -> str:
        session["x"] = x
        return ""

    client = app.test_client()
    client.get("/write/a")
    found = []
    for now[0], refresh, path in (
        (600, True, "/read"),  # sealed again at half the lifetime
        (1200, False, "/read"),
        (1500, False, "/write/b"),  # the lifetime starts again at a write
        (2400, False, "/read"),
        (2501, False, "/read"),
    ):
        app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh
        answer = client.get(path)
        found.append((answer.text, len(set_cookies(answer))))
    assert found == [("a", 1), ("a", 0), ("", 1), ("b", 0), ("None", 0)]


def test_without_refreshing_a_cookie_that_flask_signed_is_still_taken_over() -> None:
    theirs = Flask(__name__)
    theirs.secret_key = SECRET
    signed = counting(theirs).test_client()
    signed.get("/")
    cookie = signed.get_cookie("session")
    assert cookie is not None
    app = Flask(__name__)
    app.config.update(SECRET_KEY=SECRET, SESSION_REFRESH_EACH_REQUEST=False)
    RingSession(app, accept_flask_cookies_until=date(2999, 12, 31))

    @app.get("/read")
    def read() -> str:
        return str(session.get("n"))

    client = app.test_client()
    client.set_cookie("session", cookie.value)
    answer = client.get("/read")
    assert (answer.text, len(set_cookies(answer))) == ("1", 1)


DOMAINS = [
    (".example.com", "example.com"),
    ("example.com:5000", "example.com"),
    ("müller.example", "xn--mller-kva.example"),
    ("Example.com", "Example.com"),
    ("localhost", "localhost"),
]


@pytest.mark.parametrize(("given", "written"), DOMAINS)
def test_the_domain_is_written_as_werkzeug_writes_it(given: str, written: str) -> None:
    app = make_app(memory_store(), SESSION_COOKIE_DOMAIN=given)
    answer = counting(app).test_client().get("/", base_url=f"http://{written}/")
    assert tail(answer) == f"Path=/; HttpOnly; SameSite=Lax; Domain={written}"


@pytest.mark.parametrize("nothing", [None, False, ""])
def test_no_domain_is_no_attribute(nothing: Any) -> None:
    app = make_app(memory_store(), SESSION_COOKIE_DOMAIN=nothing)
    assert tail(counting(app).test_client().get("/")) == "Path=/; HttpOnly; SameSite=Lax"
