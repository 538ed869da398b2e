"""List the layers around an app in their order, each with the reason for its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .middleware.absolute_redirects import wrap_absolute_redirects
from .middleware.anti_forgery import wrap_anti_forgery
from .middleware.content import wrap_content_length, wrap_content_type, wrap_default_charset
from .middleware.cookies import wrap_cookies
from .middleware.cross_origin import (
    wrap_cross_origin_opener_policy,
    wrap_cross_origin_resource_policy,
)
from .middleware.flash import wrap_flash
from .middleware.hosts import wrap_hosts
from .middleware.multipart import wrap_multipart_params
from .middleware.nested_params import wrap_nested_params
from .middleware.not_modified import wrap_not_modified
from .middleware.params import wrap_params
from .middleware.permissions_policy import wrap_permissions_policy
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
from .request import Handler


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
    Layer(("security", "hosts"), wrap_hosts,
          "before another layer builds a URL with the name in Host", "names"),
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
    Layer(("security", "cross_origin_opener_policy"), wrap_cross_origin_opener_policy,
          "likewise", "policy"),
    Layer(("security", "cross_origin_resource_policy"), wrap_cross_origin_resource_policy,
          "likewise", "policy"),
    Layer(("security", "permissions_policy"), wrap_permissions_policy,
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
