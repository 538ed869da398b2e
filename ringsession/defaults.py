"""Put the stack of layers around an app: their order, the reason for it, and the four configs.

`config.py` and `layer_options.py` check a config; the layers do their work in `middleware/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .wsgi.body import close_body
from .wsgi.message import field_lines
from .layer_options import find_value, layer_options, wrap_layer
from .config import Config, ConfigError, check_config, deep_merge
from .middleware.absolute_redirects import wrap_absolute_redirects
from .middleware.anti_forgery import wrap_anti_forgery
from .middleware.content import wrap_content_length, wrap_content_type, wrap_default_charset
from .middleware.cookies import wrap_cookies
from .middleware.flash import wrap_flash
from .middleware.multipart import wrap_multipart_params
from .middleware.nested_params import wrap_nested_params
from .middleware.not_modified import wrap_not_modified
from .middleware.params import wrap_params
from .middleware.proxy import wrap_forwarded
from .middleware.security_headers import (
    wrap_content_security_policy,
    wrap_content_type_options,
    wrap_frame_options,
    wrap_referrer_policy,
    wrap_xss_protection,
)
from .middleware.session import wrap_session
from .middleware.ssl import wrap_hsts, wrap_ssl_redirect
from .middleware.static import wrap_files, wrap_resources
from .request import Handler, Request, Response
from .responses import check_response
from .wsgi import RingApp, WSGIApp, from_wsgi, to_wsgi


class Layer(NamedTuple):
    """One layer of the stack.

    path: its place in a config.
    wrap: the function that puts it around a handler.
    reason: why it stands at this place in the order.
    scalar: the option that a plain value, without a dict around it, stands for.
    """

    path: tuple[str, ...]
    wrap: Callable[..., Handler]
    reason: str
    scalar: str | None = None


# fmt: off
LAYERS = (  # outermost first: read down for the request, up for the response
    Layer(("proxy",), wrap_forwarded,
          "outermost, since other layers read the scheme and the address"),
    Layer(("security", "ssl_redirect"), wrap_ssl_redirect,
          "before another layer reads or answers a request over plain http"),
    Layer(("security", "hsts"), wrap_hsts,
          "on every response over https"),
    Layer(("security", "content_type_options"), wrap_content_type_options,
          "on every page, file and refusal", "value"),
    Layer(("security", "frame_options"), wrap_frame_options,
          "likewise", "value"),
    Layer(("security", "xss_protection"), wrap_xss_protection,
          "likewise"),
    Layer(("security", "content_security_policy"), wrap_content_security_policy,
          "likewise", "policy"),
    Layer(("security", "referrer_policy"), wrap_referrer_policy,
          "likewise", "policy"),
    Layer(("responses", "content_length"), wrap_content_length,
          "outside the layers that change or drop a body"),
    Layer(("responses", "not_modified_responses"), wrap_not_modified,
          "outside the layers that set a date or an ETag"),
    Layer(("responses", "default_charset"), wrap_default_charset,
          "outside the layer that sets a type", "charset"),
    Layer(("responses", "content_types"), wrap_content_type,
          "outside the layers that send a file"),
    Layer(("static", "files"), wrap_files,
          "outside the session, so that a file loads no session", "root"),
    Layer(("static", "resources"), wrap_resources,
          "likewise, after the folders", "root"),
    Layer(("responses", "absolute_redirects"), wrap_absolute_redirects,
          "outside the handlers that redirect"),
    Layer(("cookies",), wrap_cookies,
          "outside the handlers that set cookies, to write them all"),
    Layer(("params", "urlencoded"), wrap_params,
          "outside the session, so that a bad form loads no session"),
    Layer(("params", "multipart"), wrap_multipart_params,
          "inside the parameters, to which it adds its own"),
    Layer(("params", "nested"), wrap_nested_params,
          "inside both, since it takes their names apart"),
    Layer(("session",), wrap_session,
          "outside the layers and handlers that change the session"),
    Layer(("session", "flash"), wrap_flash,
          "inside the session, which holds its messages"),
    Layer(("security", "anti_forgery"), wrap_anti_forgery,
          "inside the session, which holds its secret"),
)
# fmt: on

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
        },
        "security": {
            "anti_forgery": {"safe_header": "X-Ring-Anti-Forgery"},
            "frame_options": "sameorigin",
            "content_type_options": True,
            "xss_protection": False,
            "content_security_policy": False,
            "referrer_policy": False,
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
        "security": {"ssl_redirect": True, "hsts": True},
    },
)
"""For a site over HTTPS (ring.middleware.defaults/secure-site-defaults)."""


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
    """Refuse a header that cannot be sent, before a layer changes it or stores the session."""

    def checked(request: Request) -> Response:
        response = check_response(handler(request))
        try:
            field_lines(response.get("headers") or {})
        except BaseException:
            close_body(response.get("body"))
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

    >>> from ringsession import content_type, response, to_wsgi
    >>> def hello(request):
    ...     return content_type(response(f"Hello {request['params']['name']}"), "text/plain")
    >>> from werkzeug.test import Client
    >>> answer = Client(wrap_defaults(to_wsgi(hello))).get("/x.html?name=Ann")
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
