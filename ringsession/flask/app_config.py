"""Read a Flask app's `app.config` as a config of ringsession.

`live_config.py` reads it again at each use. This module keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import Flask

from ..config import Config, ConfigError, assoc_in, check_config, deep_merge
from ..middleware.session import find_store
from ..option_error import OptionError, place, to_seconds
from ..stores.cookie.keys import find_weakness
from ..stores.cookie.store import CookieStore, cookie_store

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
    reads_none: bool = False  # for other keys, None sets nothing


def read_domain(value: Any) -> Any:
    """Return a domain as Werkzeug writes it: without a port and a dot before it, and in ASCII.

    >>> read_domain(".example.com:80"), read_domain("müller.example"), read_domain("a..b")
    ('example.com', 'xn--mller-kva.example', 'a..b')
    """
    if not value or not isinstance(value, str):
        return value or None
    host, colon, port = value.rpartition(":")
    try:
        name = host if colon and port.isdecimal() else value
        return name.lstrip(".").encode("idna").decode("ascii")
    except UnicodeError:  # no host name, which the layer refuses
        return value


_ATTRS = ("session", "cookie_attrs")
_ROWS = (
    _Row("SESSION_COOKIE_NAME", ("session", "cookie_name"), reads_none=True),
    _Row("SESSION_COOKIE_PATH", (*_ATTRS, "path")),
    _Row("SESSION_COOKIE_HTTPONLY", (*_ATTRS, "http_only")),
    _Row("SESSION_COOKIE_SECURE", (*_ATTRS, "secure")),
    _Row("SESSION_COOKIE_SAMESITE", (*_ATTRS, "same_site")),
    _Row("SESSION_COOKIE_DOMAIN", (*_ATTRS, "domain"), read_domain),
    _Row("SESSION_COOKIE_PARTITIONED", (*_ATTRS, "partitioned")),
    _Row("PERMANENT_SESSION_LIFETIME", ("session", "timeout"), to_seconds, reads_none=True),
)
COOKIE_KEYS = ("APPLICATION_ROOT", *(row.name for row in _ROWS if row.path[:-1] == _ATTRS))
_READ = {row.name for row in _ROWS} | {"SESSION_REFRESH_EACH_REQUEST"}


def has_path(config: Any, path: tuple[str, ...]) -> bool:
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
    for row in _ROWS:
        value = _read(values, row)
        if value is not None or (row.reads_none and row.name in values):
            config = assoc_in(config, row.path, value)
    return config


def _read(values: Mapping[str, Any], row: _Row) -> Any:
    value = values.get(row.name)
    if row.name == "SESSION_COOKIE_PATH":
        value = value or values.get("APPLICATION_ROOT")
    return None if value is None else row.read(value)


def app_cookie_attrs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of the session's cookie that an app.config sets.

    >>> app_cookie_attrs({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_DOMAIN": None})
    {'secure': True}
    """
    found = [(row.path[-1], _read(values, row)) for row in _ROWS if row.path[:-1] == _ATTRS]
    return {name: value for name, value in found if value is not None}


def ignored_keys(values: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return the keys of an app.config that the app has set in vain.

    ringsession does not read them, or the nested config overrides them.
    """
    under = [row.name for row in _ROWS if has_path(config, row.path)]
    if has_path(config, ("session", "rolling")) and config["session"]["rolling"]:
        under.append("SESSION_REFRESH_EACH_REQUEST")
    unread = [name for name in values if name.startswith("SESSION_") and name not in _READ]
    # No other value is compared: one of an extension may be a proxy that needs an app context.
    ours = {*under, *unread, "MAX_COOKIE_SIZE"} & {*values}
    return sorted(name for name in ours if values[name] != Flask.default_config.get(name))


def _check_secret(name: str, key: Any) -> None:
    if not isinstance(key, (str, bytes)):
        kind = type(key).__name__
        raise ConfigError(f"app.config{name}: expected str or bytes, got {kind}")
    weakness = find_weakness(key)
    if weakness:
        raise ConfigError(
            f"app.config{name}: {weakness}. The session's cookie is sealed with this key."
            ' `python -m ringsession key` prints a good one; or set ["session"]["store"]'
        )


def secret_store(values: Mapping[str, Any]) -> CookieStore:
    """Return a cookie store with the app's keys. Raises ConfigError if one is missing or weak."""
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


def _open(config: Config, values: Mapping[str, Any], is_checked: bool) -> Any:
    store = config["session"].get("store")
    if store is None:
        return secret_store(values)
    if is_checked:
        return store
    try:
        return find_store(store)
    except OptionError as error:
        raise ConfigError(error.problem, ("session", *error.option)) from None


def _with_form(config: Config) -> Config:
    """Turn on the params layers if the anti-forgery token may come in a form."""
    security = config.get("security")
    if not isinstance(security, Mapping) or not security.get("anti_forgery"):
        return config
    return deep_merge({"params": {"urlencoded": True, "multipart": True}}, config)


def read_config(
    values: Mapping[str, Any], nested: Mapping[str, Any], *, is_checked: bool = False
) -> Config:
    """Return the whole config of an app, and open its store.

    `nested` overrides app.config, which overrides `flask_defaults`. is_checked: its store is open,
    and its server has been asked.
    """
    if not isinstance(nested, Mapping):
        raise ConfigError(f"RingSession: expected a dict, got {type(nested).__name__}")
    if nested.get("session", True) is True:
        nested = {**nested, "session": {}}
    elif not isinstance(nested["session"], Mapping):
        what = type(nested["session"]).__name__
        raise ConfigError(f'{place(["session"])}: expected a dict, got {what}')
    check_config(nested)  # before a missing SECRET_KEY hides that the store stands elsewhere
    config = deep_merge(flask_defaults, app_config(values), nested)
    return _with_form(assoc_in(config, ["session", "store"], _open(config, values, is_checked)))


def name_app_key(
    error: ConfigError, values: Mapping[str, Any], nested: Mapping[str, Any]
) -> ConfigError:
    """Return the error with the key of app.config, if the wrong value came from app.config."""
    for row in _ROWS:
        if error.path == row.path and not has_path(nested, row.path):
            is_root = row.name == "SESSION_COOKIE_PATH" and not values.get(row.name)
            name = "APPLICATION_ROOT" if is_root else row.name
            return ConfigError(f"app.config{place([name])}: {error.problem}")
    return error
