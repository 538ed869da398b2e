"""The users of `devices.py`, in memory. A real app has a table of them."""

from __future__ import annotations

import hashlib
import hmac
import secrets


class Account:
    """A user: a hashed password and an e-mail address."""

    def __init__(self, password: str, mail: str) -> None:
        self.mail = mail
        self.set_password(password)

    def set_password(self, password: str) -> None:
        salt = secrets.token_bytes(16)
        self._hashed = salt, digest(password, salt)  # at once, since other threads read it

    def has_password(self, password: str) -> bool:
        salt, hashed = self._hashed
        return hmac.compare_digest(hashed, digest(password, salt))


def digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def make_accounts() -> dict[str, Account]:
    return {
        "ann": Account("anns password", "ann@example.org"),
        "ben": Account("bens password", "ben@example.org"),
    }
