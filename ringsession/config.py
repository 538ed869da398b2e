"""Configs: nested dicts, how to change them, and what is wrong with one.

Owns the tree of keys and the words for each value. Knows no layer's work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .middleware._cookie_attrs import check_cookie
from .stores import Lifetime, is_seconds
from .stores.opening import open_sessions

Config = dict[str, Any]


class ConfigError(ValueError):
    """A config that cannot be meant: where, what was expected, what was given."""


def _copy(value: Any) -> Any:
    """A deep copy of dicts and lists; everything else, a store for instance, by identity."""
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if type(value) is list else value


def assoc_in(config: Mapping[str, Any], path: Sequence[str], value: Any) -> Config:
    """A copy of a config with another value at a path (clojure.core/assoc-in).

    >>> assoc_in({"session": {"flash": True}}, ["session", "timeout"], 60)
    {'session': {'flash': True, 'timeout': 60}}
    """
    key, *rest = path
    copy: Config = _copy(dict(config))
    inner = copy.get(key)
    copy[key] = assoc_in(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return copy


def deep_merge(config: Mapping[str, Any], *others: Mapping[str, Any]) -> Config:
    """A copy of a config with others laid over it; dicts are merged, all else is replaced.

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
    """What may stand at a path."""

    expected: str
    fits: Callable[[Any], bool]


SWITCH = Key("True or False", lambda value: type(value) is bool)
SECONDS = Key("seconds over 0, or None", is_seconds)
TEXT = Key("a str", lambda value: isinstance(value, str))
ANY = Key("anything", lambda value: True)
TABLE = Key("a dict, True or False", lambda value: type(value) in (bool, dict))
ATTRS = Key("a dict", lambda value: isinstance(value, Mapping))
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
    ("session", "root"): Key("a str or None", lambda value: value is None or type(value) is str),
    ("session", "timeout"): SECONDS,
    ("session", "absolute_timeout"): SECONDS,
    ("session", "rolling"): SWITCH,
    ("security",): TABLE,
    ("security", "anti_forgery"): TABLE,
    ("security", "frame_options"): WORD,
    ("security", "content_type_options"): WORD,
    ("security", "xss_protection"): TABLE,
    ("security", "hsts"): TABLE,
    ("security", "ssl_redirect"): TABLE,
    ("security", "content_security_policy"): POLICY,
    ("security", "referrer_policy"): WORD,
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
# Where a dict holds further keys of this tree; the dict of any other layer holds its options.
_BRANCHES = {path[:-1] for path in KEYS}


def place(path: Sequence[str]) -> str:
    """A path as it is written in Python.

    >>> place(["session", "store"])
    '["session"]["store"]'
    """
    return "".join(f'["{key}"]' for key in path)


def show(value: Any) -> str:
    """A value in an error message; a long one, which may be a secret, only by its type."""
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def unknown_key(path: Sequence[str], name: object, known: Sequence[str]) -> ConfigError:
    """The error for a key that nothing reads.

    >>> unknown_key(["session"], "time_out", ["flash", "timeout"])
    ConfigError('["session"]["time_out"]: unknown key; did you mean "timeout"?')
    """
    from difflib import get_close_matches  # which only an error needs

    close = get_close_matches(str(name), known, 1)
    hint = f'; did you mean "{close[0]}"?' if close else f"; known: {', '.join(known)}"
    return ConfigError(f"{place([*path, str(name)])}: unknown key{hint}")


def _check_keys(config: Mapping[str, Any], path: tuple[str, ...]) -> None:
    for name, value in config.items():
        key = KEYS.get((*path, name))
        if key is None:
            raise unknown_key(path, name, [known[-1] for known in KEYS if known[:-1] == path])
        if not key.fits(value):
            where = place([*path, name])
            raise ConfigError(f"{where}: expected {key.expected}, got {show(value)}")
        if (*path, name) in _BRANCHES and isinstance(value, dict):
            _check_keys(value, (*path, name))


def check_config(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for an unknown key, a value of the wrong type, or a contradiction.

    >>> check_config({"sesion": {"flash": True}})
    Traceback (most recent call last):
    ...
    ringsession.config.ConfigError: ["sesion"]: unknown key; did you mean "session"?
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"config: expected a dict, got {show(config)}")
    _check_keys(config, ())
    session = config.get("session")
    if isinstance(session, dict):
        _check_session(session)


def _check_session(session: Mapping[str, Any]) -> None:
    store, name = session.get("store"), session.get("cookie_name", "ring-session")
    if store is not None and not isinstance(store, str):  # a name is the session layer's to open
        try:
            open_sessions(store, name, Lifetime())
        except TypeError as error:
            raise ConfigError(f'{place(["session", "store"])}: {error}') from None
    attrs = {"path": "/", **(session.get("cookie_attrs") or {})}
    if session.get("root") is not None:
        attrs["path"] = session["root"]
    try:
        check_cookie(name, attrs)
    except ValueError as error:
        attr, _, problem = str(error).partition(": ")
        known = attr in attrs
        path = ["session", "cookie_attrs", attr] if known else ["session", "cookie_name"]
        raise ConfigError(f"{place(path)}: {problem or attr}") from None
