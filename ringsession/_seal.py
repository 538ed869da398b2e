"""RS1: the sealed form of a cookie's contents, byte by byte.

    version 1 | kid 4 | nonce 24 | XAES-256-GCM(plaintext) | tag 16, as base64url without padding
    plaintext: flags 1 | sid 16 | created 5 | issued 5 | codec 1 | payload | 0x80 | zeros to a multiple of 32

Owns the format and the keys. Knows nothing of sessions, timeouts and clocks beyond what it is given.
"""

from __future__ import annotations

import hmac
import secrets
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ._grammar import MAX_COOKIE_OCTETS
from ._xaes import NONCE_SIZE, XAES256GCM

_VERSION = b"\x01"
_FLAGS = b"\x00"
_CODEC = b"\x01"
_END = b"\x80"
_HEAD = 1 + 4
_FIXED = 28  # flags, sid, created, issued, codec
_PAD = 32
_SKEW = 60  # seconds by which another server's clock may be ahead
_SMALLEST = _HEAD + NONCE_SIZE + _PAD + 16
_TIME = (1 << 40) - 1
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")  # "!" never comes out again


class Opened(NamedTuple):
    """What is inside a sealed cookie."""

    sid: bytes  # 16 random bytes, the same while the session lives
    created: int  # unix seconds
    issued: int  # unix seconds of the last sealing
    payload: bytes

    def __repr__(self) -> str:  # the payload is what was sealed
        return f"<Opened created={self.created} issued={self.issued}>"


class _Key:
    """What is derived from one secret."""

    __slots__ = ("kid", "cipher")

    def __init__(self, secret: str | bytes) -> None:
        if not isinstance(secret, (str, bytes)):
            raise TypeError(f"key: expected str or bytes, got {type(secret).__name__}")
        octets = secret.encode() if isinstance(secret, str) else secret
        if len(octets) < 16:
            raise ValueError(f"key: expected at least 16 bytes, got {len(octets)}")
        prk = hmac.digest(
            b"ringsession.v1", octets, "sha256"
        )  # HKDF-Extract (RFC 5869 section 2.2)
        self.kid = _expand(prk, b"kid", 4)
        self.cipher = XAES256GCM(_expand(prk, b"cookie|XAES-256-GCM", 32))


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(prk)


class Keyring:
    """Keys for one purpose: the first seals, all open.

    Raises TypeError or ValueError for a key that is none, without showing it.
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
        # Two keys may share an id, by chance once in four billion.
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
        # Bound to the cookie's name and the purpose, so that one cookie never passes for another.
        context = self._contexts.get(name)
        if context is None:
            parts = [part.encode() for part in (name, self._purpose)]
            context = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
            self._contexts[name] = context
        return b"ringsession.cookie\0" + head + context


def new_key() -> str:
    """32 random bytes as 43 url-safe characters.

    >>> len(new_key())
    43
    """
    return secrets.token_urlsafe(32)


def seal(keyring: Keyring, name: str, contents: Opened) -> str:
    """The sealed text for a cookie of this name.

    >>> keyring = Keyring("a 16-byte secret")
    >>> text = seal(keyring, "id", Opened(bytes(16), 5, 7, b"payload"))
    >>> open_sealed(keyring, "id", text, now=10).payload
    b'payload'
    """
    sid, created, issued, payload = contents
    times = created.to_bytes(5, "big") + issued.to_bytes(5, "big")
    plaintext = b"".join((_FLAGS, sid, times, _CODEC, payload, _END))
    plaintext += bytes(-len(plaintext) % _PAD)
    key = keyring.newest
    head, nonce = _VERSION + key.kid, key.cipher.new_nonce()
    sealed = key.cipher.encrypt(nonce, plaintext, keyring.associated_data(head, name))
    return _encode(head + nonce + sealed)


def _encode(blob: bytes) -> str:
    return b2a_base64(blob, newline=False).translate(_URLSAFE, b"=").decode()


def _decode(text: str, most: int) -> bytes | None:
    """The bytes of a canonical base64url text that may be sealed, else None."""
    if len(text) > most:
        return None
    try:
        standard = text.encode().translate(_STANDARD) + b"=" * (-len(text) % 4)
        blob = a2b_base64(standard)
    except ValueError:  # a lone surrogate, or a group of one character
        return None
    # RFC 4648 section 3.5: only a text that comes out again is canonical; `a2b_base64` skips what it does not know.
    if len(blob) < _SMALLEST or blob[:1] != _VERSION or b2a_base64(blob, newline=False) != standard:
        return None
    return blob


def _parse(plaintext: bytes, now: int) -> Opened | None:
    """The fields of a plaintext whose tag was right."""
    size = len(plaintext.rstrip(b"\0"))
    times = int.from_bytes(plaintext[17:27], "big")
    created, issued = times >> 40, times & _TIME
    if (
        plaintext[0] != _FLAGS[0]
        or plaintext[27] != _CODEC[0]
        or size <= _FIXED
        or plaintext[size - 1] != _END[0]
        or len(plaintext) != size + -size % _PAD
        or not created <= issued <= now + _SKEW
    ):
        return None
    return Opened(plaintext[1:17], created, issued, plaintext[_FIXED : size - 1])


def open_sealed(keyring: Keyring, name: str, text: str, *, now: int) -> Opened | None:
    """What `seal` was given; None for everything else, whatever is wrong with it.

    now: unix seconds; what was issued more than 60 s later is refused.
    """
    blob = _decode(text, MAX_COOKIE_OCTETS - len(name))
    if blob is None:
        return None
    head, nonce = blob[:_HEAD], blob[_HEAD : _HEAD + NONCE_SIZE]
    associated_data = keyring.associated_data(head, name)
    for key in keyring.with_kid(head[1:]):
        plaintext = key.cipher.decrypt(nonce, blob[_HEAD + NONCE_SIZE :], associated_data)
        if plaintext is not None:
            return _parse(plaintext, now)
    return None
