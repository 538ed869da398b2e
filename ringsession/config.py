"""Change configs, which are nested dicts, and check them against the tree of known keys.

The tree goes down to the layers. The options of a layer are left to the layer itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .option_error import Path, show, suggest, to_seconds
from .option_error import place as place
from .stores import is_seconds

Config = dict[str, Any]


class ConfigError(ValueError):
    """A config or the app is wrong.

    path: where in the config, a tuple of keys; () if it is no single place.
    problem: what was expected there, and what the value is.

    >>> raise ConfigError("expected True or False, got 1", ("session", "flash"))
    Traceback (most recent call last):
    ...
    ringsession.config.ConfigError: ["session"]["flash"]: expected True or False, got 1
    """

    def __init__(self, problem: str, path: Path = ()) -> None:
        super().__init__(f"{place(path)}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


def _copy(value: Any) -> Any:
    """Copy dicts and lists deeply, and keep every other value, such as a store, as it is."""
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if type(value) is list else value


def assoc_in(config: Mapping[str, Any], path: Sequence[str], value: Any) -> Config:
    """Return a copy of a config with another value at a path (clojure.core/assoc-in).

    Raises TypeError for a path that is no list of keys.

    >>> assoc_in({"session": {"flash": True}}, ["session", "timeout"], 60)
    {'session': {'flash': True, 'timeout': 60}}
    """
    if isinstance(path, (str, bytes)) or not isinstance(path, Sequence) or not path:
        raise _wrong_path(path)
    key, *rest = path
    copy: Config = _copy(dict(config))
    inner = copy.get(key)
    copy[key] = assoc_in(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return copy


def _wrong_path(path: Any) -> TypeError:
    got = f"a{'n' * isinstance(path, int)} {type(path).__name__}"
    got += f'; write ["{path:.40}"]' if isinstance(path, str) else ""
    got = "an empty one" if path == () or path == [] else got
    return TypeError(f"assoc_in: expected a list of keys as the path, got {got}")


def deep_merge(config: Mapping[str, Any], *others: Mapping[str, Any]) -> Config:
    """Return a copy of a config with the others merged into it, in their order.

    Dicts are merged; every other value is replaced.

    >>> deep_merge({"session": {"flash": True}}, {"session": {"timeout": 60}}, {"proxy": False})
    {'session': {'flash': True, 'timeout': 60}, 'proxy': False}
    """
    merged: Config = _copy(dict(config))
    for other in others:
        for key, value in other.items():
            old = merged.get(key)
            both = isinstance(old, dict) and isinstance(value, Mapping)
            merged[key] = deep_merge(old or {}, value) if both else _copy(value)
    return merged


class Key(NamedTuple):
    """The values that a path may have, in words and as a test."""

    expected: str
    fits: Callable[[Any], bool]


SWITCH = Key("True or False", lambda value: type(value) is bool)
SECONDS = Key("seconds over 0, or None", lambda value: is_seconds(to_seconds(value)))
TEXT = Key("a str", lambda value: isinstance(value, str))
NAME = Key("a str or None", lambda value: value is None or type(value) is str)
ANY = Key("anything", lambda value: True)
TABLE = Key("a dict, True or False", lambda value: type(value) in (bool, dict))
ATTRS = Key(
    "a dict, or a function that returns one",
    lambda value: value is None or isinstance(value, Mapping) or callable(value),
)
WORD = Key("a str, a dict, True or False", lambda value: type(value) in (bool, dict, str))
POLICY = Key("a str, a dict or False", lambda value: value is False or type(value) in (dict, str))
ROOT = Key(
    "a path, a list of them, a dict or False",
    lambda value: value is False or isinstance(value, (str, os.PathLike, list, dict)),
)

KEYS: dict[tuple[str, ...], Key] = {
    ("params",): TABLE,
    ("params", "urlencoded"): TABLE,
    ("params", "multipart"): TABLE,
    ("params", "nested"): SWITCH,
    ("params", "keywordize"): TABLE,
    ("cookies",): SWITCH,
    ("session",): TABLE,
    ("session", "flash"): SWITCH,
    ("session", "store"): ANY,
    ("session", "cookie_name"): TEXT,
    ("session", "cookie_attrs"): ATTRS,
    ("session", "former_cookie_attrs"): Key(
        "a list of dicts", lambda value: isinstance(value, (list, tuple))
    ),
    ("session", "root"): NAME,
    ("session", "timeout"): SECONDS,
    ("session", "absolute_timeout"): SECONDS,
    ("session", "rolling"): SWITCH,
    ("session", "remember"): Key(
        "a dict or None", lambda value: value is None or isinstance(value, Mapping)
    ),
    ("session", "passive"): Key(
        "a list of paths, or a function of the request",
        lambda value: callable(value) or isinstance(value, (list, tuple, set, frozenset)),
    ),
    ("session", "audit_user"): SWITCH,
    ("session", "user_key"): NAME,
    ("session", "user_limit"): Key(
        "a number of at least 1, or None", lambda value: value is None or type(value) is int
    ),
    ("session", "clear_site_data"): Key(
        "True, False or a list", lambda value: isinstance(value, (bool, list, tuple))
    ),
    ("security",): TABLE,
    ("security", "anti_forgery"): TABLE,
    ("security", "frame_options"): WORD,
    ("security", "content_type_options"): WORD,
    ("security", "xss_protection"): TABLE,
    ("security", "hosts"): Key(
        "a list of names, a dict or False",
        lambda value: value is False or isinstance(value, (list, tuple, dict)),
    ),
    ("security", "hsts"): TABLE,
    ("security", "ssl_redirect"): TABLE,
    ("security", "content_security_policy"): POLICY,
    ("security", "referrer_policy"): WORD,
    ("security", "cross_origin_opener_policy"): WORD,
    ("security", "cross_origin_resource_policy"): WORD,
    ("security", "permissions_policy"): POLICY,
    ("static",): TABLE,
    ("static", "files"): ROOT,
    ("static", "resources"): ROOT,
    ("responses",): TABLE,
    ("responses", "not_modified_responses"): SWITCH,
    ("responses", "absolute_redirects"): SWITCH,
    ("responses", "content_length"): SWITCH,
    ("responses", "content_types"): TABLE,
    ("responses", "default_charset"): WORD,
    ("proxy",): TABLE,
}
COOKIE_ATTRS = frozenset(
    "domain path secure http_only max_age expires same_site partitioned".split()
)
# The paths whose dict holds further keys of this tree. The dict of every other path holds the
# options of a layer.
_BRANCHES = {path[:-1] for path in KEYS}


def unknown_key(path: Path, name: object, known: Sequence[str]) -> ConfigError:
    """Return the error for a key that nothing reads.

    >>> unknown_key(("session",), "time_out", ["flash", "timeout"])
    ConfigError('["session"]["time_out"]: unknown key; did you mean "timeout"?')
    """
    return ConfigError(f"unknown key; {suggest(name, known)}", (*path, name))


def _find_elsewhere(path: tuple[str, ...], name: object) -> str | None:
    """Return the place of a key that stands at a wrong path, as Python writes it."""
    found = [known for known in KEYS if known[-1] == name]
    if path == ("session",) and name in COOKIE_ATTRS:
        found.append((*path, "cookie_attrs", str(name)))
    return place(found[0]) if found else None


def _check_keys(config: Mapping[str, Any], path: tuple[str, ...]) -> None:
    for name, value in config.items():
        key = KEYS.get((*path, name))
        if key is None:
            elsewhere = _find_elsewhere(path, name)
            if elsewhere is not None:
                raise ConfigError(f"unknown key; did you mean {elsewhere}?", (*path, name))
            raise unknown_key(path, name, [known[-1] for known in KEYS if known[:-1] == path])
        if not key.fits(value):
            raise ConfigError(f"expected {key.expected}, got {show(value)}", (*path, name))
        if (*path, name) in _BRANCHES and isinstance(value, dict):
            _check_keys(value, (*path, name))


def check_config(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for an unknown key or a value of the wrong type.

    `layer_options.wrap_layer` finds wrong options of a layer, since only the layer knows them.

    >>> check_config({"sesion": {"flash": True}})
    Traceback (most recent call last):
    ...
    ringsession.config.ConfigError: ["sesion"]: unknown key; did you mean "session"?
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"config: expected a dict, got {show(config)}")
    _check_keys(config, ())
