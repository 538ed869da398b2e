"""Read the cookies that Flask signed, so that users stay signed in after a move to ringsession.

`MovingStore` wraps the app's store. It moves each signed session into that store at its first use.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadData, BadSignature
from itsdangerous.encoding import base64_decode

from .. import codec
from ..session.contents import RESERVED
from .session import FLASHES, flash_value
from ..config import ConfigError
from ..middleware.flash import new_entry
from ..stores import Change, CopiesAsItself, Lifetime, Loaded, Renewal
from ..stores.backend import Backend
from ..stores.opening import open_sessions

log = logging.getLogger("ringsession")
_LARGEST = 262_144  # octets after zlib; a cookie of 4 KiB could grow to 4 MiB


def end_of(until: object) -> datetime:
    """Return the moment when a date ends, in UTC. A datetime is that moment itself.

    Raises ConfigError for anything but a date or datetime.

    >>> end_of(date(2026, 12, 31)).isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    if isinstance(until, date):
        return datetime.combine(until, time(), timezone.utc) + timedelta(days=1)
    kind = type(until).__name__
    raise ConfigError(f"accept_flask_cookies_until: expected a date, got {kind}")


def _inflate(octets: bytes) -> bytes:
    return zlib.decompressobj().decompress(octets, _LARGEST)  # a truncated text is not valid JSON


def cookie_record(data: dict[str, Any]) -> str:
    """Return the values of a signed cookie as a record.

    Each of Flask's waiting messages gets its own key, as in `FlaskSession`.

    >>> codec.decode(cookie_record({"user": "ann"}))
    {'user': 'ann'}
    """
    kept = {key: data[key] for key in data if key != FLASHES and not key.startswith(RESERVED)}
    for place, (category, message) in enumerate(data.get(FLASHES, ())):
        kept[new_entry(place)] = flash_value(category, message)
    return codec.encode(kept)


class FlaskCookies:
    """Read the cookies that Flask's own interface signed, with the app's keys.

    A cookie that Flask itself would not accept any more is not read.
    """

    def __init__(self, app: Flask, until: object, now: Callable[[], datetime]) -> None:
        own = app.session_interface
        if not isinstance(own, SecureCookieSessionInterface):
            own = SecureCookieSessionInterface()
        serializer = own.get_signing_serializer(app)
        if serializer is None:
            raise ConfigError(
                'accept_flask_cookies_until: app.config["SECRET_KEY"] is not set. Set the key that'
                " Flask signed the cookies with"
            )
        self._signer: Any = serializer.make_signer(serializer.salt)
        self._loads = serializer.serializer.loads
        self._max_age = int(app.permanent_session_lifetime.total_seconds())
        self._until = end_of(until)
        self._now = now
        if self.is_over:
            log.warning("The date of accept_flask_cookies_until has passed. You can remove it")

    @property
    def is_over(self) -> bool:
        return self._now() >= self._until

    def read(self, value: str) -> str | None:
        """Return the record of a cookie that Flask signed and would still accept, else None."""
        # The cookies of ringsession have no ".", so that this check is cheap for them.
        if "." not in value or not value.isascii() or self.is_over:
            return None
        try:
            return self._read(value)
        except BadSignature:  # raised for an old signature too
            return None
        except (BadData, ValueError, TypeError, zlib.error, RecursionError):
            log.warning("Ignored a cookie that Flask signed: its contents cannot be read")
            return None

    def _read(self, value: str) -> str:
        # The serializer's own `loads` would inflate without a limit.
        payload = self._signer.unsign(value.encode(), max_age=self._max_age)
        inflated = payload[:1] == b"."
        octets = base64_decode(payload[1:] if inflated else payload)
        data = self._loads((_inflate(octets) if inflated else octets).decode())
        if not isinstance(data, dict):
            raise TypeError("a signed cookie: expected a dict")
        return cookie_record(data)


class MovedSessions:
    """Read a session from the cookie that Flask signed, until the wrapped store holds the session.

    See `stores.backend.Backend`.
    """

    def __init__(self, inner: Backend, cookies: FlaskCookies) -> None:
        self._inner = inner
        self._cookies = cookies

    def load(self, value: str) -> Loaded | None:
        record = self._cookies.read(value)
        # With due=True the request stores the session, even if the request changes nothing.
        return self._inner.load(value) if record is None else Loaded(record, due=True)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        if self._cookies.read(value) is not None:
            return self.load(value)
        return self._inner.load_late(value, follows)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        # A session of ringsession is newer than the cookie that Flask signed.
        ours = [pair for pair in live if self._cookies.read(pair[0]) is None]
        return ours[0] if len(ours) == 1 else self._inner.choose(ours) if ours else None

    def create(self, record: str, *, disposable: bool = False) -> str | None:
        return self._inner.create(record, disposable=disposable)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        if self._cookies.read(value) is not None:
            return self._inner.create(change.record)
        return self._inner.patch(value, loaded, change)

    def touch(self, value: str, loaded: Loaded) -> str | None:
        if loaded.record is not None and self._cookies.read(value) is not None:
            return self._inner.create(loaded.record)
        return self._inner.touch(value, loaded)

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        record = self._cookies.read(value)
        if record is None:
            return self._inner.recreate(value, loaded, renewal)
        renewed = renewal.of_live(record)
        return None if renewed is None else self._inner.create(renewed)

    def destroy(self, value: str) -> bool:
        return self._cookies.read(value) is not None or self._inner.destroy(value)

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        record = self._cookies.read(value)
        if record is None:
            return self._inner.swap(value, name, change)
        # No other request has this session yet, and the commit stores the new value.
        return change(codec.value_text(record, name))

    def keeps_value(self, value: str) -> bool:
        return self._cookies.read(value) is None and self._inner.keeps_value(value)

    def merges(self, value: str) -> bool:
        return self._cookies.read(value) is None and self._inner.merges(value)


class MovingStore(CopiesAsItself):
    """Wrap a store so that it also reads the cookies that Flask signed."""

    def __init__(self, store: Any, cookies: FlaskCookies) -> None:
        self.store = store
        self._cookies = cookies
        self.single_process = getattr(store, "single_process", False)

    def __repr__(self) -> str:
        return repr(self.store)

    def check(self) -> None:
        """Check the wrapped store, if it can check itself when the app starts."""
        check = getattr(self.store, "check", None)
        if check is not None:
            check()

    def open_sessions(self, cookie_name: str, lifetime: Lifetime) -> Backend:
        """See `stores.opening.OpensBackend`."""
        return MovedSessions(open_sessions(self.store, cookie_name, lifetime), self._cookies)
