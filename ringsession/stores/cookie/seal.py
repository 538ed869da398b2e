"""Seal a session into the text of its cookie, and open it: the format RS2, byte by byte.

    version 1 (0x02) | kid 4 | nonce 24 | XAES-256-GCM(plaintext) | tag 16
        as base64url without padding
    plaintext: flags 1 | sid 16 | created 6 | began 6 | confirmed 6 | sealed 6 | seen 6 | idle 6
        | absolute 6 | codec 1 | payload | 0x80 | zeros to a multiple of 32

The caller passes the time and checks the timeouts.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from functools import partial
from struct import Struct
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ...http.grammar import MAX_COOKIE_OCTETS
from .keys import check_key
from .xaes import NONCE_SIZE, XAES256GCM

log = logging.getLogger("ringsession")

_VERSION = b"\x02"
_CODEC = b"\x01"
_END = b"\x80"
_HEAD = 1 + 4
_FIELDS = Struct(f"1s16s{7 * '6s'}1s")  # flags, sid, seven times, codec
_TIMES = Struct(">7Q")
_FIXED = _FIELDS.size
_PAD = 32
_SKEW = 60_000  # milliseconds that another server's clock may be ahead
_SMALLEST = _HEAD + NONCE_SIZE + 2 * _PAD + 16
LONGEST = (1 << 48) - 1  # milliseconds; the largest time in 48 bits, 8,900 years
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")  # "!" is not in the base64 alphabet


class Opened(NamedTuple):
    """The fields of a sealed cookie. Times are Unix milliseconds."""

    remembered: bool  # a "remember me" session
    sid: bytes  # 16 random bytes, the same while the session lives
    created: int
    began: int  # when the user signed in; 0: nobody has
    confirmed: int  # when the user last gave a password; 0: never
    sealed: int  # of several cookies for one session, the one sealed last counts
    seen: int  # when the session was last used, to within half the idle timeout
    idle: int  # milliseconds; 0: no idle timeout
    absolute: int  # milliseconds; 0: no absolute timeout
    payload: bytes

    def __repr__(self) -> str:  # without the payload, which holds the user's data
        return f"<Opened created={self.created} sealed={self.sealed}>"

    def later(self, sealed: int, seen: int, payload: bytes) -> Opened:
        """Return the same session with another payload, as it is sealed again."""
        remembered, sid, created, began, confirmed, _, _, idle, absolute, _ = self
        times = (created, began, confirmed, sealed, seen, idle, absolute)
        return _make_opened((remembered, sid, *times, payload))


# `Opened(...)` would call a function in Python.
_make_opened: Callable[[tuple[Any, ...]], Opened] = partial(tuple.__new__, Opened)


class _Key:
    """The key id and the cipher derived from one secret."""

    __slots__ = ("kid", "cipher")

    def __init__(self, secret: str | bytes) -> None:
        # HKDF-Extract (RFC 5869 section 2.2)
        prk = hmac.digest(b"ringsession.v1", check_key(secret), "sha256")
        self.kid = _expand(prk, b"kid", 4)
        self.cipher = XAES256GCM(_expand(prk, b"cookie|XAES-256-GCM", 32))


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(prk)


class Keyring:
    """Keys for one purpose. The first key seals; all keys open.

    Raises TypeError or ValueError for an invalid key. The message does not show the key.
    """

    __slots__ = ("newest", "_by_kid", "_purpose", "_contexts")

    def __init__(
        self,
        key: str | bytes,
        fallback_keys: Sequence[str | bytes] = (),
        *,
        purpose: str = "session",
    ) -> None:
        if isinstance(fallback_keys, (str, bytes)):
            raise TypeError("fallback_keys: expected a list of keys, got one key")
        keys = [_Key(secret) for secret in (key, *fallback_keys)]
        self.newest = keys[0]
        # Two keys may have the same id: for a random pair the chance is one in four billion.
        self._by_kid: dict[bytes, list[_Key]] = {}
        for one in keys:
            self._by_kid.setdefault(one.kid, []).append(one)
        self._purpose = purpose
        self._contexts: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"<Keyring of {sum(map(len, self._by_kid.values()))}>"

    def with_kid(self, kid: bytes) -> Sequence[_Key]:
        return self._by_kid.get(kid, ())

    def associated_data(self, head: bytes, name: str) -> bytes:
        # The cookie's name and the purpose are authenticated, so no cookie opens as another one.
        context = self._contexts.get(name)
        if context is None:
            parts = [part.encode() for part in (name, self._purpose)]
            context = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
            self._contexts[name] = context
        return b"ringsession.cookie\0" + head + context


def new_key() -> str:
    """Return 32 random bytes as 43 URL-safe characters.

    >>> len(new_key())
    43
    """
    return secrets.token_urlsafe(32)


def seal(keyring: Keyring, name: str, contents: Opened) -> str:
    """Return the sealed text for a cookie of this name.

    >>> keyring = Keyring("a 16-byte secret")
    >>> contents = Opened(False, bytes(16), 5, 0, 0, 7, 7, 1_800_000, 0, b"payload")
    >>> text = seal(keyring, "id", contents)
    >>> open_sealed(keyring, "id", text, now=10) == contents
    True
    """
    remembered, sid, *times, payload = contents
    together = 0
    for time in times:
        together = together << 48 | time
    octets = together.to_bytes(42, "big")
    plaintext = b"".join((bytes((remembered,)), sid, octets, _CODEC, payload, _END))
    plaintext += bytes(-len(plaintext) % _PAD)
    key = keyring.newest
    head, nonce = _VERSION + key.kid, key.cipher.new_nonce()
    sealed = key.cipher.encrypt(nonce, plaintext, keyring.associated_data(head, name))
    return _encode(head + nonce + sealed)


def sealed_length(payload: int) -> int:
    """Return how many characters `seal` makes of a payload of so many bytes.

    >>> sealed_length(7), sealed_length(100)
    (188, 316)
    """
    padded = _FIXED + payload + 1 + -(_FIXED + payload + 1) % _PAD
    return -(-(_HEAD + NONCE_SIZE + padded + 16) * 4 // 3)


def _encode(blob: bytes) -> str:
    return b2a_base64(blob, newline=False).rstrip(b"=").translate(_URLSAFE).decode()


def _decode(text: str, most: int) -> bytes | None:
    """Return the bytes of a base64url text if it may be a sealed cookie, else None."""
    if len(text) > most:
        return None
    try:
        standard = text.encode().translate(_STANDARD) + b"=" * (-len(text) % 4)
        blob = a2b_base64(standard)
    except ValueError:  # a lone surrogate, or a group of one character
        return None
    # RFC 4648 section 3.5: accept only the canonical encoding. `a2b_base64` skips unknown
    # characters, so encode the bytes again and compare.
    if len(blob) < _SMALLEST or blob[:1] != _VERSION or b2a_base64(blob, newline=False) != standard:
        return None
    return blob


def _parse(plaintext: bytes) -> Opened | None:
    """Return the fields of an authenticated plaintext, or None if its format is another one."""
    size = len(plaintext.rstrip(b"\0"))
    if size <= _FIXED or plaintext[size - 1] != _END[0] or len(plaintext) != size + -size % _PAD:
        return None
    flags, sid, *octets, codec = _FIELDS.unpack_from(plaintext)
    if codec != _CODEC or flags > b"\1":  # only the lowest bit has a meaning
        return None
    times = _TIMES.unpack(b"\0\0".join((b"", *octets)))  # six octets of eight
    created, began, confirmed, sealed, seen, _, _ = times
    if not created <= seen <= sealed or began > sealed or confirmed > sealed:
        return None
    return _make_opened((flags == b"\1", sid, *times, plaintext[_FIXED : size - 1]))


def open_sealed(keyring: Keyring, name: str, text: str, *, now: int) -> Opened | None:
    """Return the fields that `seal` sealed, or None for any other text.

    now: Unix milliseconds. A cookie that was sealed more than 60 s after this time also gives None,
        with a line in the log.
    """
    blob = _decode(text, MAX_COOKIE_OCTETS - len(name))
    if blob is None:
        return None
    head, nonce = blob[:_HEAD], blob[_HEAD : _HEAD + NONCE_SIZE]
    associated_data = keyring.associated_data(head, name)
    for key in keyring.with_kid(head[1:]):
        plaintext = key.cipher.decrypt(nonce, blob[_HEAD + NONCE_SIZE :], associated_data)
        if plaintext is not None:
            opened = _parse(plaintext)
            if opened is None or opened.sealed <= now + _SKEW:
                return opened
            log.warning(
                "Dropped the cookie %a: it was sealed %.0f s ahead of this server's clock."
                " Set the clocks of all servers to the same time.",
                *(name, (opened.sealed - now) / 1000),
            )
    return None
