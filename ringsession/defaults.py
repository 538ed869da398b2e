"""Put the stack of layers around an app, as one of the four configs or your own says.

`layers.py` has the order of the layers; `config.py` and `layer_options.py` check a config.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from .wsgi.body import close_body
from .wsgi.message import field_lines
from .layer_options import find_value, layer_options, wrap_layer
from .layers import LAYERS
from .config import Config, ConfigError, check_config, deep_merge
from .request import Handler, Request, Response
from .response_shape import check_shape
from .wsgi import RingApp, WSGIApp, from_wsgi, to_wsgi

api_defaults: Config = {
    "params": {"urlencoded": True, "keywordize": True},
    "responses": {
        "not_modified_responses": True,
        "absolute_redirects": False,
        "content_length": True,
        "content_types": True,
        "default_charset": "utf-8",
    },
}
"""For an API: parameters, no cookies, no session (ring.middleware.defaults/api-defaults)."""

secure_api_defaults: Config = deep_merge(
    api_defaults,
    {"security": {"ssl_redirect": {"refuse": True}, "hsts": True}, "proxy": False},
)
"""For an API over HTTPS; plain http is refused (ring.middleware.defaults/secure-api-defaults)."""

site_defaults: Config = deep_merge(
    api_defaults,
    {
        "params": {"multipart": True, "nested": True},
        "cookies": True,
        "session": {
            "flash": True,
            "store": None,  # a new memory_store() for each wrap_defaults
            "cookie_name": "ring-session",
            "root": None,
            "cookie_attrs": {"http_only": True, "same_site": "lax"},
            "former_cookie_attrs": [],
            "timeout": 1800,
            "absolute_timeout": None,
            "rolling": False,
            "remember": {"timeout": 30 * 86_400, "absolute_timeout": 90 * 86_400},
            "passive": [],
            "user_key": None,
            "user_limit": None,
            "clear_site_data": False,
            "audit_user": False,
        },
        "security": {
            "anti_forgery": {"safe_header": "X-Ring-Anti-Forgery"},
            "frame_options": "sameorigin",
            "content_type_options": True,
            "xss_protection": False,
            "content_security_policy": False,
            "referrer_policy": False,
            "cross_origin_opener_policy": False,
            "cross_origin_resource_policy": False,
            "permissions_policy": False,
            "hosts": False,
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
            "cookie_name": "__Host-secure-ring-session",
            "cookie_attrs": {"secure": True},
            "absolute_timeout": 86400,
        },
        "security": {
            "ssl_redirect": True,
            "hsts": True,
            "referrer_policy": "strict-origin-when-cross-origin",
        },
    },
)
"""For a site over HTTPS (ring.middleware.defaults/secure-site-defaults).

The name of its cookie takes no domain and no other path; write another name where you need one.
"""


def _check_app(app: Any) -> None:
    if not callable(app):
        raise ConfigError(f"app: expected a WSGI callable, got {type(app).__name__}")
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):  # a callable without a readable signature
        return
    try:
        signature.bind("environ", "start_response")
    except TypeError:
        raise ConfigError(
            "app: expected a WSGI callable of (environ, start_response), got one of"
            f" {signature}; did you mean to_wsgi(...)?"
        ) from None


def _check_headers(handler: Handler) -> Handler:
    """Refuse a response that cannot be sent, before a layer changes it or stores the session."""

    def checked(request: Request) -> Response:
        response = handler(request)
        try:
            field_lines(check_shape(response).get("headers") or {})
        except BaseException:
            close_body(response.get("body") if isinstance(response, dict) else None)
            raise
        return response

    return checked


def wrap_defaults(app: WSGIApp, config: Mapping[str, Any] = site_defaults) -> WSGIApp:
    """Put Ring's default stack around a WSGI app. For a handler, call `to_wsgi(handler)` first.

    config: site_defaults; a nested dict, which is read once and never changed. `LAYERS` lists its
        keys. Without a store, each call makes a new memory_store().
    Raises ConfigError for an unknown key, a wrong value, a contradiction between two values, or an
    app that is no WSGI callable.
    Source: ring.middleware.defaults/wrap-defaults.

    >>> from ringsession import text, to_wsgi
    >>> app = wrap_defaults(to_wsgi(lambda request: text(f"Hello {request['params']['name']}")))
    >>> from werkzeug.test import Client
    >>> answer = Client(app).get("/x.html?name=Ann")
    >>> answer.text, answer.content_type
    ('Hello Ann', 'text/plain; charset=utf-8')
    """
    check_config(config)
    _check_app(app)
    handler = from_wsgi(app)
    if isinstance(app, RingApp):  # a WSGI app's own headers are checked by from_wsgi
        handler = _check_headers(handler)
    for layer in reversed(LAYERS):
        value = find_value(config, layer.path, site_defaults)
        options = layer_options(value, layer.scalar)
        if options is not None:
            options.pop("flash", None)  # a layer of its own
            scalar = None if isinstance(value, Mapping) else layer.scalar
            handler = wrap_layer(handler, layer.wrap, options, layer.path, scalar)
    wrapped = to_wsgi(handler)
    if isinstance(wrapped, RingApp):
        wrapped.config = deep_merge(config)
    return wrapped
