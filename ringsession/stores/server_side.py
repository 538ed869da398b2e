"""Use a server-side store: put random ids in cookies and store sessions under the ids' hashes.

This module moves a session to a new id. `ids.py` makes, checks and hashes ids. The session layer
writes the `Set-Cookie` header.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

from . import (
    UNLIMITED,
    Change,
    Details,
    Lifetime,
    Loaded,
    Renewal,
    SessionGone,
    Store,
    StoreUnavailable,
)
from .calling import ask
from .deadlines import Limit
from .ids import hash_id, new_id
from .shown_url import show_store

_MOST_MOVES = 8  # tombstones that a logout or a login follows from an old id to the live session


class ServerSideSessions:
    """See `Backend`."""

    check_size = find_former = None

    def __init__(self, store: Store, cookie_name: str, lifetime: Lifetime) -> None:
        self._store = store
        self._cookie_name = cookie_name
        self._cookie_hash = sha256(cookie_name.encode()).hexdigest()[:32]
        self._lifetime = lifetime

    def __repr__(self) -> str:
        return show_store(self._store)

    def load(self, value: str) -> Loaded | None:
        key = hash_id(value, self._cookie_name)
        return None if key is None else self._load(key)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        key = hash_id(value, self._cookie_name)
        loaded = (
            None
            if key is None
            else ask(self._store.load, key, Limit(*self._lifetime, extends=False))
        )
        if loaded is None or loaded.record is None or not loaded.due or follows(loaded.record):
            return loaded
        return self.load(value)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        return None  # another host of the domain may have set any of the cookies

    def create(self, record: str, *, disposable: bool = False) -> str:
        value = new_id()
        self._insert(value, record, Details(self._cookie_hash, disposable))
        return value

    def insert(self, value: str, record: str, lifetime: Lifetime) -> bool:
        """Store a session under an id that this package chose. Return False if one is there."""
        details = Details(self._cookie_hash)
        return ask(self._store.create, self._known(value), record, lifetime, details)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str:
        if ask(self._store.patch, self._known(value), loaded.version, change):
            return value
        if loaded.disposable and self.load(value) is None:
            # The full store dropped this disposable session, so store the record under a new id.
            return self.create(change.record, disposable=change.disposable)
        raise SessionGone

    def touch(self, value: str, loaded: Loaded) -> str:
        return value  # `load` has already extended the idle timeout

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        """See `Backend`.

        First create the complete session under the new id, then claim the old id at the version
        that was read. So no failure loses data: before the claim the old session is unchanged, and
        after the claim nothing is left to do.
        """
        key = hash_id(value, self._cookie_name)
        if key is None:
            return self._start(renewal.alone())
        if loaded is not None and loaded.record is not None and loaded.version is None:
            loaded = self._load(key)  # `swap` has changed the version since the session was loaded
        record = self._renew(loaded, renewal)
        if loaded is None or loaded.record is None or record is None:
            new = self._start(record)
            if loaded is not None and (loaded.outlived or loaded.record is not None):
                self._end(key)
            return new
        return self._move(key, loaded, record, renewal)

    def destroy(self, value: str) -> bool:
        key = hash_id(value, self._cookie_name)
        return key is not None and self._end(key)

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        failed: list[BaseException] = []

        def watched(text: str | None) -> str:
            try:
                return change(text)
            except BaseException as error:
                failed.append(error)  # an exception of the caller's function, not of the store
                raise

        try:
            text = ask(self._store.swap, self._known(value), name, watched)
        except StoreUnavailable:
            if failed:
                raise failed[0] from None
            raise
        if text is None:
            raise SessionGone
        return text

    def keeps_value(self, value: str) -> bool:
        return True

    def merges(self, value: str) -> bool:
        return True

    def _known(self, value: str) -> str:
        """Return the key of an id that is known to be valid."""
        return sha256(f"{self._cookie_name}\0{value}".encode()).hexdigest()

    def _load(self, key: str) -> Loaded | None:
        return ask(self._store.load, key, self._lifetime)

    def _insert(self, value: str, record: str, details: Details) -> None:
        if not ask(self._store.create, self._known(value), record, self._lifetime, details):
            raise StoreUnavailable("create: the store already has a session under a new random id")

    def _start(self, record: str | None) -> str | None:
        return None if record is None else self.create(record)

    def _move(self, key: str, loaded: Loaded, record: str, renewal: Renewal) -> str | None:
        value = new_id()
        new = self._known(value)
        self._insert(value, record, Details(self._cookie_hash, replaces=key))
        found: Loaded | None = loaded
        while found is not None and found.record is not None:
            if self._claim(key, found.version, new):
                return value
            # Another request has written to the session, moved it or ended it meanwhile.
            found = self._load(key)
            before, after = record, self._renew(found, renewal)
            if after is None:
                ask(self._store.destroy, new)
                return None
            if after != before and not ask(self._store.patch, new, None, Change(before, after)):
                raise StoreUnavailable(
                    "recreate: the new session ended before the client got its id"
                )
            record = after
        return value

    def _claim(self, key: str, version: Any, new: str) -> bool:
        try:
            return ask(self._store.claim, key, version, new)
        except StoreUnavailable:
            # No client has the new id, so its session will expire. End it if nothing ever expires.
            if self._lifetime == UNLIMITED:
                with suppress(StoreUnavailable):
                    ask(self._store.destroy, new)
            raise

    def _renew(self, found: Loaded | None, renewal: Renewal) -> str | None:
        """Return the record for the new id, computed from the store's answer for the old id."""
        if found is None:
            return renewal.alone()
        if found.record is not None:
            return renewal.of_live(found.record)
        moved = self._follow(found)
        return renewal.alone() if moved is None else renewal.of_moved(moved)

    def _follow(self, found: Loaded) -> str | None:
        """Return the record of the live session to which this one has moved, or None."""
        for _ in range(_MOST_MOVES):
            if found.successor is None:
                return None
            successor = self._load(found.successor)
            if successor is None or successor.record is not None:
                return None if successor is None else successor.record
            found = successor
        return None

    def _end(self, key: str) -> bool:
        """End the session under a key, or the session it moved to. Return whether it was live."""
        for _ in range(_MOST_MOVES + 1):
            if ask(self._store.destroy, key):
                return True
            found = self._load(key)
            if found is None or found.successor is None:
                return False
            key = found.successor
        return False
