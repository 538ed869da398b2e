"""Sessions in this process's memory: for one process, however many threads.

Owns the records, their deadlines and the lock around them. Knows nothing of cookies, ids and values.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from math import inf
from typing import Any

from .. import codec
from . import Change, CopiesAsItself, Lifetime, Loaded, StoreUnavailable

_TOMBSTONE = Lifetime(60, None)
_SWEPT_PER_CALL = 4


class _Entry:
    __slots__ = ("record", "version", "expires", "ends", "refresh", "lifetime")

    def __init__(self, record: str | None, now: float, ends: float, lifetime: Lifetime) -> None:
        self.record = record
        self.version = 0
        self.ends = ends
        self.lifetime = lifetime
        self.expires = self.refresh = inf
        self.move(now)

    def move(self, now: float) -> bool:
        """Move the idle deadline to where this moment puts it; False if it stands there already."""
        idle = self.lifetime.idle
        before, self.expires = self.expires, (
            self.ends if idle is None else min(self.ends, now + idle)
        )
        self.refresh = inf if idle is None else now + self.lifetime.granularity
        return self.expires != before

    def write(self, record: str) -> None:
        self.record = record
        self.version += 1


class MemoryStore(CopiesAsItself):
    """The store that `memory_store` makes."""

    single_process = True

    def __init__(self, max_sessions: int | None, clock: Callable[[], float]) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self._deadlines: list[tuple[float, bytes]] = []
        self._lock = threading.Lock()
        self._max_sessions = max_sessions
        self._clock = clock

    def __len__(self) -> int:
        """How many entries are held, tombstones and what has expired but is not swept yet included."""
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<memory_store with {len(self)} entries>"

    def load(self, key: str) -> Loaded | None:
        with self._lock:
            now = self._clock()
            entry = self._find(key, now)
            if entry is None:
                return None
            if entry.record is None:
                return Loaded(None)
            moved = now >= entry.refresh and entry.move(now)
            left = None if entry.expires == inf else entry.expires - now
            return Loaded(entry.record, entry.version, left, moved)

    def create(self, key: str, record: str, lifetime: Lifetime) -> bool:
        with self._lock:
            now = self._clock()
            self._sweep(now, _SWEPT_PER_CALL)
            if self._find(key, now) is not None:
                return False
            self._check_room()
            ends = inf if lifetime.absolute is None else now + lifetime.absolute
            self._put(key, _Entry(record, now, ends, lifetime))
            return True

    def patch(self, key: str, version: Any, change: Change) -> bool:
        with self._lock:
            entry = self._find_live(key)
            if entry is None or entry.record is None:
                return False
            if entry.version == version:
                entry.write(change.record)
            else:
                entry.write(codec.merge(entry.record, change.changed, change.removed))
            return True

    def claim(self, key: str) -> str | None:
        with self._lock:
            entry = self._find_live(key)
            if entry is None:
                return None
            self._put(key, _Entry(None, self._clock(), inf, _TOMBSTONE))
            return entry.record

    def destroy(self, key: str) -> bool:
        return self.claim(key) is not None

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        while True:  # each round that fails is one in which another request has succeeded
            with self._lock:
                entry = self._find_live(key)
                if entry is None or entry.record is None:
                    return None
                record, version = entry.record, entry.version
            text = change(codec.value_text(record, name))
            with self._lock:
                if self._find_live(key) is entry and entry.version == version:
                    entry.write(codec.merge(record, {name: text}, ()))
                    return text

    def sweep(self) -> int:
        with self._lock:
            return self._sweep(self._clock(), len(self._deadlines))

    def _find(self, key: str, now: float) -> _Entry | None:
        entry = self._entries.get(bytes.fromhex(key))
        return entry if entry is not None and now < entry.expires else None

    def _find_live(self, key: str) -> _Entry | None:
        entry = self._find(key, self._clock())
        return entry if entry is not None and entry.record is not None else None

    def _put(self, key: str, entry: _Entry) -> None:
        digest = bytes.fromhex(key)
        self._entries[digest] = entry
        if entry.expires != inf:
            heapq.heappush(self._deadlines, (entry.expires, digest))

    def _sweep(self, now: float, most: int) -> int:
        """Look at the `most` earliest deadlines; a session that was read since has a later one by now."""
        swept = 0
        for _ in range(most):
            if not self._deadlines or self._deadlines[0][0] > now:
                break
            _, digest = heapq.heappop(self._deadlines)
            entry = self._entries.get(digest)
            if entry is None:
                continue
            if entry.expires > now:
                heapq.heappush(self._deadlines, (entry.expires, digest))
            else:
                del self._entries[digest]
                swept += 1
        return swept

    def _check_room(self) -> None:
        # Evicting a live session would lose somebody's writes, so a full store refuses newcomers instead.
        if self._max_sessions is not None and len(self._entries) >= self._max_sessions:
            raise StoreUnavailable(f"memory_store: expected at most {self._max_sessions} sessions")


def memory_store(
    *, max_sessions: int | None = 1_000_000, clock: Callable[[], float] = time.monotonic
) -> MemoryStore:
    """A store in this process's memory, safe under threads. It keeps every promise, within one process.

    max_sessions: 1,000,000; a new session past it gets a 503 (no live session is ever thrown out); None: no limit.
    clock: time.monotonic; seconds, for tests.

    A session with 200 bytes of data costs about 600 bytes (`python -m benchmarks overhead --memory` measures it).
    Expired sessions go a few at a time, whenever one is created; `sweep()` removes them all at once.
    Raises ValueError if `max_sessions` is not a positive int.

    >>> from ringsession import assoc_in, site_defaults
    >>> config = assoc_in(site_defaults, ["session", "store"], memory_store(max_sessions=10_000))
    """
    if max_sessions is not None and (type(max_sessions) is not int or max_sessions < 1):
        raise ValueError(f"max_sessions: expected a positive int or None, got {max_sessions!r}")
    return MemoryStore(max_sessions, clock)
