"""Every option of every layer: a wrong value is an error when wrapping, and names its place."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ringsession
from ringsession import (
    LAYERS,
    ConfigError,
    assoc_in,
    bytes_store,
    cookie_store,
    memory_store,
    to_wsgi,
    wrap_defaults,
    wrap_session,
)
from ringsession.option_error import OptionError, place
from ringsession.stores import RingStore

PACKAGE = str(Path(ringsession.__file__).parent)


class Unknown:
    """A value that no option expects."""

    def __repr__(self) -> str:
        return "Unknown()"


class Checked:
    """A value with a `check` that cannot be called."""

    check = 5


STORE_CLASSES = [
    type(memory_store()),
    type(cookie_store("a key of 32 characters for tests")),
    RingStore,
]


def read(request: Any) -> Any:
    return None


# Values that are wrong for most options. Where one of them is right, `Option.right` has it.
ANYTHING = [
    *(None, True, False, 0, 1, 5, -1, 1.5, float("nan"), float("inf"), 10**30),
    *("", "x", "a b", "a\r\nb", "\0", ";", "\ud800", b"x", b""),
    *([], ["/hook"], [5], (), {}, {5: 1}, {"a": 5}, {"a": object}, {5}, Unknown(), Unknown, read),
]


class Option(NamedTuple):
    """What is right and what is wrong for one option, beside ANYTHING."""

    right: list[Any]
    wrong: list[Any] = []
    beside: dict[str, Any] = {}  # other options that this one needs


SWITCH = Option([True, False])
SECONDS = Option([None, 1, 5, 1.5, 60, 10**6, timedelta(1)], [0, "60", timedelta(0)])
LIMIT = Option([1, 5, 10**30], [1.0, "5"])
TEXT = Option([None, "", "x", "a b", ";", "no-store"])
PATHS = Option([[], (), ["/hook"], ["/a b", "/ü"]], ["/hook", ["hook"], ["/a?b"], ["/%41"]])
SOURCES = ["default-src 'self'", {"script_src": ["'self'", "{nonce}"], "sandbox": []}]

OPTIONS: dict[str, dict[str, Option]] = {
    '["proxy"]': {"hops": Option([1, 5, 10**30], ["1"])},
    '["security"]["ssl_redirect"]': {
        "host": Option(
            [None, "x", "example.org", ["a", "b"], {"a"}],
            ["a:80", "A.org", ["a", "B"], {"a": 1}, [b"a"]],
        ),
        "ssl_port": Option([None, 1, 5, 443], [65536, "443"]),
        "refuse": SWITCH,
        "except_paths": PATHS,
    },
    '["security"]["hosts"]': {
        "names": Option(
            [["a", ".b"], ["example.org"], ("[::1]",)],
            ["a", ["A.org"], ["a:80"], {"a": 1}, [b"a"], [".."], ["*"]],
        ),
        "except_paths": PATHS,
    },
    '["security"]["hsts"]': {
        "max_age": Option([0, 1, 5, 31536000, 10**30], ["1 year", 1.0]),
        "include_subdomains": SWITCH,
        "preload": SWITCH,
    },
    '["security"]["content_type_options"]': {"value": Option(["nosniff"], ["sniff"])},
    '["security"]["frame_options"]': {
        "value": Option(["sameorigin", "deny"], ["DENY", ["deny"]]),
        "allow_from": Option([None, "", "x", "a b", "https://a.example"], ["ü"]),
    },
    '["security"]["xss_protection"]': {
        "enable": SWITCH,
        "mode": Option([None, "block"], ["on"], {"enable": True}),
    },
    '["security"]["content_security_policy"]': {
        "policy": Option(
            ["x", "a b", ";", *SOURCES],
            ["ü", {"a": "b; c"}, {"a b": "c"}, {"a": [5]}, {"a": b"x"}, {"a": {"b": 1}}],
        ),
        "report_only": SWITCH,
    },
    '["security"]["referrer_policy"]': {
        "policy": Option(["no-referrer", "no-referrer, origin"], ["none", "no-referrer,"])
    },
    '["security"]["cross_origin_opener_policy"]': {
        "policy": Option(["same-origin", "noopener-allow-popups"], ["same-site", "Same-Origin"])
    },
    '["security"]["cross_origin_resource_policy"]': {
        "policy": Option(["same-origin", "cross-origin"], ["unsafe-none", "Same-Origin"])
    },
    '["security"]["permissions_policy"]': {
        "policy": Option(
            ["camera=()", {"camera": ["self", "https://a.example"]}],
            ["camera 'none'", {"camera": ["none"]}, {"camera": {"self": 1}}, {"Camera": []}],
        )
    },
    '["responses"]["default_charset"]': {
        "charset": Option(["utf-8", "latin-1"], ["klingon", "utf-8\r\n", "base64", "utf-8; x"])
    },
    '["responses"]["content_types"]': {
        "mime_types": Option(
            [{}, {"x": "text/x"}, {"x": "text/x; charset=utf-8"}],
            [{".x": "text/x"}, {"X": "text/x"}, {"x": "text"}, {"x": "text/x\r\nA: b"}]
            + [{"x": "/"}, {"x": "text/"}, {"x": "a b/c"}, {"x": "a/b/c"}, [("x", "text/x")]],
        )
    },
    '["static"]["files"]': {
        "root": Option([PACKAGE, Path(PACKAGE), [PACKAGE], [], (), set()], ["/no", __file__]),
        "prefer_handler": SWITCH,
        "index_files": SWITCH,
        "allow_symlinks": SWITCH,
        "cache_control": TEXT,
    },
    '["static"]["resources"]': {
        "root": Option(
            ["ringsession:stores", ["ringsession:stores"], [], (), set()],
            ["ringsession", "ringsession:", "nobody:x", ":x", "ringsession:config.py", ".a:b"],
        ),
        "prefer_handler": SWITCH,
        "allow_symlinks": SWITCH,
        "cache_control": TEXT,
    },
    '["params"]["urlencoded"]': {"encoding": Option([None, "utf-8", "ASCII"], ["utf-16"])},
    '["params"]["multipart"]': {
        "store": Option([read, bytes_store, Unknown], ["temp_file_store"]),
        "encoding": Option([None, "utf-8", "ASCII"], ["utf-16"]),
        "max_size": LIMIT,
        "max_file_size": LIMIT._replace(right=[None, *LIMIT.right]),
        "max_file_count": LIMIT._replace(right=[None, *LIMIT.right]),
    },
    '["session"]': {
        "store": Option(
            [None, "memory:", memory_store(), cookie_store("a key of 32 characters for tests")],
            ["redis", "redis://", "oracle://x", memory_store, *STORE_CLASSES, Checked()],
        ),
        "cookie_name": Option(["x", "id", "ring-session"], ["a=b", "__Host-id", "__Secure-id"]),
        "cookie_attrs": Option(
            [None, {}, {"path": "/x", "max_age": 60, "domain": None, "secure": True}],
            [{"same_site": "none"}, {"same_site": 5}, {"partitioned": True}, {"max_age": "1"}]
            + [{"domain": "http://example.org"}, {"path": ""}]
            + [{"samesite": "lax"}, {"path": "/; Domain=evil"}, {"name": 1}, [("path", "/")]],
        ),
        "root": Option([None, "/", "/a%20b", "/x"], ["", "x", "/a b", "/;"]),
        "timeout": SECONDS,
        "absolute_timeout": SECONDS,
        "rolling": SWITCH,
        "former_cookie_attrs": Option(
            [[], (), [{"domain": "example.org"}, {"path": "/x"}]],
            [[{}, {"max_age": 5}], [{"domain": 5}], [{"partitioned": True}], {"path": "/"}]
            + [[{"domain": "example.org:80"}], [{"path": "app"}]],
        ),
        "remember": Option(
            [None, {}, {"timeout": 60}, {"timeout": None, "absolute_timeout": timedelta(1)}],
            [{"timeout": 0}, {"time": 60}, {"absolute_timeout": "1"}, [("timeout", 60)]],
        ),
        "passive": PATHS._replace(right=[*PATHS.right, read, Unknown]),
        "user_key": Option([None, "x", "a b", ";", "user", "no-store"], ["", "ringsession/x"]),
        "user_limit": Option([None, 1, 5, 10**30], [0, True, "5"], {"user_key": "user"}),
        "audit_user": SWITCH,
        "clear_site_data": Option(
            [True, False, ["cache"], ("cache", "storage")], [["cookies"], "cache", {"cache"}]
        ),
    },
    '["security"]["anti_forgery"]': {
        "mode": Option(["auto", "token", "strict"], ["off", ["auto"]]),
        "trusted_origins": Option(
            [[], (), set(), ["https://a.example", "http://b:8080"], {"https://a.example"}]
            + [["https://A.example:443"], ["capacitor://localhost"]],
            ["https://a.example", ["a.example"], ["https://*.example"], ["https://a/x"]]
            + [["https://a.example", None], {"https://a.example": 1}],
        ),
        "exempt": Option([None, read, Unknown]),
        "safe_header": Option([None, "x", "X-Requested-With"], ["X:Y"]),
        "read_token": Option([None, read, Unknown]),
        "error_response": Option(
            [None, {"status": 403, "headers": {"A": "b"}, "body": "no"}, {"status": 400}],
            [{"status": "403"}, {"status": 403, "headers": 5}, {"status": 403, "headers": {"A": 5}}]
            + [{"status": 403, "headers": {"A": "b\r\nc"}}, {"headers": {}}],
        ),
        "error_handler": Option([None, read, Unknown]),
    },
}
ROWS = [(layer, name) for layer in LAYERS for name in OPTIONS.get(place(layer.path), {})]
each_option = pytest.mark.parametrize(
    ("layer", "name"), ROWS, ids=[f"{'.'.join(layer.path)}.{name}" for layer, name in ROWS]
)


def is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one is other or one == other)


def wrong_values(option: Option) -> Iterator[Any]:
    for value in [*ANYTHING, *option.wrong]:
        if not any(is_same(value, right) for right in option.right):
            yield value


def options_of(layer: Any, name: str, value: Any) -> dict[str, Any]:
    """Return options of a layer: this one, and those that the layer needs."""
    table = OPTIONS[place(layer.path)]
    parameters = inspect.signature(layer.wrap).parameters
    needed = {
        key: option.right[0]
        for key, option in table.items()
        if parameters[key].default is inspect.Parameter.empty
    }
    return {**needed, **table[name].beside, name: value}


def wrap_config(path: tuple[str, ...], value: Any) -> Any:
    return wrap_defaults(to_wsgi(lambda request: {}), assoc_in({}, path, value))


def test_the_table_has_every_option_of_every_layer() -> None:
    found = {
        place(layer.path): {
            name
            for name, parameter in inspect.signature(layer.wrap).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        for layer in LAYERS
    }
    assert {path: set(table) for path, table in OPTIONS.items()} == {
        path: names for path, names in found.items() if names
    }


@each_option
def test_a_wrong_value_is_a_config_error_that_begins_with_its_place(layer: Any, name: str) -> None:
    where = place((*layer.path, name))
    for value in wrong_values(OPTIONS[place(layer.path)][name]):
        try:
            wrap_config(layer.path, options_of(layer, name, value))
        except ConfigError as error:
            found = str(error)
        else:
            found = "no error"
        assert found.startswith((f"{where}: ", f"{where}[")), value


@each_option
def test_a_wrong_value_is_an_option_error_of_a_layer_that_stands_alone(
    layer: Any, name: str
) -> None:
    for value in wrong_values(OPTIONS[place(layer.path)][name]):
        try:
            layer.wrap(lambda request: {}, **options_of(layer, name, value))
        except OptionError as error:
            found = (error.option[0], str(error).startswith((f"{name}: ", f"{name}[")))
        else:
            found = ("no error", False)
        assert found == (name, True), value


@each_option
def test_a_right_value_passes(layer: Any, name: str) -> None:
    for value in OPTIONS[place(layer.path)][name].right:
        assert callable(wrap_config(layer.path, options_of(layer, name, value)))


SHORT = [layer for layer in LAYERS if layer.scalar]


@pytest.mark.parametrize("layer", SHORT, ids=lambda layer: layer.path[-1])
def test_a_wrong_value_without_a_dict_is_blamed_on_the_key_itself(layer: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        wrap_config(layer.path, "a\r\nb")
    assert caught.value.path == layer.path


NEEDED = [
    ("static", "files"),
    ("static", "resources"),
    ("security", "content_security_policy"),
    ("security", "permissions_policy"),
]


@pytest.mark.parametrize("path", NEEDED)
def test_an_option_without_a_default_must_be_there(path: tuple[str, ...]) -> None:
    name = "policy" if path[0] == "security" else "root"
    with pytest.raises(ConfigError) as caught:
        wrap_config(path, {})
    where = place((*path, name))
    assert str(caught.value) == f"{where}: expected a value, since it has no default"


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("session", "cookie_attrs"), {5: 1}, ("session", "cookie_attrs", 5)),
        (
            ("session", "former_cookie_attrs"),
            [{}, {"domain": 5}],
            ("session", "former_cookie_attrs", 1, "domain"),
        ),
        (("session", "root"), "/;", ("session", "root")),
        (("session", "cookie_name"), "__Host-id", ("session", "cookie_name")),
        (("static", "files"), [PACKAGE, "/no"], ("static", "files", 1)),
        (("static", "files"), {"root": "/no"}, ("static", "files", "root")),
        (("security", "frame_options"), {"value": "x"}, ("security", "frame_options", "value")),
        (("security", "ssl_redirect"), {"host": [5]}, ("security", "ssl_redirect", "host", 0)),
        (("security", "hsts"), {"preload": True, "max_age": 1}, ("security", "hsts", "preload")),
        (
            ("responses", "content_types"),
            {"mime_types": {"x": 5}},
            ("responses", "content_types", "mime_types", "x"),
        ),
        (("sesion",), {}, ("sesion",)),
        (("session", "time_out"), 5, ("session", "time_out")),
        (("proxy", "hop"), 5, ("proxy", "hop")),
        ((5,), 5, (5,)),
    ],
    ids=str,
)
def test_the_path_of_a_config_error_leads_to_the_wrong_value(
    path: tuple[str, ...], value: Any, where: tuple[Any, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        wrap_config(path, value)
    assert (caught.value.path, str(caught.value)) == (
        where,
        f"{place(where)}: {caught.value.problem}",
    )


def test_an_error_shows_no_long_value_since_it_may_be_a_secret() -> None:
    for layer, name in ROWS:
        if name != "root":  # of files: a path is no secret, and somebody must find it
            with pytest.raises(OptionError) as caught:
                layer.wrap(lambda request: {}, **options_of(layer, name, ["s3cret;" * 9]))
            assert "s3cret" not in str(caught.value)


def test_an_error_of_an_option_survives_a_copy_to_another_process() -> None:
    with pytest.raises(OptionError) as caught:
        wrap_session(lambda request: {}, cookie_attrs={"max_age": "1"})
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.option) == (str(caught.value), ("cookie_attrs", "max_age"))
    error = ConfigError(copy.problem, ("session", *copy.option))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path, again.problem) == (str(error), error.path, error.problem)
