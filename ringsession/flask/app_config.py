"""Read a Flask app's `app.config` as a config of ringsession, once.

Keys of Flask that ringsession does not use are logged. Requests are left to `interface.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import Flask

from ..config import Config, ConfigError, assoc_in, check_config, deep_merge
from ..http.grammar import LONGEST_COOKIE_AGE
from ..option_error import OptionError, place, to_seconds
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
"""What `RingSession` turns on: the session, its messages and its cookie.

Flask does the rest, unless your config turns on more layers.
"""


class _Row(NamedTuple):
    """Map one key of app.config to its path in a config of ringsession."""

    name: str
    path: tuple[str, ...]
    read: Callable[[Any], Any] = lambda value: value


_ATTRS = ("session", "cookie_attrs")
_ROWS = (
    _Row("SESSION_COOKIE_NAME", ("session", "cookie_name")),
    _Row("SESSION_COOKIE_PATH", (*_ATTRS, "path")),
    _Row("SESSION_COOKIE_HTTPONLY", (*_ATTRS, "http_only")),
    _Row("SESSION_COOKIE_SECURE", (*_ATTRS, "secure")),
    _Row("SESSION_COOKIE_SAMESITE", (*_ATTRS, "same_site")),
    _Row("SESSION_COOKIE_DOMAIN", (*_ATTRS, "domain")),
    _Row("SESSION_COOKIE_PARTITIONED", (*_ATTRS, "partitioned")),
    _Row("PERMANENT_SESSION_LIFETIME", ("session", "timeout"), to_seconds),
)
_READ = {row.name for row in _ROWS} | {"SESSION_REFRESH_EACH_REQUEST"}


def _has(config: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(config, Mapping) or key not in config:
            return False
        config = config[key]
    return True


def app_config(values: Mapping[str, Any]) -> Config:
    """Return the config that the keys of an app.config set. A key that is None sets nothing.

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
    """Return the keys of an app.config that the app has set in vain.

    ringsession does not read them, or the nested config overrides them.
    """
    set_by_app = {name for name, value in values.items() if value != Flask.default_config.get(name)}
    under = [row.name for row in _ROWS if _has(config, row.path)]
    under += ["SESSION_REFRESH_EACH_REQUEST"] if _has(config, ("session", "rolling")) else []
    unread = [name for name in values if name.startswith("SESSION_") and name not in _READ]
    return sorted(set_by_app.intersection([*under, *unread, "MAX_COOKIE_SIZE"]))


def _check_secret(name: str, key: Any) -> None:
    if not isinstance(key, (str, bytes)):
        kind = type(key).__name__
        raise ConfigError(f"app.config{name}: expected str or bytes, got {kind}")
    size = len(key.encode() if isinstance(key, str) else key)
    if size < 16:
        raise ConfigError(
            f"app.config{name}: expected at least 16 bytes, got {size}. The session's cookie is"
            " sealed with this key. `python -m ringsession key` prints a good one; or set"
            ' ["session"]["store"]'
        )


def secret_store(values: Mapping[str, Any]) -> CookieStore:
    """Return a cookie store with the app's keys. Raises ConfigError if one is missing or short."""
    key, fallback_keys = values.get("SECRET_KEY"), values.get("SECRET_KEY_FALLBACKS") or ()
    if not key:
        raise ConfigError(
            'RingSession: app.config["SECRET_KEY"] is not set, so the session\'s cookie cannot be'
            ' sealed. Set it before init_app, or set ["session"]["store"] to a server-side store,'
            ' such as "redis://localhost:6379/0"'
        )
    _check_secret('["SECRET_KEY"]', key)
    if isinstance(fallback_keys, (str, bytes)):
        raise ConfigError(
            'app.config["SECRET_KEY_FALLBACKS"]: expected a list of keys, got one key'
        )
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
    """Turn on the params layers if the anti-forgery token may come in a form.

    The app's MAX_CONTENT_LENGTH limits the form.
    """
    security = config.get("security")
    if not isinstance(security, Mapping) or not security.get("anti_forgery"):
        return config
    config = deep_merge({"params": {"urlencoded": True, "multipart": True}}, config)
    limit, params = values.get("MAX_CONTENT_LENGTH"), config["params"]
    if limit is not None and isinstance(params, dict) and params.get("multipart"):
        options = params["multipart"] if isinstance(params["multipart"], dict) else {}
        config = assoc_in(config, ["params", "multipart"], {"max_size": limit, **options})
    return config


def read_config(values: Mapping[str, Any], nested: Mapping[str, Any]) -> Config:
    """Return the whole config of an app, and open its store.

    `nested` overrides app.config, which overrides `flask_defaults`.
    """
    if not isinstance(nested, Mapping):
        raise ConfigError(f"RingSession: expected a dict, got {type(nested).__name__}")
    if nested.get("session", True) is True:
        nested = {**nested, "session": {}}
    elif not isinstance(nested["session"], Mapping):
        what = type(nested["session"]).__name__
        raise ConfigError(f'{place(["session"])}: expected a dict, got {what}')
    check_config(nested)  # before a missing SECRET_KEY hides that the store stands elsewhere
    ignored = ignored_keys(values, nested)
    if ignored:
        log.warning("RingSession does not use these keys of app.config: %s", ", ".join(ignored))
    config = deep_merge(flask_defaults, app_config(values), nested)
    return _with_form(assoc_in(config, ["session", "store"], _open(config, values)), values)


def name_app_key(error: ConfigError, nested: Mapping[str, Any]) -> ConfigError:
    """Return the error with the key of app.config, if the wrong value came from app.config."""
    for name, path, _ in _ROWS:
        if error.path == path and not _has(nested, path):
            return ConfigError(f"app.config{place([name])}: {error.problem}")
    return error


def permanent_age(config: Config, values: Mapping[str, Any]) -> int:
    """Return the Max-Age of a permanent session's cookie, in seconds.

    This is the idle timeout of the session. Without one it is PERMANENT_SESSION_LIFETIME.
    """
    seconds = to_seconds(config["session"]["timeout"] or values["PERMANENT_SESSION_LIFETIME"])
    return min(int(seconds), LONGEST_COOKIE_AGE)
