"""The stack: which layers there are, in which order and why, and the four configs.

Owns the order, as data. Knows no layer's work, and leaves the words about a wrong config to `config.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .config import Config, ConfigError, check_config, deep_merge
from .middleware.cookies import wrap_cookies
from .middleware.flash import wrap_flash
from .middleware.params import wrap_params
from .middleware.session import wrap_session
from .request import Handler
from .wsgi import WSGIApp, from_wsgi, to_wsgi


class Layer(NamedTuple):
    """One layer: where its options stand in a config, what adds it, and why it stands where it does."""

    path: tuple[str, ...]
    wrap: Callable[..., Handler]
    reason: str


LAYERS = (  # outermost first: read down for the request, up for the response
    Layer(
        ("cookies",), wrap_cookies, "outside whatever sets a cookie, so that it can write them all"
    ),
    Layer(
        ("params", "urlencoded"), wrap_params, "outside the session, so that a bad form loads none"
    ),
    Layer(("session",), wrap_session, "stores the session when all that may change it has run"),
    Layer(("session", "flash"), wrap_flash, "inside the session, which keeps its messages"),
)

api_defaults: Config = {
    "params": {"urlencoded": True, "keywordize": True},
    "responses": {
        "not_modified_responses": False,
        "absolute_redirects": False,
        "content_length": False,
        "content_types": False,
        "default_charset": False,
    },
}
"""For an API: parameters only, no cookies and no session (ring.middleware.defaults/api-defaults)."""

secure_api_defaults: Config = deep_merge(
    api_defaults, {"security": {"ssl_redirect": False, "hsts": False}, "proxy": False}
)
"""For an API over HTTPS (ring.middleware.defaults/secure-api-defaults)."""

site_defaults: Config = deep_merge(
    api_defaults,
    {
        "params": {"multipart": False, "nested": False},
        "cookies": True,
        "session": {
            "flash": True,
            "store": None,  # a new memory_store() for each wrap_defaults
            "cookie_name": "ring-session",
            "root": None,
            "cookie_attrs": {"http_only": True, "same_site": "lax"},
            "timeout": 1800,
            "absolute_timeout": None,
            "rolling": False,
        },
        "security": {
            "anti_forgery": False,
            "frame_options": False,
            "content_type_options": False,
        },
        "static": {"files": False, "resources": False},
        "proxy": False,
    },
)
"""For a site with browsers (ring.middleware.defaults/site-defaults)."""

secure_site_defaults: Config = deep_merge(
    site_defaults,
    {
        "session": {
            "cookie_name": "secure-ring-session",
            "cookie_attrs": {"secure": True},
            "absolute_timeout": 86400,
        },
        "security": {"ssl_redirect": False, "hsts": False},
    },
)
"""For a site over HTTPS (ring.middleware.defaults/secure-site-defaults)."""


def _check_app(app: Any) -> None:
    if not callable(app):
        raise ConfigError(f"app: expected a WSGI callable, got {type(app).__name__}")
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):  # a callable that does not say what it takes
        return
    try:
        signature.bind("environ", "start_response")
    except TypeError:
        raise ConfigError(
            "app: expected a WSGI callable of (environ, start_response), got one of"
            f" {signature}; did you mean to_wsgi(...)?"
        ) from None


def _options(config: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """The options of a layer, None if it is off; True stands for what site_defaults has."""
    value: Any = config
    default: Any = site_defaults
    for key in path:
        default = default[key]
        value = value.get(key, False) if isinstance(value, Mapping) else False
        value = default if value is True else value
    return dict(value) if isinstance(value, Mapping) else {} if value is True else None


def wrap_defaults(app: WSGIApp, config: Mapping[str, Any] = site_defaults) -> WSGIApp:
    """Put Ring's default stack around a WSGI app, or around a handler made one by `to_wsgi`.

    config: site_defaults; a nested dict, read once and never changed. See `LAYERS` for what may be in it. Without a
    store each call makes a new memory_store().
    Raises ConfigError for an unknown key, a bad value, a contradiction, or an app that is no WSGI callable.
    Source: ring.middleware.defaults/wrap-defaults.

    >>> from ringsession import response, to_wsgi
    >>> app = wrap_defaults(to_wsgi(lambda request: response(f"Hello {request['params']['name']}")))
    >>> from werkzeug.test import Client
    >>> Client(app).get("/?name=Ann").text
    'Hello Ann'
    """
    check_config(config)
    _check_app(app)
    handler = from_wsgi(app)
    for layer in reversed(LAYERS):
        options = _options(config, layer.path)
        if options is not None:
            options.pop("flash", None)  # a layer of its own
            handler = layer.wrap(handler, **options)
    return to_wsgi(handler)
