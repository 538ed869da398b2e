"""Make the ids of sessions on a server, and the keys under which the stores keep them."""

from __future__ import annotations

import secrets
from hashlib import sha256

from ..http.grammar import SESSION_ID


def new_id() -> str:
    """Return 256 random bits as 43 URL-safe characters.

    >>> len(new_id())
    43
    """
    return secrets.token_urlsafe(32)


def hash_id(value: str, cookie_name: str) -> str | None:
    """Return the store's key for a session id, or None for a text that `new_id` cannot have made.

    The key depends on the cookie's name, so an id of one app opens no session of another app that
    uses the same store.

    >>> hash_id("../../etc/passwd", "id") is None
    True
    """
    if not SESSION_ID.match(value):
        return None
    return sha256(f"{cookie_name}\0{value}".encode()).hexdigest()
