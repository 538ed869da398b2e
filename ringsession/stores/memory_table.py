"""The entries of the memory store, found by key, by owner and by deadline.

The store in `memory.py` holds its lock around every call of this module.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from math import inf

from . import Details, StoreUnavailable
from .deadlines import TOMBSTONE, UNLIMITED, Lifetime, judge
from .memory_entry import Entry

_TOMBSTONE = Lifetime(TOMBSTONE, None)


class MemoryTable:
    """Sessions and tombstones by their keys, with an index of the owners."""

    def __init__(self, max_sessions: int | None) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.disposable: dict[bytes, None] = {}  # keys of disposable sessions, the oldest first
        # A heap of (expires, key). A read may have extended a session since its pair was pushed.
        self._deadlines: list[tuple[float, bytes]] = []
        self._owners: dict[str, set[bytes]] = {}
        self._live = 0  # the number of entries that are not tombstones
        self._max_sessions = max_sessions

    def find(self, digest: bytes, now: float) -> Entry | None:
        """Return the session or the tombstone under a key, if it has not expired."""
        entry = self.entries.get(digest)
        return entry if entry is not None and judge(entry.times, UNLIMITED, now) else None

    def find_live(self, digest: bytes, now: float) -> Entry | None:
        """Return the session under a key, if it has not expired."""
        entry = self.entries.get(digest)
        if entry is None or entry.record is None or judge(entry.times, UNLIMITED, now) is None:
            return None
        return entry

    def find_owned(self, owner: str, now: float) -> Iterator[tuple[bytes, Entry]]:
        """Yield the sessions of an owner, each with its key."""
        for digest in list(self._owners.get(owner, ())):
            entry = self.find_live(digest, now)
            if entry is not None:
                yield digest, entry

    def find_all(self, now: float) -> Iterator[tuple[bytes, Entry]]:
        """Yield every session, each with its key."""
        for digest, entry in list(self.entries.items()):
            if entry.record is not None and judge(entry.times, UNLIMITED, now) is not None:
                yield digest, entry

    def has_login(self, details: Details, now: float) -> bool:
        """Return whether the session that the new one replaces is live and has its login."""
        assert details.replaces is not None
        entry = self.find_live(bytes.fromhex(details.replaces), now)
        if entry is None:
            return False
        return entry.login.owner == details.owner and entry.login.handle == details.handle

    def put(self, digest: bytes, entry: Entry) -> None:
        """Store an entry in the place of any other."""
        if digest in self.entries:
            self.remove(digest)
        self.entries[digest] = entry
        self._live += entry.record is not None
        if entry.login.owner is not None:
            self._owners.setdefault(entry.login.owner, set()).add(digest)
        expires = entry.expires
        if expires != inf:
            heapq.heappush(self._deadlines, (expires, digest))

    def remove(self, digest: bytes) -> None:
        """Remove the entry under a key, if there is one."""
        entry = self.entries.pop(digest, None)
        if entry is None:
            return
        self._live -= entry.record is not None
        self.disposable.pop(digest, None)
        owner = entry.login.owner
        if owner is not None:
            keys = self._owners[owner]
            keys.discard(digest)
            if not keys:
                del self._owners[owner]

    def bury(self, digest: bytes, version: int, now: float, successor: str | None) -> None:
        """Put a tombstone in the place of a session."""
        tombstone = Entry(None, version, now, _TOMBSTONE)
        tombstone.successor = successor
        self.put(digest, tombstone)

    def sweep(self, now: float, most: int | None = None) -> int:
        """Remove expired entries among the `most` earliest deadlines. Return how many.

        None stands for all deadlines.
        """
        swept = 0
        for _ in range(len(self._deadlines) if most is None else most):
            if not self._deadlines or self._deadlines[0][0] > now:
                break
            _, digest = heapq.heappop(self._deadlines)
            entry = self.entries.get(digest)
            if entry is None:
                continue
            if entry.expires > now:  # a read has extended the session
                heapq.heappush(self._deadlines, (entry.expires, digest))
            else:
                self.remove(digest)
                swept += 1
        return swept

    def make_room(self, replaced: str | None, now: float) -> None:
        """Raise StoreUnavailable if the table is full and cannot drop a disposable session.

        replaced: the key of a session that ends next, so that the new one takes its place.
        """
        if self._max_sessions is None or self._live < self._max_sessions:
            return
        self.sweep(now)
        if replaced is not None and self.find_live(bytes.fromhex(replaced), now) is not None:
            return
        while self._live >= self._max_sessions and self.disposable:
            self.remove(next(iter(self.disposable)))
        if self._live >= self._max_sessions:
            # Dropping any other session would lose a user's data, so the store refuses a new one.
            raise StoreUnavailable(
                f"memory_store is full: it holds {self._live} sessions. Raise max_sessions, shorten"
                " the timeout, or use a store outside this process."
            )
