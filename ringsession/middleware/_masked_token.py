"""The form of a token: the session's secret under a mask, another text each time.

Owns the masking. Knows no request and no session.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ..http.grammar import MASKED_SECRET

SIZE = 32  # octets of a secret


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other))


def mask_secret(secret: bytes) -> str:
    """A secret as a token that is another one each time, so that compression tells nothing of it (BREACH)."""
    mask = secrets.token_bytes(SIZE)
    return urlsafe_b64encode(mask + _xor(mask, secret)).decode().rstrip("=")


def unmask_token(token: object) -> bytes | None:
    """The secret in a token; None for what is none."""
    if not isinstance(token, str) or not MASKED_SECRET.match(token):
        return None
    octets = urlsafe_b64decode(token + "==")
    return _xor(octets[:SIZE], octets[SIZE:])
