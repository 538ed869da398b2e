"""Keep sessions in the memory of one process, for any number of threads.

This module has the operations and the lock. `memory_table.py` has the entries, and
`memory_entry.py` one of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from .. import codec
from . import NO_DETAILS, Change, CopiesAsItself, Details, Loaded, UserSessionRow
from .compare_and_set import compare_and_set
from .deadlines import UNLIMITED, Lifetime, judge
from .memory_entry import Entry, make_login, make_row
from .memory_table import MemoryTable

_SWEPT_PER_CALL = 4


class MemoryStore(CopiesAsItself):
    """The store that `memory_store` makes."""

    single_process = True

    def __init__(self, max_sessions: int | None, clock: Callable[[], float]) -> None:
        self._table = MemoryTable(max_sessions)
        self._versions = count(1)  # need not be random, since this process alone compares them
        self._lock = threading.Lock()
        self._clock = clock
        self._epoch = time.time() - clock()  # Unix seconds when the clock was 0

    def __len__(self) -> int:
        """Return the number of entries, including tombstones and expired sessions not yet swept."""
        return len(self._table.entries)

    def __repr__(self) -> str:
        return f"<memory_store with {len(self)} entries>"

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        digest = bytes.fromhex(key)
        with self._lock:
            now = self._clock()
            entry = self._table.entries.get(digest)
            if entry is None:
                return None
            standing = judge(entry.times, limit, now)
            if standing is None and judge(entry.times, UNLIMITED, now) is None:
                return None
            if entry.record is None:
                return Loaded(None, successor=entry.successor)
            if standing is None:
                return Loaded(None, outlived=True)
            left, renewed, renewed_in, due, _ = standing
            moved = False
            if renewed is not None:
                left, moved = renewed_in, standing.moves
                entry.created, entry.seen, *_ = renewed
            _, remembered, owner, handle, began, confirmed = entry.login
            return Loaded(
                entry.record,
                entry.version,
                left,
                moved,
                due,
                digest in self._table.disposable,
                remembered=remembered,
                began=self._epoch + entry.created if began is None else began,
                owner=owner,
                handle=handle,
                confirmed=confirmed,
            )

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        digest, table = bytes.fromhex(key), self._table
        with self._lock:
            now = self._clock()
            table.sweep(now, _SWEPT_PER_CALL)
            if table.find(digest, now) is not None:
                return False
            if details.continues and not table.has_login(details, now):
                return False
            table.make_room(details.replaces, now)
            login = make_login(details, self._epoch + now)
            version = next(self._versions)
            table.put(digest, Entry(record, version, now, lifetime, login))
            if details.disposable:
                table.disposable[digest] = None
            return True

    def patch(self, key: str, version: Any, change: Change) -> bool:
        with self._lock:
            entry = self._find_live(key)
            if entry is None or entry.record is None:
                return False
            record = change.record
            if entry.version != version:
                record = codec.merge(entry.record, change.changed, change.removed)
            self._write(key, entry, record, change.disposable)
            return True

    def claim(self, key: str, version: Any, successor: str) -> bool:
        digest = bytes.fromhex(key)
        with self._lock:
            now = self._clock()
            entry = self._table.find(digest, now)
            if entry is None:
                return False
            if entry.record is None:
                return entry.successor == successor
            if entry.version != version:
                return False
            self._table.bury(digest, next(self._versions), now, successor)
            return True

    def destroy(self, key: str) -> bool:
        with self._lock:
            entry = self._find_live(key)
            if entry is not None:
                self._end([bytes.fromhex(key)])
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
            return self._table.sweep(self._clock())

    def find_sessions(self, owner: str) -> list[UserSessionRow]:
        with self._lock:
            owned = self._table.find_owned(owner, self._clock())
            return [make_row(digest, entry, self._epoch) for digest, entry in owned]

    def end_sessions(
        self, owner: str, *, handle: str | None = None, spare: str | None = None
    ) -> int:
        with self._lock:
            owned = self._table.find_owned(owner, self._clock())
            found = [(digest, entry.login.handle) for digest, entry in owned]
            return self._end(
                [digest for digest, own in found if own != spare and handle in (None, own)]
            )

    def end_all_sessions(self, cookie: str) -> int:
        with self._lock:
            live = self._table.find_all(self._clock())
            return self._end([digest for digest, entry in live if entry.login.cookie == cookie])

    def count_sessions(self) -> int:
        with self._lock:
            return sum(1 for _ in self._table.find_all(self._clock()))

    def _find_live(self, key: str) -> Entry | None:
        return self._table.find_live(bytes.fromhex(key), self._clock())

    def _end(self, digests: list[bytes]) -> int:
        for digest in digests:
            self._table.bury(digest, next(self._versions), self._clock(), None)
        return len(digests)

    def _write(self, key: str, entry: Entry, record: str, disposable: bool) -> None:
        entry.record = record
        entry.version = next(self._versions)
        if not disposable and self._table.disposable:
            self._table.disposable.pop(bytes.fromhex(key), None)


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
