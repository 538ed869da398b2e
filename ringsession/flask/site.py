"""Put the layers around a Flask app, and hold the cookie's name and keys from the first request on.

An app may set both after `init_app`, so the layers are built once more if it did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from typing import Any

from flask import Flask

from ..config import Config, ConfigError, assoc_in
from ..defaults import wrap_defaults
from ..request import Handler, Request, Response
from ..wsgi import RingApp
from .app_config import name_app_key
from .csrf_error import with_csrf_errors
from .failing import page_maker
from .interface import FlaskSessionInterface
from .live_config import LiveConfig
from .live_store import LiveStore
from .moving_store import MovingStore
from .signed_cookies import FlaskCookies


class Site:
    """The layers around one app, and the interface for `flask.session`.

    Raises ConfigError for a wrong config.
    """

    def __init__(
        self,
        app: Flask,
        nested: Mapping[str, Any],
        until: date | None,
        provide: Callable[[Request], object],
    ) -> None:
        self._app = app
        self._inner = app.wsgi_app
        self._nested = nested
        self._live = LiveConfig(app, nested)
        self._cookies = None if until is None else FlaskCookies(app, until, _now)
        self.interface = FlaskSessionInterface(
            self._live, self.start, provide, self._find_former_name, page_maker(app)
        )
        self.wsgi_app = RingApp(self._handle)
        self._is_started = False
        self._lock = threading.Lock()
        self._build()

    @property
    def config(self) -> Config:
        """Return the config of now. Flask-Login may have come after the layers were built."""
        assert self.wsgi_app.config is not None
        if not self._is_started and self._find_user_key() != self._user_key:
            self._build()
        return self.wsgi_app.config

    @property
    def cookie_name(self) -> Any:
        """Return the name of the session's cookie."""
        return self._live.find_cookie_name()

    def _find_user_key(self) -> Any:
        """Return the session key that names the user: Flask-Login's, if the app has no other.

        A cookie that Flask signed survives `end_all` until it is converted, so that users wait
        until no such cookie is accepted.
        """
        can_find = self._cookies is None and not self._live.is_sealed_by_app
        return self._live.find_user_key(
            has_default=can_find and hasattr(self._app, "login_manager")
        )

    def _find_former_name(self) -> str | None:
        """Return the name of the cookie that Flask signed, if it is not the session's own."""
        name = None if self._cookies is None else self._cookies.name
        return None if name == self._live.find_cookie_name() else name

    def start(self) -> None:
        """Fix the cookie's name and keys at the first request, and refuse another name later."""
        if self._is_started:
            self._live.check_name(self._fixed)
            return
        with self._lock:
            if not self._is_started:
                if self._live.find_fixed() != self._fixed or (
                    self._find_user_key() != self._user_key
                ):
                    self._build()
                self._live.warn_of_ignored()
                self._is_started = True

    def _handle(self, request: Request) -> Response:
        self.start()
        environ = dict.get(request, "environ") or {}
        if "CONTENT_TYPE" in environ:
            environ["ringsession.form_limits"] = self._live.find_form_limits()
        return self._layers(request)

    def _build(self) -> None:
        fixed, whole = self._live.find_fixed(), self._live.read()
        self._user_key = self._find_user_key()
        whole = assoc_in(whole, ["session", "user_key"], self._user_key)
        store: Any = whole["session"]["store"]
        if self._cookies is not None:
            store = MovingStore(store, self._cookies)
        store = LiveStore(store, self._live, fixed)
        config = assoc_in(whole, ["session", "store"], store)
        # A function, which is called for each cookie.
        config = assoc_in(config, ["session", "cookie_attrs"], self._live.find_cookie_attrs)
        try:
            wrapped = wrap_defaults(self._inner, with_csrf_errors(config, self._app, self._inner))
        except ConfigError as error:
            raise name_app_key(error, self._app.config, self._nested) from None
        assert isinstance(wrapped, RingApp)
        options = {key: value for key, value in config["session"].items() if key != "flash"}
        self.interface.use(options)
        self._layers: Handler = wrapped.handler
        self._fixed = fixed
        self.wsgi_app.config = assoc_in(
            whole, ["session", "cookie_attrs"], self._live.find_cookie_attrs()
        )


def _now() -> datetime:
    return datetime.now(timezone.utc)
