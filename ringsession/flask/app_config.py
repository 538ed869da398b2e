"""What `app.config` says, as a config of ours.

Owns the table of Flask's keys, and the word on those that nothing reads. Reads them once; knows no request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from flask import Flask

from ..config import Config, ConfigError, assoc_in, deep_merge
from ..option_error import OptionError, place
from ..stores.cookie.store import CookieStore, cookie_store
from ..stores.named import open_store

log = logging.getLogger("ringsession")

flask_defaults: Config = {
    "cookies": True,
    "session": {
        "flash": True,
        "cookie_attrs": {"path": "/", "http_only": True, "same_site": "lax"},
    },
}
"""What `RingSession` turns on: the session, its messages and its cookie. Flask does the rest itself, unless a config says so."""

_LONGEST = 400 * 86_400  # RFC 6265bis section 5.5: browsers keep no cookie longer


class _Row(NamedTuple):
    """One key of app.config and its place in ours."""

    name: str
    path: tuple[str, ...]
    read: Callable[[Any], Any] = lambda value: value


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value


_ATTRS = ("session", "cookie_attrs")
_ROWS = (
    _Row("SESSION_COOKIE_NAME", ("session", "cookie_name")),
    _Row("SESSION_COOKIE_PATH", (*_ATTRS, "path")),
    _Row("SESSION_COOKIE_HTTPONLY", (*_ATTRS, "http_only")),
    _Row("SESSION_COOKIE_SECURE", (*_ATTRS, "secure")),
    _Row("SESSION_COOKIE_SAMESITE", (*_ATTRS, "same_site")),
    _Row("SESSION_COOKIE_DOMAIN", (*_ATTRS, "domain")),
    _Row("SESSION_COOKIE_PARTITIONED", (*_ATTRS, "partitioned")),
    _Row("PERMANENT_SESSION_LIFETIME", ("session", "timeout"), _seconds),
)
_READ = {row.name for row in _ROWS} | {"SESSION_REFRESH_EACH_REQUEST"}


def _has(config: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(config, Mapping) or key not in config:
            return False
        config = config[key]
    return True


def app_config(values: Mapping[str, Any]) -> Config:
    """What the keys of an app.config say, where they say something.

    >>> app_config({"SESSION_COOKIE_NAME": "id", "SESSION_COOKIE_SAMESITE": None})
    {'session': {'cookie_name': 'id'}}
    """
    config: Config = {}
    path = values.get("SESSION_COOKIE_PATH") or values.get("APPLICATION_ROOT")
    for name, where, read in _ROWS:
        value = path if name == "SESSION_COOKIE_PATH" else values.get(name)
        if value is not None:
            config = assoc_in(config, where, read(value))
    return config


def ignored_keys(values: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """The keys of an app.config that were set and that nothing of ours reads, or over which the nested config goes."""
    set_by_app = {name for name, value in values.items() if value != Flask.default_config.get(name)}
    under = [row.name for row in _ROWS if _has(config, row.path)]
    under += ["SESSION_REFRESH_EACH_REQUEST"] if _has(config, ("session", "rolling")) else []
    unread = [name for name in values if name.startswith("SESSION_") and name not in _READ]
    return sorted(set_by_app.intersection([*under, *unread, "MAX_COOKIE_SIZE"]))


def _check_secret(name: str, key: Any) -> None:
    if not isinstance(key, (str, bytes)):
        given = type(key).__name__
        raise ConfigError(f"app.config{name}: expected str or bytes, got {given}")
    size = len(key.encode() if isinstance(key, str) else key)
    if size < 16:
        raise ConfigError(
            f"app.config{name}: expected at least 16 bytes, since the session is sealed with it, got {size};"
            ' `python -m ringsession key` prints a good one. Or set ["session"]["store"]'
        )


def secret_store(values: Mapping[str, Any]) -> CookieStore:
    """The cookie store under an app's own keys. Raises ConfigError that says what to set."""
    key, fallback_keys = values.get("SECRET_KEY"), values.get("SECRET_KEY_FALLBACKS") or ()
    if not key:
        raise ConfigError(
            'RingSession: expected app.config["SECRET_KEY"], with which the session is sealed in its cookie, or'
            ' ["session"]["store"], such as "redis://localhost:6379/0"; set one before init_app'
        )
    _check_secret('["SECRET_KEY"]', key)
    if isinstance(fallback_keys, (str, bytes)):
        raise ConfigError('app.config["SECRET_KEY_FALLBACKS"]: expected a list of keys, got one')
    for index, fallback in enumerate(fallback_keys):
        _check_secret(f'["SECRET_KEY_FALLBACKS"][{index}]', fallback)
    return cookie_store(key, list(fallback_keys))


def _open(config: Config, values: Mapping[str, Any]) -> Any:
    store = config["session"].get("store")
    if store is None:
        return secret_store(values)
    try:
        return open_store(store) if isinstance(store, str) else store
    except OptionError as error:
        raise ConfigError(error.problem, ("session", *error.option)) from None


def _with_form(config: Config, values: Mapping[str, Any]) -> Config:
    """Where the token may come in a form, forms are read, within the app's own limit."""
    security = config.get("security")
    if not isinstance(security, Mapping) or not security.get("anti_forgery"):
        return config
    config = deep_merge({"params": {"urlencoded": True, "multipart": True}}, config)
    limit, params = values.get("MAX_CONTENT_LENGTH"), config["params"]
    if limit is not None and isinstance(params, dict) and params.get("multipart"):
        given = params["multipart"] if isinstance(params["multipart"], dict) else {}
        config = assoc_in(config, ["params", "multipart"], {"max_size": limit, **given})
    return config


def read_config(values: Mapping[str, Any], given: Mapping[str, Any]) -> Config:
    """The whole config of an app: flask_defaults, app.config and what was given, each over the one before; its store is open."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"RingSession: expected a dict, got {type(given).__name__}")
    if given.get("session", True) is True:
        given = {**given, "session": {}}
    elif not isinstance(given["session"], Mapping):
        what = type(given["session"]).__name__
        raise ConfigError(f'{place(["session"])}: expected a dict, got {what}')
    ignored = ignored_keys(values, given)
    if ignored:
        log.warning("RingSession does not use these keys of app.config: %s", ", ".join(ignored))
    config = deep_merge(flask_defaults, app_config(values), given)
    return _with_form(assoc_in(config, ["session", "store"], _open(config, values)), values)


def name_app_key(error: ConfigError, given: Mapping[str, Any]) -> ConfigError:
    """Return the error with the key of app.config in it, if the wrong value came from there."""
    for name, path, _ in _ROWS:
        if error.path == path and not _has(given, path):
            return ConfigError(f"app.config{place([name])}: {error.problem}")
    return error


def permanent_age(config: Config, values: Mapping[str, Any]) -> int:
    """The Max-Age of a permanent session's cookie: its idle timeout, or the app's lifetime where it has none."""
    seconds = config["session"]["timeout"] or _seconds(values["PERMANENT_SESSION_LIFETIME"])
    return min(int(seconds), _LONGEST)
