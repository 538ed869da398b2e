"""app.config is read, the nested config overrides it, and a wrong one is an error at the start."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, session

from ringsession import (
    ConfigError,
    cookie_store,
    deep_merge,
    memory_store,
    secure_site_defaults,
    site_defaults,
)
from ringsession.flask.app_config import read_config
from ringsession.flask.extension import RingSession
from tests.flask.apps import SECRET, make_app, set_cookies

OTHER = "another secret, also of 16 bytes"


def cookie_of(config: Any = None, *, permanent: bool = False, **values: Any) -> str:
    app = make_app(memory_store(), config, **values)

    @app.get("/")
    def home() -> str:
        session["x"] = 1
        session.permanent = permanent
        return ""

    (cookie,) = set_cookies(app.test_client().get("/", base_url="https://localhost/"))
    name, _, rest = cookie.partition("=")
    return f"{name}; {rest.split('; ', 1)[1]}"


COOKIES = [
    ({}, "session; Path=/; HttpOnly; SameSite=Lax"),
    ({"SESSION_COOKIE_NAME": "id"}, "id; Path=/; HttpOnly; SameSite=Lax"),
    ({"SESSION_COOKIE_PATH": "/a"}, "session; Path=/a; HttpOnly; SameSite=Lax"),
    ({"APPLICATION_ROOT": "/b"}, "session; Path=/b; HttpOnly; SameSite=Lax"),
    ({"SESSION_COOKIE_HTTPONLY": False}, "session; Path=/; SameSite=Lax"),
    ({"SESSION_COOKIE_SECURE": True}, "session; Path=/; HttpOnly; SameSite=Lax; Secure"),
    ({"SESSION_COOKIE_SAMESITE": "Strict"}, "session; Path=/; HttpOnly; SameSite=Strict"),
    (
        {"SESSION_COOKIE_DOMAIN": "example.org"},
        "session; Path=/; HttpOnly; SameSite=Lax; Domain=example.org",
    ),
    (
        {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PARTITIONED": True},
        "session; Path=/; HttpOnly; SameSite=Lax; Secure; Partitioned",
    ),
]


@pytest.mark.parametrize(("values", "cookie"), COOKIES)
def test_the_cookie_is_as_app_config_says(values: Any, cookie: str) -> None:
    assert cookie_of(**values) == cookie


@pytest.mark.parametrize(
    ("lifetime", "max_age"),
    [(timedelta(days=31), 2678400), (60, 60), (timedelta(days=1000), 400 * 86400)],
)
def test_a_permanent_sessions_cookie_lives_as_long_as_it_does(lifetime: Any, max_age: int) -> None:
    cookie = cookie_of(permanent=True, PERMANENT_SESSION_LIFETIME=lifetime)
    assert cookie == f"session; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}"


def test_the_nested_config_wins_and_the_key_under_it_is_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = {
        "session": {"cookie_name": "own", "cookie_attrs": {"same_site": "strict"}, "timeout": 9}
    }
    cookie = cookie_of(
        config,
        permanent=True,
        SESSION_COOKIE_NAME="id",
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=60,
        SESSION_TYPE="redis",
    )
    assert cookie == "own; Path=/; HttpOnly; SameSite=Strict; Max-Age=9"
    assert [record.getMessage() for record in caplog.records] == [
        "RingSession does not use these keys of app.config: PERMANENT_SESSION_LIFETIME,"
        " SESSION_COOKIE_NAME, SESSION_COOKIE_SAMESITE, SESSION_TYPE"
    ]


def test_what_flask_sets_by_itself_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    make_app(memory_store(), site_defaults)
    assert caplog.records == []


def test_a_max_age_of_the_nested_config_is_every_cookies() -> None:
    config = {"session": {"cookie_attrs": {"max_age": 5}}}
    for permanent in (False, True):
        cookie = cookie_of(config, permanent=permanent)
        assert cookie == "session; Path=/; HttpOnly; SameSite=Lax; Max-Age=5"


def test_the_idle_timeout_is_the_lifetime_of_permanent_sessions() -> None:
    now = [0.0]
    app = make_app(memory_store(clock=lambda: now[0]), PERMANENT_SESSION_LIFETIME=100)
    client = app.test_client()
    with client.session_transaction() as found:
        found["x"] = 1
    left = []
    for now[0] in (99, 150, 251):
        with client.session_transaction() as found:
            left.append(dict(found))
    assert left == [{"x": 1}, {"x": 1}, {}]


@pytest.mark.parametrize(("refresh", "permanent", "sent"), [
    (True, True, [1, 0, 1, 0]), (False, True, [1, 0, 0, 0]), (True, False, [1, 0, 0, 0]),
])  # fmt: skip
def test_a_permanent_sessions_cookie_is_sent_again_when_its_deadline_moves(
    refresh: bool, permanent: bool, sent: list[int]
) -> None:
    now = [0.0]
    store = memory_store(clock=lambda: now[0])
    app = make_app(store, PERMANENT_SESSION_LIFETIME=1000, SESSION_REFRESH_EACH_REQUEST=refresh)

    @app.get("/")
    def home() -> str:
        if "x" not in session:
            session["x"] = 1
            session.permanent = permanent
        return ""

    @app.get("/plain")
    def plain() -> str:
        return ""

    client, found = app.test_client(), []
    for now[0], path in ((0, "/"), (10, "/"), (70, "/"), (140, "/plain")):
        found.append(len(set_cookies(client.get(path))))
    assert found == sent


def counting(app: Flask) -> Flask:
    @app.get("/")
    def home() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    return app


def sealed_app(**values: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(values)
    RingSession(app)
    return counting(app)


def test_without_a_store_the_session_is_sealed_under_the_secret_key() -> None:
    client = sealed_app(SECRET_KEY=SECRET).test_client()
    assert [client.get("/").text, client.get("/").text] == ["1", "2"]
    cookie = client.get_cookie("session")
    assert cookie is not None
    other = sealed_app(SECRET_KEY=OTHER, SECRET_KEY_FALLBACKS=[SECRET]).test_client()
    other.set_cookie("session", cookie.value)
    assert other.get("/").text == "3"
    stranger = sealed_app(SECRET_KEY=OTHER).test_client()
    stranger.set_cookie("session", cookie.value)
    assert stranger.get("/").text == "1"
    renewed = other.get_cookie("session")
    assert renewed is not None
    stranger.set_cookie("session", renewed.value)
    assert stranger.get("/").text == "4"


LONGER = (
    "The session's cookie is sealed with this key. `python -m ringsession key` prints a good one;"
    ' or set ["session"]["store"]'
)
WRONG: list[tuple[Any, Any, str]] = [
    (
        {},
        {},
        'RingSession: app.config["SECRET_KEY"] is not set, so the session\'s cookie cannot be'
        ' sealed. Set it before init_app, or set ["session"]["store"] to a server-side store,'
        ' such as "redis://localhost:6379/0"',
    ),
    (
        {"SECRET_KEY": "dev"},
        {},
        f'app.config["SECRET_KEY"]: expected at least 16 bytes, got 3. {LONGER}',
    ),
    (
        {"SECRET_KEY": SECRET, "SECRET_KEY_FALLBACKS": ["short"]},
        {},
        f'app.config["SECRET_KEY_FALLBACKS"][0]: expected at least 16 bytes, got 5. {LONGER}',
    ),
    (
        {"SECRET_KEY": " " * 16},
        {},
        'app.config["SECRET_KEY"]: expected random bytes, got the same few over and over.'
        f" {LONGER}",
    ),
    (
        {"SECRET_KEY": b"k" * 32},
        {},
        'app.config["SECRET_KEY"]: expected random bytes, got the same few over and over.'
        f" {LONGER}",
    ),
    (
        {"SECRET_KEY": SECRET, "SECRET_KEY_FALLBACKS": [OTHER, "changeme" * 2]},
        {},
        'app.config["SECRET_KEY_FALLBACKS"][1]: expected random bytes, got the same few over and'
        f" over. {LONGER}",
    ),
    (
        {"SECRET_KEY": SECRET, "SECRET_KEY_FALLBACKS": OTHER},
        {},
        'app.config["SECRET_KEY_FALLBACKS"]: expected a list of keys, got one key',
    ),
    ({"SECRET_KEY": 5}, {}, 'app.config["SECRET_KEY"]: expected str or bytes, got int'),
    (
        {"SECRET_KEY": SECRET, "SESSION_COOKIE_SAMESITE": "bogus"},
        {},
        'app.config["SESSION_COOKIE_SAMESITE"]: expected "strict", "lax" or "none", got \'bogus\'',
    ),
    (
        {"SECRET_KEY": SECRET, "SESSION_COOKIE_DOMAIN": "http://example.org"},
        {},
        'app.config["SESSION_COOKIE_DOMAIN"]: expected a name such as "example.org", without'
        " scheme, port, path and closing dot, got 'http://example.org'",
    ),
    (
        {"SECRET_KEY": SECRET, "SESSION_COOKIE_PATH": "app"},
        {},
        'app.config["SESSION_COOKIE_PATH"]: expected a path such as "/app", percent-encoded, with'
        " at most 1024 octets, got 'app'; write '/app'",
    ),
    (
        {"SECRET_KEY": SECRET, "APPLICATION_ROOT": "app"},
        {},
        'app.config["APPLICATION_ROOT"]: expected a path such as "/app", percent-encoded, with'
        " at most 1024 octets, got 'app'; write '/app'",
    ),
    (
        {"SECRET_KEY": SECRET, "SESSION_COOKIE_SAMESITE": "None"},
        {},
        'app.config["SESSION_COOKIE_SAMESITE"]: expected "secure": True beside "none"',
    ),
    (
        {"SECRET_KEY": SECRET, "SESSION_COOKIE_NAME": "a b"},
        {},
        "app.config[\"SESSION_COOKIE_NAME\"]: expected a token (RFC 9110), got 'a b'",
    ),
    (
        {"SECRET_KEY": SECRET, "PERMANENT_SESSION_LIFETIME": 0},
        {},
        'app.config["PERMANENT_SESSION_LIFETIME"]: expected seconds over 0, or None, got 0',
    ),
    (
        {"SECRET_KEY": SECRET},
        {"session": {"time_out": 5}},
        '["session"]["time_out"]: unknown key; did you mean "timeout"?',
    ),
    ({"SECRET_KEY": SECRET}, {"session": False}, '["session"]: expected a dict, got bool'),
    ({"SECRET_KEY": SECRET}, ["session"], "RingSession: expected a dict, got list"),
    (
        {},
        {"session": {"store": "oracle://"}},
        '["session"]["store"]: expected a store, or "memory:", "sqlite:///sessions.db",'
        ' "redis://...", "rediss://...", "postgresql+psycopg://..." or "mysql+pymysql://...", got'
        " another text",
    ),
]


@pytest.mark.parametrize(("values", "config", "message"), WRONG)
def test_a_wrong_config_is_an_error_at_the_start(values: Any, config: Any, message: str) -> None:
    app = Flask(__name__)
    app.config.update(values)
    with pytest.raises(ConfigError) as caught:
        RingSession(app, config)
    assert str(caught.value) == message
    assert "ringsession" not in app.extensions and not hasattr(app.wsgi_app, "handler")


@pytest.mark.parametrize(
    "key",
    [
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        b'_5#y2L"F4Q8z\n\xec]/',
        "a secret of at least 16 bytes",
    ],
)
def test_a_key_out_of_documentation_works_with_a_warning(key: Any, caplog: Any) -> None:
    client = sealed_app(SECRET_KEY=key).test_client()
    assert [client.get("/").text, client.get("/").text] == ["1", "2"]
    [message] = [record.getMessage() for record in caplog.records]
    assert "known to everybody" in message
    for shown in (str(key), repr(key)):
        assert shown not in message


def test_no_error_shows_a_key() -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "hunter2"
    with pytest.raises(ConfigError) as caught:
        RingSession(app)
    assert "hunter2" not in str(caught.value)


def test_a_second_time_for_one_app_is_an_error() -> None:
    app = make_app(memory_store())
    with pytest.raises(ConfigError, match="this app already has a RingSession"):
        RingSession(app)


def test_only_session_flash_and_cookies_are_on_by_themselves() -> None:
    values = {**Flask.default_config, "SECRET_KEY": SECRET}
    store = memory_store()
    assert read_config(values, {"session": {"store": store}}) == {
        "cookies": True,
        "session": {
            "flash": True,
            "store": store,
            "cookie_name": "session",
            "cookie_attrs": {
                "path": "/", "http_only": True, "same_site": "lax", "secure": False,
                "partitioned": False,
            },
            "timeout": 2678400.0,
        },
    }  # fmt: skip


def test_where_the_token_is_asked_for_forms_are_read() -> None:
    values = {**Flask.default_config, "SECRET_KEY": SECRET}
    config = read_config(values, {"security": {"anti_forgery": True}})
    assert config["params"] == {"urlencoded": True, "multipart": True}
    own = {"security": {"anti_forgery": True}, "params": {"multipart": {"max_size": 5}}}
    assert read_config(values, own)["params"]["multipart"] == {"max_size": 5}


def test_the_whole_stack_is_site_defaults() -> None:
    store = memory_store()
    client = counting(make_app(store, site_defaults)).test_client()
    answer = client.get("/")
    assert set_cookies(answer)[0].startswith("ring-session=")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    redirected = make_app(store, secure_site_defaults).test_client().get("/")
    assert redirected.headers["Location"] == "https://localhost/"


NAMED = "__Host-secure-ring-session"


def test_the_whole_stack_over_https_has_a_cookie_that_no_neighbour_can_set(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "ringsession")
    app = counting(make_app(memory_store(), secure_site_defaults, SESSION_COOKIE_NAME="shop"))
    client = app.test_client()
    answers = [client.get("/", base_url="https://localhost") for _ in range(2)]
    assert [answer.text for answer in answers] == ["1", "2"]
    (line,) = set_cookies(answers[0])
    assert line.startswith(f"{NAMED}=") and "; Secure" in line and "Domain" not in line
    assert "SESSION_COOKIE_NAME" in caplog.text  # the nested config has a name of its own


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"SESSION_COOKIE_DOMAIN": "example.org"}, "domain 'example.org'"),
        ({"SESSION_COOKIE_PATH": "/shop"}, "path '/shop'"),
        ({"APPLICATION_ROOT": "/shop"}, "path '/shop'"),
    ],
    ids=str,
)
def test_a_domain_or_path_of_app_config_beside_the_secure_name_says_what_to_write(
    values: dict[str, Any], found: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_app(memory_store(), secure_site_defaults, **values)
    assert str(caught.value) == (
        f'["session"]["cookie_name"]: expected path "/" and no domain beside {NAMED!r}, got'
        f" {found}; write a name without __Host-, such as '__Secure-secure-ring-session'"
    )
    own = deep_merge(secure_site_defaults, {"session": {"cookie_name": "__Secure-shop"}})
    assert make_app(memory_store(), own, **values)


def test_a_store_that_is_given_needs_no_secret_key() -> None:
    app = Flask(__name__)
    RingSession(app, {"session": {"store": cookie_store(OTHER)}})
    assert counting(app).test_client().get("/").text == "1"


def test_a_store_by_its_name_is_opened_once() -> None:
    app = Flask(__name__)
    RingSession(app, {"session": {"store": "memory:"}})
    client = counting(app).test_client()
    client.get("/")
    with client.session_transaction() as found:  # the same store as the layers'
        assert found["n"] == 1


def test_the_log_is_the_packages_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ringsession")
    make_app(memory_store(), SESSION_KEY_PREFIX="x:")
    assert [record.name for record in caplog.records] == ["ringsession"]


class Unbound:
    """What an extension keeps in app.config and reads inside an app context only."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("Working outside of application context.")


def test_a_value_of_another_extension_is_not_looked_at() -> None:
    app = Flask(__name__)
    app.config["MAIL_SENDER"] = Unbound()
    RingSession(app, {"session": {"store": "memory:"}})
    assert app.test_client().get("/").status_code == 404
