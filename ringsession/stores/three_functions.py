"""Use an application's own store, which has the three functions of Ring (`RingStore`).

The session's times are stored inside the mapping, under a key that the handler never sees. The
store makes its own keys; this module does not check or hash them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from inspect import iscoroutine
from typing import Any, NoReturn

from .. import codec
from ..http.form_encoding import form_encode
from ..http.grammar import MAX_COOKIE_OCTETS
from . import Change, Lifetime, Loaded, Renewal, RingStore, StoreUnavailable
from .deadlines import UNLIMITED, Times, judge
from .calling import ask
from .kept_times import TIMES, Kept, read_kept
from .shown_url import show_store

log = logging.getLogger("ringsession")


class RingStoreSessions:
    """See `Backend`."""

    check_size = find_former = logins = None

    def __init__(
        self,
        store: RingStore,
        lifetime: Lifetime,
        clock: Callable[[], float] = time.time,
        *,
        cookie_name: str = "ring-session",
    ) -> None:
        self._store = store
        self._longest = MAX_COOKIE_OCTETS - len(cookie_name)  # octets
        self._lifetime = lifetime
        self._clock = clock

    def __repr__(self) -> str:
        return show_store(self._store)

    def load(self, value: str) -> Loaded | None:
        return self._load(value, extends=True)

    def _load(self, value: str, *, extends: bool) -> Loaded | None:
        data = self._read(value)
        if data is None:
            return None
        now = self._clock()
        kept = read_kept(data.pop(TIMES, None))
        if kept is None:
            # The application has stored this session itself, so it gets the configured times.
            kept = Kept(Times(now, now, Lifetime(*self._lifetime)))
            is_due = self._lifetime.idle is not None
            return Loaded(codec.encode(data), kept, due=is_due, began=now)
        standing = judge(kept.times, self._lifetime, now)
        if standing is None and judge(kept.times, UNLIMITED, now) is None:
            _ask(self._store.delete_session, value)
            return None
        if standing is None:
            return Loaded(None, outlived=True)
        return Loaded(
            codec.encode(data),
            kept._replace(times=standing.renewed or kept.times) if extends else kept,
            standing.expires_in,
            # Without an idle timeout, a read never writes to the application's store.
            due=standing.moves and extends,
            remembered=kept.times.remembered,
            began=kept.times.created if kept.began is None else kept.began,
            confirmed=kept.confirmed,
        )

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        return self.load(value)  # which extends nothing by itself

    def load_passive(self, value: str) -> Loaded | None:
        loaded = self._load(value, extends=False)
        if loaded is not None:
            loaded.due, loaded.passive = False, True
        return loaded

    def lasts(self, loaded: Loaded | None) -> float | None:
        if loaded is None:
            return self._lifetime.remembered.shortest
        kept: Kept = loaded.version
        standing = judge(kept.times, self._lifetime, self._clock())
        return None if standing is None else standing.expires_in

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        return None  # see `ServerSideSessions.choose`

    def create(
        self, record: str, *, disposable: bool = False, renewal: Renewal | None = None
    ) -> str | None:
        if renewal is None:
            return self._begin(record, False, None, None)
        confirmed = self._clock() if renewal.confirms else None
        return self._begin(record, renewal.remember, None, confirmed)

    def _begin(
        self, record: str, remembered: bool, began: float | None, confirmed: float | None
    ) -> str | None:
        now = self._clock()
        lifetime = Lifetime(*(self._lifetime.remembered if remembered else self._lifetime))
        kept = Kept(Times(now, now, lifetime, remembered), began, confirmed)
        return self._write(None, record, kept)

    def insert(self, value: str, record: str, lifetime: Lifetime) -> bool:
        """Store a session under a key that this package chose. Return False if one is there."""
        if self._read(value) is not None:
            return False
        now = self._clock()
        self._write(value, record, Kept(Times(now, now, lifetime)))
        return True

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        kept: Kept = loaded.version
        if not loaded.passive:
            kept = kept._replace(times=kept.times._replace(seen=self._clock()))
        return self._write(value, change.record, kept)

    def touch(self, value: str, loaded: Loaded) -> str | None:
        assert loaded.record is not None
        return self._write(value, loaded.record, loaded.version)

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        live = None if loaded is None else loaded.record
        record = renewal.alone() if live is None else renewal.of_live(live)
        began = loaded.began if loaded is not None and live is not None else None
        confirmed = loaded.confirmed if loaded is not None and live is not None else None
        if renewal.confirms:
            confirmed = self._clock()
        # Write the new session first: if that fails, the old session is unchanged.
        new = None if record is None else self._begin(record, renewal.remember, began, confirmed)
        if loaded is not None:
            _ask(self._store.delete_session, value)
        return new

    def destroy(self, value: str) -> bool:
        _ask(self._store.delete_session, value)
        return True

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> NoReturn:
        raise TypeError(
            "session.swap: expected a server-side store, such as redis_store(...), got a store that"
            " has only read_session, write_session and delete_session"
        )

    def keeps_value(self, value: str) -> bool:
        return True  # the store may give the session another value all the same

    def merges(self, value: str) -> bool:
        return False

    def _read(self, value: str) -> dict[str, Any] | None:
        data: Any = _ask(self._store.read_session, value)
        if data is None or data is False:  # as in Ring
            return None
        if not isinstance(data, Mapping):
            kind = type(data).__name__
            raise StoreUnavailable(f"read_session: expected a mapping or None, got {kind}")
        return dict(data)

    def _write(self, value: str | None, record: str, kept: Kept) -> str | None:
        data = codec.decode(record)
        if kept.times.lifetime != UNLIMITED or kept.facts:
            data[TIMES] = kept.as_list()  # otherwise store only the handler's data, as in Ring
        key = _ask(self._store.write_session, value, data)
        if key is None:  # as in Ring: a session keeps its key, and a new one gets none
            if value is None:
                log.warning(_NO_KEY, type(self._store).__name__)
            return value
        return self._sendable(key)

    def _sendable(self, key: Any) -> str:
        """Return the key. Raises StoreUnavailable for one that could not come back in a cookie."""
        problem = None
        if not isinstance(key, str):
            problem = f"the session's key, a str, got {type(key).__name__}"
        elif not key:
            problem = "the session's key, got an empty str"
        elif len(key) * 12 > self._longest and len(form_encode(key)) > self._longest:
            most, octets = MAX_COOKIE_OCTETS, len(form_encode(key))
            problem = (
                f"a key whose cookie has at most {most} octets, got {octets} for the key alone"
            )
        if problem:
            raise StoreUnavailable(f"write_session: expected {problem}")
        found: str = key
        return found


_NO_KEY = (
    "A new session is lost: %s.write_session returned None, so the client gets no cookie. Return"
    " the session's key, a str."
)


def _ask(method: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the store. Raise StoreUnavailable if it fails, or if it is a coroutine."""
    result = ask(method, *args)
    if iscoroutine(result):
        result.close()
        name = getattr(method, "__name__", "store")
        raise StoreUnavailable(
            f"{name}: expected a plain function, got a coroutine; write def, not async def"
        )
    return result
