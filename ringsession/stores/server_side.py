"""Sessions in a server-side store: random ids in the cookie, their hashes in the store.

Owns the ids: it makes them, checks what clients send, and hashes them. Knows nothing of cookies beyond the value.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

from .._grammar import SESSION_ID
from . import Change, Lifetime, Loaded, SessionGone, Store, StoreUnavailable

_Answer = TypeVar("_Answer")


def new_id() -> str:
    """256 random bits as 43 url-safe characters.

    >>> len(new_id())
    43
    """
    return secrets.token_urlsafe(32)


def hash_id(value: str) -> str | None:
    """The key under which a session's record is kept; None for what we cannot have made.

    >>> hash_id("../../etc/passwd") is None
    True
    """
    return sha256(value.encode()).hexdigest() if SESSION_ID.match(value) else None


def ask(method: Callable[..., _Answer], *args: Any) -> _Answer:
    """Ask a store; whatever it raises means that it failed (see `Store`)."""
    try:
        return method(*args)
    except StoreUnavailable:
        raise
    except Exception as error:
        name = getattr(method, "__qualname__", type(method).__name__)
        raise StoreUnavailable(f"{name} failed") from error


class ServerSideSessions:
    """See `Sessions`."""

    def __init__(self, store: Store, lifetime: Lifetime) -> None:
        self._store = store
        self._lifetime = lifetime

    def load(self, value: str) -> Loaded | None:
        key = hash_id(value)
        return None if key is None else ask(self._store.load, key)

    def create(self, record: str) -> str:
        value = new_id()
        if not ask(self._store.create, _known(value), record, self._lifetime):
            raise StoreUnavailable("create: expected a new random id to be free")
        return value

    def patch(self, value: str, loaded: Loaded, change: Change) -> str:
        if not ask(self._store.patch, _known(value), loaded.version, change):
            raise SessionGone
        return value

    def touch(self, value: str, loaded: Loaded) -> str:
        return value  # the store does it while it loads

    def recreate(
        self, value: str, loaded: Loaded | None, renew: Callable[[str | None], str | None]
    ) -> str | None:
        # The old id dies first: a crash in between means signed out, never two live ids.
        key = hash_id(value)
        record = renew(None if key is None else ask(self._store.claim, key))
        return None if record is None else self.create(record)

    def destroy(self, value: str) -> bool:
        key = hash_id(value)
        return key is not None and ask(self._store.destroy, key)

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        failed: list[BaseException] = []

        def watched(text: str | None) -> str:
            try:
                return change(text)
            except BaseException as error:
                failed.append(error)  # the caller's own error, not the store's
                raise

        try:
            text = ask(self._store.swap, _known(value), name, watched)
        except StoreUnavailable:
            if failed:
                raise failed[0] from None
            raise
        if text is None:
            raise SessionGone
        return text


def _known(value: str) -> str:
    """The key of an id that we made, or that a store has known."""
    return sha256(value.encode()).hexdigest()
