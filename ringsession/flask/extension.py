"""Install ringsession in a Flask app, under `flask.session` and `flask.flash`.

`app_config.py` reads app.config, `session.py` has the mapping, `interface.py` answers Flask's
calls, and `signed_cookies.py` reads the cookies that Flask signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from typing import Any

from flask import Flask, current_app, request, session

from .csrf_error import answer_in_flask
from .app_config import flask_defaults, name_app_key, permanent_age, read_config
from .failing import handle_failures, page_maker
from .moving_store import MovingStore
from .signed_cookies import FlaskCookies
from .interface import FlaskSessionInterface
from .session import FlaskSession
from ..layer_options import find_value, layer_options
from ..config import Config, ConfigError, assoc_in
from ..defaults import site_defaults, wrap_defaults
from ..middleware.anti_forgery import anti_forgery_field, anti_forgery_request
from ..middleware.security_headers import NONCE
from ..request import Request
from ..wsgi import RingApp

__all__ = ["FlaskSession", "RingSession", "flask_defaults", "recreate"]

_NAME = "ringsession"


def recreate() -> None:
    """Move `flask.session` to a new id when the response starts. Call this when a user logs in.

    The session keeps its values, and both timeouts start again. The old id becomes useless, so that
    nobody who knows it is logged in too.
    Raises RuntimeError outside a request, and in an app without `RingSession`.

    >>> app = Flask(__name__)
    >>> app.config["SECRET_KEY"] = "a secret of at least 16 bytes"
    >>> _ = RingSession(app)
    >>> with app.test_request_context():
    ...     recreate()
    """
    if _NAME not in current_app.extensions:
        raise RuntimeError("recreate: this app has no RingSession. Call RingSession(app) first")
    ring_session: Any = session
    ring_session.recreate()


def csrf_token() -> str:
    """Return the anti-forgery token of the current session, for a template."""
    token: str = request.environ["ringsession.request"]["anti_forgery_token"]
    return token


def csrf_field() -> str:
    """Return a hidden form field with the anti-forgery token, for a template."""
    return anti_forgery_field(request.environ["ringsession.request"])


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

    app.config is read once: SECRET_KEY, SECRET_KEY_FALLBACKS, SESSION_COOKIE_NAME, _DOMAIN, _PATH,
    _HTTPONLY, _SECURE, _SAMESITE and _PARTITIONED, PERMANENT_SESSION_LIFETIME,
    SESSION_REFRESH_EACH_REQUEST, MAX_CONTENT_LENGTH.
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
        if _NAME in app.extensions:
            raise ConfigError("RingSession: this app already has a RingSession. Install it once")
        nested = self._config if config is None else config
        whole = read_config(app.config, nested)
        shown = whole
        if self._until is not None:
            cookies = FlaskCookies(app, self._until, lambda: datetime.now(timezone.utc))
            store = MovingStore(whole["session"]["store"], cookies)
            whole = assoc_in(whole, ["session", "store"], store)
        try:
            wrapped = wrap_defaults(app.wsgi_app, _with_csrf_errors(app, whole))
            interface = self._interface(app, whole)
        except ConfigError as error:
            raise name_app_key(error, nested) from None
        assert isinstance(wrapped, RingApp)
        wrapped.config = shown
        app.wsgi_app = wrapped  # type: ignore[method-assign]
        app.session_interface = interface
        handle_failures(app)
        functions = _find_globals(whole)
        if functions:  # the first use of jinja_env fixes its options, so avoid it if possible
            app.jinja_env.globals.update(functions)
        app.extensions[_NAME] = self

    def _interface(self, app: Flask, config: Config) -> FlaskSessionInterface:
        options = {key: value for key, value in config["session"].items() if key != "flash"}
        own_age = "max_age" in config["session"]["cookie_attrs"]
        return FlaskSessionInterface(
            options,
            cookie_name=options["cookie_name"],
            max_age=None if own_age else permanent_age(config, app.config),
            rolling=bool(app.config["SESSION_REFRESH_EACH_REQUEST"]),
            provide=_providing(config),
            make_page=page_maker(app),
            former_name=None if self._until is None else _find_former_name(app, options),
        )


def _find_former_name(app: Flask, options: Mapping[str, Any]) -> str | None:
    """Return the name of the cookie that Flask signed, if it is not the session's own."""
    name: str = app.config["SESSION_COOKIE_NAME"]
    return None if name == options["cookie_name"] else name


def _with_csrf_errors(app: Flask, config: Config) -> Config:
    """Let the app's own error handlers answer a refused request, unless the config says how."""
    path = ("security", "anti_forgery")
    options = layer_options(find_value(config, path, site_defaults), None)
    if options is None or options.get("error_response") or options.get("error_handler"):
        return config
    answer = answer_in_flask(app)
    if answer is None:
        return config
    security = site_defaults["security"] if config["security"] is True else config["security"]
    options["error_handler"] = answer
    return {**config, "security": {**security, "anti_forgery": options}}


def _providing(config: Config) -> Callable[[Request], object]:
    """Return a function that adds the templates' keys to a request that no layer has handled."""
    functions = _find_globals(config)

    def provide(request: Request) -> None:
        if "csrf_token" in functions:
            anti_forgery_request(request)
        if "csp_nonce" in functions:
            request["csp_nonce"] = secrets.token_urlsafe(16)

    return provide
