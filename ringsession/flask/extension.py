"""Install ringsession in a Flask app, under `flask.session` and `flask.flash`.

`app_config.py` reads app.config, `session.py` has the mapping, `interface.py` answers Flask's
calls, and `signed_cookies.py` reads the cookies that Flask signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial
from typing import Any

from flask import Flask, request, session
from markupsafe import Markup

from .app_config import flask_defaults
from .cli import ringsession_commands
from .failing import handle_failures
from .session import FlaskSession
from .logins import NAME, SITE
from .site import Site
from ..layer_options import find_value, layer_options
from ..config import Config, ConfigError
from ..defaults import site_defaults
from ..middleware.anti_forgery import anti_forgery_field, anti_forgery_request
from ..middleware.security_headers import NONCE
from ..request import Request, as_request
from ..session.committed import SessionCommitted

__all__ = ["FlaskSession", "RingSession", "flask_defaults"]

_NO_TOKEN = (
    "csrf_token(), csrf_field(): the session has no CSRF token yet, and the response has already"
    " started, so its cookie cannot be sent. Call one of them in the view before the stream starts."
)


def _ring_request() -> Request:
    current: Any = session
    ours = current._get_current_object()
    if isinstance(ours, FlaskSession):
        return ours._current.request
    return as_request(request.environ["ringsession.request"])


def csrf_token() -> str:
    """Return the anti-forgery token of the current session, for a template.

    Raises SessionCommitted if the session has none yet and the response has started.
    """
    try:
        token: str = _ring_request()["anti_forgery_token"]
    except SessionCommitted:
        raise SessionCommitted(_NO_TOKEN) from None
    return token


def csrf_field() -> Markup:
    """Return a hidden form field with the anti-forgery token, for a template. See `csrf_token`."""
    return anti_forgery_field({"anti_forgery_token": csrf_token()})


def csp_nonce() -> str:
    """Return the nonce of this response's content security policy, for a template."""
    nonce: str = request.environ["ringsession.request"]["csp_nonce"]
    return nonce


def _is_on(config: Config, *path: str) -> bool:
    return layer_options(find_value(config, path, site_defaults), None) is not None


def _find_globals(config: Config) -> dict[str, Callable[[], str]]:
    """Return the functions for templates: those whose layers are on.

    The others may belong to another extension.
    """
    found: dict[str, Callable[[], str]] = {}
    if _is_on(config, "security", "anti_forgery"):
        found |= {"csrf_token": csrf_token, "csrf_field": csrf_field}
    policy = find_value(config, ("security", "content_security_policy"), site_defaults)
    if policy and NONCE in str(policy):
        found["csp_nonce"] = csp_nonce
    return found


class RingSession:
    """Give a Flask app the sessions of ringsession, under `flask.session` and `flask.flash`.

    app: None; the app, or None if you call `init_app` later.
    config: {}; a nested dict. It overrides app.config, which overrides `flask_defaults` (session,
        flash and cookies). With `{"session": {"store": "redis://localhost:6379/0"}}` sessions are
        on the server. Without a store they are sealed in their cookie with SECRET_KEY.
        `RingSession(app, site_defaults)` puts the whole stack around the app.
    accept_flask_cookies_until: None; a date. Until its end, cookies that Flask itself signed are
        read, so that nobody is signed out when you switch to ringsession.

    app.config is read at each use, so that you may set it later: SESSION_COOKIE_DOMAIN, _PATH,
    _HTTPONLY, _SECURE, _SAMESITE and _PARTITIONED, PERMANENT_SESSION_LIFETIME,
    SESSION_REFRESH_EACH_REQUEST, MAX_CONTENT_LENGTH, MAX_FORM_MEMORY_SIZE and MAX_FORM_PARTS. From
    the first request on, SESSION_COOKIE_NAME is fixed, and where SECRET_KEY seals the cookie, it
    and SECRET_KEY_FALLBACKS.
    Templates get `csrf_token()`, `csrf_field()` and `csp_nonce()` if the layer for them is on.
    Raises ConfigError for a wrong config, if neither a store nor a SECRET_KEY is set, and for an
    app that already has a RingSession.

    >>> app = Flask(__name__)
    >>> app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
    >>> _ = RingSession(app)
    >>> @app.get("/")
    ... def count():
    ...     session["n"] = session.get("n", 0) + 1
    ...     return str(session["n"])
    >>> client = app.test_client()
    >>> client.get("/").text, client.get("/").text
    ('1', '2')
    """

    def __init__(
        self,
        app: Flask | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        accept_flask_cookies_until: date | None = None,
    ) -> None:
        self._config = config or {}
        self._until = accept_flask_cookies_until
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, config: Mapping[str, Any] | None = None) -> None:
        """Install ringsession in one app. You may call this for several apps.

        config: None; the config for this app, or None for the constructor's config.
        """
        if NAME in app.extensions:
            raise ConfigError("RingSession: this app already has a RingSession. Install it once")
        nested = self._config if config is None else config
        functions: dict[str, Callable[[], str]] = {}
        site = Site(app, nested, self._until, partial(_provide, functions))
        functions.update(_find_globals(site.config))
        if functions:  # the first use of jinja_env fixes its options, so avoid it if possible
            app.jinja_env.globals.update(functions)
        app.wsgi_app = site.wsgi_app  # type: ignore[method-assign]
        app.session_interface = site.interface
        handle_failures(app)
        app.extensions[NAME] = self
        app.extensions[SITE] = site
        app.cli.add_command(ringsession_commands)


def _provide(functions: Collection[str], request: Request) -> None:
    """Add the templates' keys to a request that no layer has handled."""
    if "csrf_token" in functions:
        anti_forgery_request(request)
    if "csp_nonce" in functions:
        request["csp_nonce"] = secrets.token_urlsafe(16)
