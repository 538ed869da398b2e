"""Make the ids of sessions on a server, and the keys under which the stores keep them."""

from __future__ import annotations

import secrets
from hashlib import sha256
from uuid import UUID

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


def new_handle() -> str:
    """Return 128 random bits as 32 hexadecimal digits: the name of a login, which opens nothing.

    >>> len(new_handle())
    32
    """
    return secrets.token_hex(16)


def user_name(value: object) -> str | None:
    """Return the name of a user from the value in the session, or None for nobody.

    Raises TypeError for a value that names no user.

    >>> user_name(7), user_name("7"), user_name(None)
    ('7', '7', None)
    """
    if value is None:
        return None
    if type(value) not in (str, int, UUID):
        raise TypeError(
            f"expected a str, int or UUID, or None for nobody, got {type(value).__name__}"
        )
    return str(value)


def hash_owner(user: str, cookie_name: str) -> str:
    """Return the store's name for a user.

    It depends on the cookie's name, so that two apps on one store keep their users apart.

    >>> hash_owner("ann", "forum") == hash_owner("ann", "admin")
    False
    """
    return sha256(f"{cookie_name}\0{user}".encode("utf-8", "surrogatepass")).hexdigest()


def hash_cookie_name(cookie_name: str) -> str:
    """Return the hash of a cookie's name that a store keeps with each session.

    >>> len(hash_cookie_name("id"))
    32
    """
    return sha256(cookie_name.encode()).hexdigest()[:32]
