"""Read an app's app.config again at each use, as Flask does.

`app_config.py` knows the keys of app.config, `site.py` when the layers are built.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Flask

from ..config import Config, ConfigError, assoc_in
from ..http.grammar import LONGEST_COOKIE_AGE
from ..middleware.session import find_attrs, read_seconds
from ..option_error import OptionError, show, to_seconds
from ..stores import Lifetime, UserStore
from ..wsgi.form_input import FormLimits
from .app_config import COOKIE_KEYS, app_cookie_attrs, flask_defaults, ignored_keys
from .app_config import name_app_key, read_config

log = logging.getLogger("ringsession")

_FORM_LIMITS = ("MAX_CONTENT_LENGTH", "MAX_FORM_MEMORY_SIZE", "MAX_FORM_PARTS")
_LOGIN_KEY = "_user_id"  # Flask-Login's
_LATE = "after the first request"
_BEFORE = "Set it before the first request"


class Fixed(NamedTuple):
    """What is fixed at the first request: the cookie's name, and the keys that seal the cookie.

    The keys are None where app.config's keys seal nothing.
    """

    cookie_name: Any
    key: Any
    fallback_keys: Any

    def __repr__(self) -> str:  # the keys are secrets
        return f"<Fixed cookie_name={self.cookie_name!r}>"


class LiveConfig:
    """An app's config at each moment: its app.config, under the nested config.

    Raises ConfigError for a wrong value, with the key of app.config.
    """

    def __init__(self, app: Flask, nested: Mapping[str, Any]) -> None:
        self._values = app.config
        self._warned: set[str] = set()
        self._nested = nested
        self._is_checked = False
        given = nested.get("session") if isinstance(nested, Mapping) else None
        self._session: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        self.is_sealed_by_app = self._session.get("store") is None
        if not self.is_sealed_by_app:  # opened here, and never again
            store = self.read()["session"]["store"]
            self._nested = assoc_in(nested, ["session", "store"], store)
            self._is_checked = True
        # What the lifetime was made from, and it; one tuple, for threads.
        self._checked_lifetime: tuple[Any, Lifetime] = (None, Lifetime())
        # What the cookie's attributes were made from, and they; one tuple, for threads.
        self._made: tuple[Any, dict[str, Any]] = (None, {})

    def read(self) -> Config:
        """Return the whole config of now, for the layers. See `read_config`."""
        config = read_config(self._values, self._nested, is_checked=self._is_checked)
        self.warn_of_ignored()
        return config

    def warn_of_ignored(self) -> None:
        """Log each key of app.config that is set in vain, once."""
        ignored = ignored_keys(self._values, self._nested)
        new = [name for name in ignored if name not in self._warned]
        if new:
            log.warning("RingSession does not use these keys of app.config: %s", ", ".join(new))
            self._warned.update(new)

    def find_fixed(self) -> Fixed:
        """Return the values of now that are fixed at the first request."""
        if not self.is_sealed_by_app:
            return Fixed(self.find_cookie_name(), None, None)
        fallback_keys = tuple(self._values.get("SECRET_KEY_FALLBACKS") or ())
        return Fixed(self.find_cookie_name(), self._values["SECRET_KEY"], fallback_keys)

    def find_cookie_name(self) -> Any:
        return self._session.get("cookie_name", self._values["SESSION_COOKIE_NAME"])

    def find_user_key(self, *, has_default: bool) -> Any:
        """Return the session key that names the user, or None.

        has_default: Flask-Login is in use, so that its key is the default.
        """
        if "user_key" in self._session or not has_default:
            return self._session.get("user_key")
        return _LOGIN_KEY if isinstance(self._nested["session"]["store"], UserStore) else None

    def check_name(self, fixed: Fixed) -> None:
        """Refuse another cookie's name than that of the first request."""
        before, now = fixed.cookie_name, self.find_cookie_name()
        if now != before:
            raise ConfigError(
                f'app.config["SESSION_COOKIE_NAME"]: it was changed from {before!r:.60} to'
                f" {now!r:.60} {_LATE}, so nobody's session would be found. {_BEFORE}"
            )

    def check_keys(self, fixed: Fixed) -> None:
        """Refuse other keys than those of the first request."""
        _, key, fallback_keys = self.find_fixed()
        if (key, fallback_keys) != (fixed.key, fixed.fallback_keys):
            name = "SECRET_KEY" if key != fixed.key else "SECRET_KEY_FALLBACKS"
            raise ConfigError(
                f'app.config["{name}"]: it was changed {_LATE}, which sealed cookies cannot'
                f" follow. {_BEFORE}"
            )

    def check(self) -> None:
        """Check what a response needs, before anything is stored."""
        self.find_lifetime()
        self.find_cookie_attrs()

    def find_lifetime(self) -> Lifetime:
        """Return the timeouts for a session that is created now."""
        timeout = self._session.get("timeout", self._permanent_lifetime)
        given = timeout, self._session.get("absolute_timeout")
        checked = self._checked_lifetime
        if given != checked[0]:
            try:
                lifetime = Lifetime(*read_seconds(timeout=given[0], absolute_timeout=given[1]))
            except OptionError as error:
                raise self._name_key(error, self._session) from None
            checked = self._checked_lifetime = given, lifetime
        return checked[1]

    def find_cookie_attrs(self) -> dict[str, Any]:
        """Return the attributes for a cookie that is written now, but for its root."""
        own = self._session.get("cookie_attrs") or {}
        own = dict(own()) if callable(own) else own
        seen = own, tuple(map(self._values.get, COOKIE_KEYS))
        made = self._made
        if seen != made[0]:
            defaults = flask_defaults["session"]["cookie_attrs"]
            attrs = {**defaults, **app_cookie_attrs(self._values), **own}
            try:
                find_attrs(self.find_cookie_name(), attrs, self._session.get("root"))
            except OptionError as error:
                raise self._name_key(error, {**self._session, "cookie_attrs": own}) from None
            made = self._made = seen, attrs
        return made[1]

    def find_permanent_age(self) -> int | None:
        """Return the Max-Age of a permanent session's cookie; None if all cookies have their own.

        This is the idle timeout of the session. Without one it is PERMANENT_SESSION_LIFETIME.
        """
        if "max_age" in self.find_cookie_attrs():
            return None
        seconds = self.find_lifetime().idle or self._permanent_lifetime or LONGEST_COOKIE_AGE
        return min(int(seconds), LONGEST_COOKIE_AGE)

    def find_form_limits(self) -> FormLimits:
        """Return the limits for a form that is read now."""
        limits = [self._values.get(name) for name in _FORM_LIMITS]
        for name, limit in zip(_FORM_LIMITS, limits):
            if limit is not None and not (type(limit) in (int, float) and limit >= 0):
                raise ConfigError(
                    f'app.config["{name}"]: expected a number, or None, got {show(limit)}'
                )
        return FormLimits(*limits)

    @property
    def is_refreshing(self) -> bool:
        """Return whether a request that only reads its session may send the cookie again."""
        return bool(self._values["SESSION_REFRESH_EACH_REQUEST"] or self._session.get("rolling"))

    def _name_key(self, error: OptionError, session: Mapping[str, Any]) -> ConfigError:
        where = ConfigError(error.problem, ("session", *error.option))
        return name_app_key(where, self._values, {"session": session})

    @property
    def _permanent_lifetime(self) -> Any:
        return to_seconds(self._values["PERMANENT_SESSION_LIFETIME"])
