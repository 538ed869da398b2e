"""Read the cookies that Flask signed, so that users stay signed in after a move to ringsession.

`moving_store.py` stores their sessions as sessions of ringsession.
"""

from __future__ import annotations

import hmac
import logging
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, NamedTuple

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadData, BadSignature
from itsdangerous.encoding import base64_decode

from ..session.contents import RESERVED
from .messages import flash_value
from .session import FLASHES
from .values import encode
from ..config import ConfigError
from ..http.grammar import LONGEST_COOKIE_AGE
from ..middleware.cookies import find_cookie
from ..middleware.flash import new_entry
from ..request import Request
from ..stores.cookie.keys import PUBLISHED

log = logging.getLogger("ringsession")
_MOST_VALUES = 4  # of one request's cookies; a client may send hundreds
_MARGIN = 60  # seconds; itsdangerous cuts an age down to whole seconds, and clocks differ
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


def cookie_record(data: dict[str, Any], signed_at: int = 0) -> str:
    """Return the values of a signed cookie as a record.

    Each of Flask's waiting messages gets its own key, as in `FlaskSession`. The keys depend only on
    the cookie, so that every request that reads it names the same messages.

    signed_at: 0; nanoseconds since 1970.

    >>> cookie_record({"user": "ann"})
    '1{"user":"ann"}'
    """
    kept = {key: data[key] for key in data if key != FLASHES and not key.startswith(RESERVED)}
    for place, (category, message) in enumerate(data.get(FLASHES, ())):
        kept[new_entry(place, signed_at, "00000000")] = flash_value(category, message)
    return encode(kept)


class Signed(NamedTuple):
    """A cookie that Flask signed.

    id: an HMAC of what was signed, under the key that verified it. So one cookie has one id,
        however its signature is spelled.
    marker: likewise; the id under which its move is remembered.
    expires_in: seconds until Flask itself would not accept the cookie any more.
    remembered_for: seconds for which its move is remembered. It is longer than `expires_in`, since
        an app may lengthen PERMANENT_SESSION_LIFETIME or put off the date.
    """

    id: str
    marker: str
    record: str
    expires_in: float
    remembered_for: float

    def make_id(self, nonce: str) -> str:
        """Return an id for the session in a store. Nobody can tell it from the nonce alone."""
        return _derive_id(self.id.encode(), b"moved", nonce.encode())

    def __repr__(self) -> str:  # without the id and the user's data
        return f"<Signed, for {self.expires_in:.0f} s>"


def _derive_id(key: bytes, purpose: bytes, text: bytes) -> str:
    digest = hmac.digest(key, b"ringsession.flask-cookie\0" + purpose + b"\0" + text, "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


class FlaskCookies:
    """Read the cookies that Flask's own interface signed, with the app's keys.

    A cookie that Flask itself would not accept any more is not read.
    """

    def __init__(self, app: Flask, until: object, now: Callable[[], datetime]) -> None:
        own = app.session_interface
        if not isinstance(own, SecureCookieSessionInterface):
            own = SecureCookieSessionInterface()
        self._app = app
        self._interface = own
        if PUBLISHED.intersection(self._get_serializer().secret_keys):
            log.warning(
                "accept_flask_cookies_until: a SECRET_KEY is known to everybody, since"
                " documentation shows it: whoever uses it can sign any session"
            )
        self._until = end_of(until)
        self._now = now
        if self.is_over:
            log.warning("The date of accept_flask_cookies_until has passed. You can remove it")

    def _get_serializer(self) -> Any:
        serializer = self._interface.get_signing_serializer(self._app)
        if serializer is None:
            raise ConfigError(
                'accept_flask_cookies_until: app.config["SECRET_KEY"] is not set. Set the key that'
                " Flask signed the cookies with"
            )
        return serializer

    @property
    def name(self) -> str:
        """Return the name of the cookie that Flask signed."""
        name: str = self._app.config["SESSION_COOKIE_NAME"]
        return name

    @property
    def is_over(self) -> bool:
        return self._now() >= self._until

    def find(self, request: Request) -> list[str]:
        """Return the values of a request that Flask may have signed."""
        found = find_cookie(request.get_header("cookie") or "", self.name)
        return [value for value in found if "." in value][:_MOST_VALUES]

    def read(self, value: str) -> Signed | None:
        """Return the session of a cookie that Flask signed and would still accept, else None."""
        # The cookies of ringsession have no ".", so that this check is cheap for them.
        if "." not in value or not value.isascii() or self.is_over:
            return None
        try:
            serializer = self._get_serializer()
            # One signer for each key, since the id depends on the key that fits.
            for key in serializer.secret_keys:
                signer = serializer.signer(key, salt=serializer.salt, **serializer.signer_kwargs)
                with suppress(BadSignature):  # raised for an old signature too
                    return self._read(value.encode(), signer, serializer.serializer.loads)
        except (BadData, ValueError, TypeError, zlib.error, RecursionError):
            log.warning("Ignored a cookie that Flask signed: its contents cannot be read")
        return None

    def _read(self, value: bytes, signer: Any, loads: Callable[[str], Any]) -> Signed:
        lifetime = self._app.permanent_session_lifetime
        max_age = None if lifetime is None else int(lifetime.total_seconds())
        # The serializer's own `loads` would inflate without a limit.
        payload, signed_at = signer.unsign(value, max_age=max_age, return_timestamp=True)
        inflated = payload[:1] == b"."
        octets = base64_decode(payload[1:] if inflated else payload)
        data = loads((_inflate(octets) if inflated else octets).decode())
        if not isinstance(data, dict):
            raise TypeError("a signed cookie: expected a dict")
        by_age = self._until if max_age is None else signed_at + timedelta(seconds=max_age)
        longest = signed_at + timedelta(seconds=LONGEST_COOKIE_AGE)
        ends, forgotten = min(by_age, self._until), max(by_age, min(longest, self._until))
        # The signature has several spellings in base64; what it signs has one.
        text = value.rpartition(signer.sep)[0]
        now = self._now()
        key = signer.derive_key()
        return Signed(
            _derive_id(key, b"session", text),
            _derive_id(key, b"marker", text),
            cookie_record(data, int(signed_at.timestamp() * 1e9)),
            max(1.0, (ends - now).total_seconds()),
            (forgotten - now).total_seconds() + _MARGIN,
        )
