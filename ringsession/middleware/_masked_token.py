"""Mask the session's secret as a token, and unmask a token.

Each token of a secret is a different text. `anti_forgery.py` decides what a token is good for.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ..http.grammar import MASKED_SECRET

SIZE = 32  # octets of a secret


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other))


def mask_secret(secret: bytes) -> str:
    """Return a secret as a token, a different one each time.

    So the size of a compressed page tells nothing of the secret (the BREACH attack).
    """
    mask = secrets.token_bytes(SIZE)
    return urlsafe_b64encode(mask + _xor(mask, secret)).decode().rstrip("=")


def unmask_token(token: object) -> bytes | None:
    """Return the secret in a token, or None if it is no token."""
    if not isinstance(token, str) or not MASKED_SECRET.match(token):
        return None
    octets = urlsafe_b64decode(token + "==")
    return _xor(octets[:SIZE], octets[SIZE:])
