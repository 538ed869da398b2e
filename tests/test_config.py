"""Configs are read, changed and checked, and an error names the wrong place."""

from __future__ import annotations

import copy
import inspect
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    LAYERS,
    ConfigError,
    api_defaults,
    assoc_in,
    cookie_store,
    deep_merge,
    memory_store,
    redis_store,
    response,
    secure_api_defaults,
    secure_site_defaults,
    site_defaults,
    sql_store,
    sqlite_store,
    to_wsgi,
    wrap_defaults,
    wrap_session,
)
from ringsession.config import KEYS, check_config
from ringsession.explain import explain
from tests.naming import name_value

FOUR = [site_defaults, secure_site_defaults, api_defaults, secure_api_defaults]


def app(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


@pytest.mark.parametrize("config", FOUR, ids=["site", "secure site", "api", "secure api"])
def test_each_of_the_four_configs_wraps_an_app(config: dict[str, Any]) -> None:
    before = copy.deepcopy(config)
    assert callable(wrap_defaults(app, config))
    assert config == before


def test_wrapping_reads_the_config_once() -> None:
    config = deep_merge(site_defaults, {"session": {"cookie_name": "before"}})
    wrapped = wrap_defaults(to_wsgi(lambda r: response("") | {"session": {"a": 1}}), config)
    config["session"]["cookie_name"] = "after"
    config["session"]["cookie_attrs"]["path"] = "/after"
    told: list[Any] = []
    list(wrapped(_environ(), lambda status, headers: told.extend(headers)))
    assert dict(told)["Set-Cookie"].startswith("before=")
    assert "Path=/;" in dict(told)["Set-Cookie"]


def _environ() -> dict[str, Any]:
    from werkzeug.test import EnvironBuilder

    return EnvironBuilder().get_environ()


def test_assoc_in_returns_a_new_config_and_does_not_change_the_old() -> None:
    config = assoc_in(site_defaults, ["session", "cookie_attrs", "max_age"], 10)
    assert config["session"]["cookie_attrs"]["max_age"] == 10
    assert "max_age" not in site_defaults["session"]["cookie_attrs"]
    config["session"]["cookie_attrs"]["path"] = "/x"
    assert "path" not in site_defaults["session"]["cookie_attrs"]


def test_assoc_in_makes_the_dicts_on_its_way() -> None:
    assert assoc_in({"a": False}, ["a", "b"], 1) == {"a": {"b": 1}}


def test_deep_merge_merges_dicts_and_replaces_other_values() -> None:
    one = {"a": {"b": 1, "c": [1]}, "d": 1}
    assert deep_merge(one, {"a": {"b": 2, "e": 3}}, {"d": {"f": 4}}) == {
        "a": {"b": 2, "c": [1], "e": 3},
        "d": {"f": 4},
    }
    assert one == {"a": {"b": 1, "c": [1]}, "d": 1}


@pytest.mark.parametrize(
    "make", [memory_store, lambda: cookie_store("a key of 32 characters for tests")]
)
def test_a_copy_of_a_config_has_the_same_store(make: Any) -> None:
    store = make()
    config = assoc_in(site_defaults, ["session", "store"], store)
    for copied in (
        copy.deepcopy(config),
        copy.copy(config),
        deep_merge(config, {}),
        assoc_in(config, ["proxy"], False),
        copy.deepcopy(deep_merge({}, config)),
    ):
        assert copied["session"]["store"] is store


def test_without_a_store_each_call_makes_a_new_memory_store() -> None:
    def counting(request: Any) -> Any:
        request["session"]["n"] = request["session"].get("n", 0) + 1
        return {"status": 200, "headers": {}, "body": str(request["session"]["n"])}

    from werkzeug.test import Client

    one, other = (wrap_defaults(to_wsgi(counting)) for _ in range(2))
    cookie = Client(one).get("/").headers["Set-Cookie"].split(";")[0]
    assert Client(one, use_cookies=False).get("/", headers={"Cookie": cookie}).text == "2"
    assert Client(other, use_cookies=False).get("/", headers={"Cookie": cookie}).text == "1"


WRONG = [
    (["sesion"], {}, '["sesion"]: unknown key; did you mean "session"?'),
    (["session", "time_out"], 5, '["session"]["time_out"]: unknown key; did you mean "timeout"?'),
    (
        ["session", "timeout"],
        "60",
        '["session"]["timeout"]: expected seconds over 0, or None, got \'60\'',
    ),
    (["session", "timeout"], 0, '["session"]["timeout"]: expected seconds over 0, or None, got 0'),
    (
        ["session", "timeout"],
        True,
        '["session"]["timeout"]: expected seconds over 0, or None, got True',
    ),
    (["session", "flash"], 1, '["session"]["flash"]: expected True or False, got 1'),
    (["session", "cookie_name"], b"x", '["session"]["cookie_name"]: expected a str, got b\'x\''),
    (
        ["session", "cookie_attrs"],
        "x",
        '["session"]["cookie_attrs"]: expected a dict, or a function that returns one, got \'x\'',
    ),
    (["session", "root"], 5, '["session"]["root"]: expected a str or None, got 5'),
    (["session"], "on", "[\"session\"]: expected a dict, True or False, got 'on'"),
    (["cookies"], None, '["cookies"]: expected True or False, got None'),
    (["proxy"], 1, '["proxy"]: expected a dict, True or False, got 1'),
    (["proxy", "hop"], 1, '["proxy"]["hop"]: unknown key; did you mean "hops"?'),
    (["proxy", "hops"], 0, '["proxy"]["hops"]: expected a number of proxies over 0, got 0'),
    (
        ["proxy", "hops"],
        "2",
        '["proxy"]["hops"]: expected a number of proxies over 0, got \'2\'',
    ),
    (
        ["security", "frame_options"],
        "allow",
        '["security"]["frame_options"]: expected "sameorigin" or "deny", got \'allow\'',
    ),
    (
        ["security", "anti_forgery", "mode"],
        "on",
        '["security"]["anti_forgery"]["mode"]: expected "auto", "token" or "strict", got \'on\'',
    ),
    (
        ["static", "files"],
        "/no/such/folder",
        '["static"]["files"]: expected a folder that is there, got \'/no/such/folder\'',
    ),
    (
        ["static", "files"],
        True,
        '["static"]["files"]: expected a path, a list of them, a dict or False, got True',
    ),
    (
        ["responses", "default_charset"],
        "klingon",
        '["responses"]["default_charset"]: expected one that is known, got \'klingon\'',
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_a_config_error_names_the_place_the_expected_value_and_the_wrong_value(
    path: list[str], value: Any, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(app, assoc_in(site_defaults, path, value))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("attrs", "where"),
    [
        ({"same_site": "bogus"}, '["session"]["cookie_attrs"]["same_site"]: expected'),
        ({"same_site": "none", "secure": False}, '["session"]["cookie_attrs"]["same_site"]: '),
        ({"partitioned": True}, '["session"]["cookie_attrs"]["partitioned"]: '),
        ({"max_age": "10"}, '["session"]["cookie_attrs"]["max_age"]: expected'),
        ({"max_age": timedelta(days=401)}, '["session"]["cookie_attrs"]["max_age"]: expected'),
        ({"path": "/; Domain=evil"}, '["session"]["cookie_attrs"]["path"]: expected'),
        ({"path": "app"}, '["session"]["cookie_attrs"]["path"]: expected a path such as'),
        ({"domain": "example.org:80"}, '["session"]["cookie_attrs"]["domain"]: expected a name'),
        ({"samesite": "lax"}, '["session"]["cookie_attrs"]["samesite"]: '),
    ],
    ids=repr,
)
def test_a_cookie_that_a_browser_would_drop_is_refused_when_wrapping(
    attrs: dict[str, Any], where: str
) -> None:
    config = deep_merge(site_defaults, {"session": {"cookie_attrs": attrs}})
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(app, config)
    assert str(caught.value).startswith(where)


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("__Host-id", {}),
        ("__Host-id", {"secure": True, "domain": "example.org"}),
        ("__Host-id", {"secure": True, "path": "/x"}),
        ("__Secure-id", {}),
        ("a b", {}),
        ("", {}),
    ],
)
def test_a_name_that_its_attributes_contradict_is_refused(name: str, attrs: Any) -> None:
    config = deep_merge(site_defaults, {"session": {"cookie_name": name, "cookie_attrs": attrs}})
    with pytest.raises(ConfigError, match=r'^\["session"\]'):
        wrap_defaults(app, config)


def test_a_root_counts_as_the_path() -> None:
    attrs = {
        "session": {"cookie_name": "__Host-id", "cookie_attrs": {"secure": True}, "root": "/x"}
    }
    with pytest.raises(ConfigError, match=r'^\["session"\]'):
        wrap_defaults(app, deep_merge(site_defaults, attrs))


SECURE_NAME = "__Host-secure-ring-session"
OTHER_NAME = "write a name without __Host-, such as '__Secure-secure-ring-session'"


def secure_cookie(session: Any) -> str:
    """Return the Set-Cookie line of a site with the secure config, without the session's id."""

    def handler(request: Any) -> Any:
        return response("") | {"session": {"user": "ann"}}

    config = deep_merge(secure_site_defaults, {"session": session})
    answer = Client(wrap_defaults(to_wsgi(handler), config)).get("/", base_url="https://localhost")
    name, _, attrs = answer.headers["Set-Cookie"].partition("=")
    return f"{name}; {attrs.partition('; ')[2]}"


def test_the_secure_config_names_its_cookie_so_that_no_neighbour_can_set_it() -> None:
    assert secure_site_defaults["session"]["cookie_name"] == SECURE_NAME
    assert secure_cookie({}) == f"{SECURE_NAME}; Path=/; HttpOnly; SameSite=Lax; Secure"


@pytest.mark.parametrize(
    ("session", "found"),
    [
        ({"cookie_attrs": {"domain": "example.org"}}, "domain 'example.org'"),
        ({"cookie_attrs": {"path": "/shop"}}, "path '/shop'"),
        ({"cookie_attrs": {"path": None}}, "path None"),
        ({"root": "/shop"}, "path '/shop'"),
        ({"root": "/shop", "cookie_attrs": {"path": "/"}}, "path '/shop'"),
    ],
    ids=str,
)
def test_a_domain_or_path_beside_the_secure_name_is_an_error_that_says_what_to_write(
    session: Any, found: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        secure_cookie(session)
    expected = f'expected path "/" and no domain beside {SECURE_NAME!r}, got {found}; {OTHER_NAME}'
    assert str(caught.value) == f'["session"]["cookie_name"]: {expected}'
    assert secure_cookie({**session, "cookie_name": "__Secure-secure-ring-session"})


def test_attributes_that_replace_those_of_the_secure_config_must_be_secure_too() -> None:
    config = assoc_in(secure_site_defaults, ["session", "cookie_attrs"], {"same_site": "strict"})
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(app, config)
    assert str(caught.value) == (
        f'["session"]["cookie_name"]: expected "secure": True beside {SECURE_NAME!r};'
        " or write a name without __Host-"
    )


def test_the_secure_config_takes_its_old_name_and_a_root_that_is_the_path() -> None:
    attrs = "Path=/; HttpOnly; SameSite=Lax; Secure"
    assert secure_cookie({"cookie_name": "secure-ring-session"}) == f"secure-ring-session; {attrs}"
    assert secure_cookie({"root": "/"}) == f"{SECURE_NAME}; {attrs}"
    both = {"root": "/", "cookie_attrs": {"path": "/shop"}}  # the root counts
    assert secure_cookie(both) == f"{SECURE_NAME}; {attrs}"


@pytest.mark.parametrize("scope", [{"domain": "example.org"}, {"path": "/shop"}], ids=str)
def test_a_former_scope_that_a_host_cookie_never_had_is_an_error(scope: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        secure_cookie({"former_cookie_attrs": [{"partitioned": True}, scope]})
    assert str(caught.value) == (
        '["session"]["former_cookie_attrs"][1]: a browser never kept a cookie named'
        f" {SECURE_NAME!r} with another path or a domain. Remove this entry, or {OTHER_NAME}, in"
        " cookie_name"
    )
    assert secure_cookie({"former_cookie_attrs": [scope], "cookie_name": "secure-ring-session"})


def test_a_former_scope_that_a_host_cookie_may_have_had_is_accepted() -> None:
    assert secure_cookie({"former_cookie_attrs": [{"partitioned": True}, {"path": "/"}]})


def test_the_secure_config_sends_a_referrer_policy_that_leaves_the_origin_in_posts() -> None:
    assert site_defaults["security"]["referrer_policy"] is False
    client = Client(wrap_defaults(to_wsgi(lambda request: response("")), secure_site_defaults))
    answer = client.get("/", base_url="https://localhost")
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"


@pytest.mark.parametrize("store", [5, "redis", object(), {}, memory_store], ids=name_value)
def test_a_value_that_is_no_store_is_refused(store: Any) -> None:
    with pytest.raises(ConfigError, match=r'^\["session"\]\["store"\]: expected a store'):
        wrap_defaults(app, assoc_in(site_defaults, ["session", "store"], store))


def test_a_long_value_is_not_shown_since_it_may_be_a_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(app, assoc_in(site_defaults, ["session", "timeout"], "s3cret" * 10))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("config", [None, 5, "site", [("session", True)]], ids=repr)
def test_a_config_that_is_no_dict_is_refused(config: Any) -> None:
    with pytest.raises(ConfigError, match="^config: expected a dict"):
        wrap_defaults(app, config)


def test_the_error_for_a_handler_instead_of_an_app_suggests_to_wsgi() -> None:
    with pytest.raises(ConfigError, match=r"did you mean to_wsgi\(\.\.\.\)\?"):
        wrap_defaults(lambda request: {})  # type: ignore[arg-type, misc]


def test_an_app_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(ConfigError, match="^app: expected a WSGI callable, got int"):
        wrap_defaults(5)  # type: ignore[arg-type]


def test_an_app_without_a_readable_signature_is_accepted() -> None:
    assert callable(wrap_defaults(type))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({}, set()),
        ({"session": True}, {"session", "session_key", "flash"}),
        ({"session": {}}, {"session", "session_key"}),
        ({"session": {"flash": True}}, {"session", "session_key", "flash"}),
        ({"session": False, "cookies": True}, {"cookies"}),
        ({"params": True}, {"params", "query_params", "form_params"}),
        ({"params": {"urlencoded": False}}, set()),
        (api_defaults, {"params", "query_params", "form_params"}),
    ],
    ids=name_value,
)
def test_the_config_decides_which_layers_there_are(config: Any, keys: set[str]) -> None:
    seen: set[str] = set()

    def handler(request: Any) -> Any:
        seen.update(request)
        return response("")

    list(wrap_defaults(to_wsgi(handler), config)(_environ(), lambda *told: print))
    layers = {"cookies", "params", "query_params", "form_params", "session", "session_key", "flash"}
    assert seen & layers == keys


def test_every_option_of_the_session_stands_in_site_defaults() -> None:
    options = set(inspect.signature(wrap_session).parameters) - {"handler"}
    assert site_defaults["session"].keys() == options | {"flash"}


def test_every_key_of_the_four_configs_is_known() -> None:
    for config in FOUR:
        check_config(config)


def test_every_layer_stands_in_the_tree_of_keys() -> None:
    assert {layer.path for layer in LAYERS} <= KEYS.keys()


# -- a key at another place, and a path that is none

MISPLACED: list[tuple[dict[str, Any], str]] = [
    ({"store": "memory:"}, '["store"]: unknown key; did you mean ["session"]["store"]?'),
    ({"session": {"max_age": 60}},
     '["session"]["max_age"]: unknown key; did you mean ["session"]["cookie_attrs"]["max_age"]?'),
    ({"session": {"secure": True}},
     '["session"]["secure"]: unknown key; did you mean ["session"]["cookie_attrs"]["secure"]?'),
    ({"anti_forgery": False},
     '["anti_forgery"]: unknown key; did you mean ["security"]["anti_forgery"]?'),
    ({"session": {"hsts": True}},
     '["session"]["hsts"]: unknown key; did you mean ["security"]["hsts"]?'),
    ({"security": {"flash": True}},
     '["security"]["flash"]: unknown key; did you mean ["session"]["flash"]?'),
    ({"session": {"sesion": 1}}, '["session"]["sesion"]: unknown key; known: flash, '),
    ({"session": {"time_out": 1}},
     '["session"]["time_out"]: unknown key; did you mean "timeout"?'),
]  # fmt: skip


@pytest.mark.parametrize("config, message", MISPLACED, ids=[row[1] for row in MISPLACED])
def test_a_key_that_stands_elsewhere_is_shown_its_place(
    config: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(app, config)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "path, message",
    [
        (
            "session",
            """assoc_in: expected a list of keys as the path, got a str; write ["session"]""",
        ),
        ((), "assoc_in: expected a list of keys as the path, got an empty one"),
        (5, "assoc_in: expected a list of keys as the path, got an int"),
        ({"session": 1}, "assoc_in: expected a list of keys as the path, got a dict"),
        (None, "assoc_in: expected a list of keys as the path, got a NoneType"),
    ],
)
def test_a_path_that_is_no_list_of_keys_is_refused(path: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        assoc_in(site_defaults, path, 1)
    assert str(caught.value) == message


# -- a timedelta where seconds are expected

MINUTE = timedelta(minutes=1)


def test_times_of_a_session_may_be_timedeltas() -> None:
    def left(request: Any) -> Any:
        request["session"]["n"] = request["session"].get("n", 0) + 1
        return response(str(request["session"].expires_in))

    times = {"timeout": timedelta(hours=1), "absolute_timeout": MINUTE}
    client = Client(wrap_defaults(to_wsgi(left), {"session": times}))
    client.get("/")
    assert 0 < float(client.get("/").text) <= 60


@pytest.mark.parametrize("option", ["timeout", "absolute_timeout"])
@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1), timedelta.max, "60"])
def test_a_timedelta_that_is_no_timeout_is_refused(option: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        wrap_defaults(app, {"session": {option: value}})
    assert caught.value.path == ("session", option)


def test_hsts_takes_a_timedelta() -> None:
    config = {"security": {"hsts": {"max_age": timedelta(days=365), "preload": True}}}
    answer = Client(wrap_defaults(app, config)).get("/", base_url="https://localhost")
    found = answer.headers["Strict-Transport-Security"]
    assert found == "max-age=31536000; includeSubDomains; preload"


def test_stores_take_a_timedelta(tmp_path: Path) -> None:
    with closing(sqlite_store(tmp_path / "s.db", timeout=MINUTE)) as store:
        assert store.sweep() == 0
    assert redis_store("redis://localhost/0", timeout=MINUTE)
    assert sql_store("postgresql+psycopg://localhost/db", timeout=MINUTE)
    for make in (
        lambda: sqlite_store(tmp_path / "t.db", timeout=timedelta(0)),
        lambda: redis_store("redis://localhost/0", timeout=timedelta(0)),
        lambda: sql_store("postgresql+psycopg://localhost/db", timeout=timedelta(0)),
    ):
        with pytest.raises(ValueError, match="^timeout: expected seconds over 0"):
            make()


def test_explain_shows_a_timedelta_as_seconds() -> None:
    config = {
        "session": {"timeout": timedelta(minutes=10)},
        "security": {"hsts": {"max_age": MINUTE}},
    }
    text = explain(config)
    assert "timeout=600" in text and "max_age=60" in text
