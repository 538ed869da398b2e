"""Sessions in a user's own store, which is Ring's three functions.

Owns the deadlines, which travel inside the saved mapping under keys that the handler never sees. The store's keys are
its own affair; knows nothing of cookies beyond the value.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from .. import codec
from . import Change, Lifetime, Loaded, RingStore
from .server_side import ask

EXPIRES = "ringsession/expires"  # idle deadline, unix seconds
ENDS = "ringsession/ends"  # absolute deadline, unix seconds


class OwnSessions:
    """See `Sessions`."""

    def __init__(
        self, store: RingStore, lifetime: Lifetime, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._lifetime = lifetime
        self._clock = clock

    def load(self, value: str) -> Loaded | None:
        data = ask(self._read, value)
        if data is None:
            return None
        now, idle = self._clock(), self._lifetime.idle
        expires, ends = data.pop(EXPIRES, None), data.pop(ENDS, None)
        left = [deadline - now for deadline in (expires, ends) if deadline is not None]
        if left and min(left) <= 0:
            ask(self._store.delete_session, value)
            return None
        granularity = self._lifetime.granularity
        due = idle is not None and (expires is None or now + idle - expires >= granularity)
        return Loaded(codec.encode(data), ends, min(left, default=None), due=due)

    def create(self, record: str) -> str | None:
        absolute = self._lifetime.absolute
        return self._write(None, record, None if absolute is None else self._clock() + absolute)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        return self._write(value, change.record, loaded.version)

    def touch(self, value: str, loaded: Loaded) -> str | None:
        assert loaded.record is not None
        return self._write(value, loaded.record, loaded.version)

    def recreate(
        self, value: str, loaded: Loaded | None, renew: Callable[[str | None], str | None]
    ) -> str | None:
        loaded = loaded or self.load(value)
        ask(self._store.delete_session, value)
        record = renew(loaded.record if loaded else None)
        return None if record is None else self.create(record)

    def destroy(self, value: str) -> bool:
        ask(self._store.delete_session, value)
        return True

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> NoReturn:
        raise TypeError("session.swap: expected a server-side store of ringsession, got your own")

    def _read(self, value: str) -> dict[str, Any] | None:
        data: Any = self._store.read_session(value)
        if data is None or data is False:  # as in Ring
            return None
        if not isinstance(data, Mapping):
            raise TypeError(f"read_session: expected a mapping or None, got {type(data).__name__}")
        return dict(data)

    def _write(self, value: str | None, record: str, ends: float | None) -> str | None:
        data = codec.decode(record)
        if self._lifetime.idle is not None:
            data[EXPIRES] = self._clock() + self._lifetime.idle
        if ends is not None:
            data[ENDS] = ends
        return ask(self._save, value, data)

    def _save(self, value: str | None, data: dict[str, Any]) -> str | None:
        key = self._store.write_session(value, data)
        if key is not None and not isinstance(key, str):
            raise TypeError(f"write_session: expected a str or None, got {type(key).__name__}")
        return key
