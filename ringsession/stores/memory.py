"""Keep sessions in the memory of one process, for any number of threads.

This module has the operations and the lock. `memory_entry.py` has the entry for one session.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any

from .. import codec
from . import NO_DETAILS, Change, CopiesAsItself, Details, Loaded, StoreUnavailable
from .compare_and_set import compare_and_set
from .deadlines import TOMBSTONE, UNLIMITED, Lifetime, judge
from .memory_entry import Entry

_TOMBSTONE = Lifetime(TOMBSTONE, None)
_SWEPT_PER_CALL = 4


class MemoryStore(CopiesAsItself):
    """The store that `memory_store` makes."""

    single_process = True

    def __init__(self, max_sessions: int | None, clock: Callable[[], float]) -> None:
        self._entries: dict[bytes, Entry] = {}
        # A heap of (expires, key). A read may have extended a session since its pair was pushed.
        self._deadlines: list[tuple[float, bytes]] = []
        self._disposable: dict[bytes, None] = {}  # keys of disposable sessions, the oldest first
        self._live = 0  # the number of entries that are not tombstones
        self._versions = count(1)  # need not be random, since this process alone compares them
        self._lock = threading.Lock()
        self._max_sessions = max_sessions
        self._clock = clock

    def __len__(self) -> int:
        """Return the number of entries, including tombstones and expired sessions not yet swept."""
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<memory_store with {len(self)} entries>"

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        with self._lock:
            now = self._clock()
            entry = self._entries.get(bytes.fromhex(key))
            if entry is None:
                return None
            standing = judge(entry.times, limit, now)
            if standing is None and judge(entry.times, UNLIMITED, now) is None:
                return None
            if entry.record is None:
                return Loaded(None, successor=entry.successor)
            if standing is None:
                return Loaded(None, outlived=True)
            disposable = bytes.fromhex(key) in self._disposable
            if standing.renewed is None:
                left, moved = standing.expires_in, False
            else:
                left, moved = standing.renewed_in, standing.moves
                entry.created, entry.seen, _ = standing.renewed
            return Loaded(entry.record, entry.version, left, moved, standing.due, disposable)

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        with self._lock:
            now = self._clock()
            self._sweep(now, _SWEPT_PER_CALL)
            if self._find(key, now) is not None:
                return False
            self._make_room(details.replaces, now)
            self._put(key, Entry(record, next(self._versions), now, lifetime))
            if details.disposable:
                self._disposable[bytes.fromhex(key)] = None
            return True

    def patch(self, key: str, version: Any, change: Change) -> bool:
        with self._lock:
            entry = self._find_live(key)
            if entry is None or entry.record is None:
                return False
            if entry.version == version:
                self._write(key, entry, change.record, change.disposable)
            else:
                merged = codec.merge(entry.record, change.changed, change.removed)
                self._write(key, entry, merged, change.disposable)
            return True

    def claim(self, key: str, version: Any, successor: str) -> bool:
        with self._lock:
            entry = self._find(key, self._clock())
            if entry is None:
                return False
            if entry.record is None:
                return entry.successor == successor
            if entry.version != version:
                return False
            self._bury(key, successor)
            return True

    def destroy(self, key: str) -> bool:
        with self._lock:
            entry = self._find_live(key)
            if entry is not None:
                self._bury(key, None)
            return entry is not None

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        def read() -> tuple[str, Any] | None:
            with self._lock:
                entry = self._find_live(key)
                if entry is None or entry.record is None:
                    return None
                return entry.record, entry.version

        def write(record: str, version: Any) -> bool:
            with self._lock:
                entry = self._find_live(key)
                if entry is None or entry.version != version:
                    return False
                self._write(key, entry, record, False)
                return True

        return compare_and_set(read, name, change, write)

    def sweep(self) -> int:
        with self._lock:
            return self._sweep(self._clock(), len(self._deadlines))

    def _find(self, key: str, now: float) -> Entry | None:
        entry = self._entries.get(bytes.fromhex(key))
        return entry if entry is not None and judge(entry.times, UNLIMITED, now) else None

    def _find_live(self, key: str) -> Entry | None:
        entry = self._find(key, self._clock())
        return entry if entry is not None and entry.record is not None else None

    def _put(self, key: str, entry: Entry) -> None:
        digest, expires = bytes.fromhex(key), entry.expires
        if digest in self._entries:
            self._remove(digest)
        self._entries[digest] = entry
        self._live += entry.record is not None
        if expires != inf:
            heapq.heappush(self._deadlines, (expires, digest))

    def _remove(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        if entry is not None:
            self._live -= entry.record is not None
            self._disposable.pop(digest, None)

    def _write(self, key: str, entry: Entry, record: str, disposable: bool) -> None:
        entry.record = record
        entry.version = next(self._versions)
        if not disposable:
            self._disposable.pop(bytes.fromhex(key), None)

    def _bury(self, key: str, successor: str | None) -> None:
        tombstone = Entry(None, next(self._versions), self._clock(), _TOMBSTONE)
        tombstone.successor = successor
        self._put(key, tombstone)

    def _sweep(self, now: float, most: int) -> int:
        """Remove expired entries among the `most` earliest deadlines. Return how many."""
        swept = 0
        for _ in range(most):
            if not self._deadlines or self._deadlines[0][0] > now:
                break
            _, digest = heapq.heappop(self._deadlines)
            entry = self._entries.get(digest)
            if entry is None:
                continue
            if entry.expires > now:  # a read has extended the session
                heapq.heappush(self._deadlines, (entry.expires, digest))
            else:
                self._remove(digest)
                swept += 1
        return swept

    def _make_room(self, replaced: str | None, now: float) -> None:
        """Raise StoreUnavailable if the store is full and cannot drop a disposable session.

        replaced: the key of a session that ends next, so that the new one takes its place.
        """
        if self._max_sessions is None or self._live < self._max_sessions:
            return
        self._sweep(now, len(self._deadlines))
        if replaced is not None and self._find_live(replaced) is not None:
            return
        while self._live >= self._max_sessions and self._disposable:
            self._remove(next(iter(self._disposable)))
        if self._live >= self._max_sessions:
            # Dropping any other session would lose a user's data, so the store refuses a new one.
            raise StoreUnavailable(
                f"memory_store is full: it holds {self._live} sessions. Raise max_sessions, shorten"
                " the timeout, or use a store outside this process."
            )


def memory_store(
    *, max_sessions: int | None = 1_000_000, clock: Callable[[], float] = time.monotonic
) -> MemoryStore:
    """Return a store in this process's memory. It is safe under threads.

    max_sessions: 1,000,000; None means no limit. A full store first drops the oldest sessions that
        hold only CSRF secrets. Then a request that needs a new session gets a 503. A login that
        moves a session to a new id still works.
    clock: time.monotonic; a function that returns seconds, for tests.

    The store keeps every promise for the requests of one process. A session with 200 bytes of data
    takes about 600 bytes (`python -m benchmarks overhead --memory` measures it). Each new session
    removes a few expired ones; `sweep()` removes all of them.
    Raises ValueError if `max_sessions` is not a positive int.

    >>> from ringsession import assoc_in, site_defaults
    >>> config = assoc_in(site_defaults, ["session", "store"], memory_store(max_sessions=10_000))
    """
    if max_sessions is not None and (type(max_sessions) is not int or max_sessions < 1):
        raise ValueError(f"max_sessions: expected a positive int or None, got {max_sessions!r}")
    return MemoryStore(max_sessions, clock)
