"""Keep a session sealed in its own cookie: what the cookie holds, and how old it may be.

`seal.py` encrypts it, and `store.py` has the store with its keys.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import NoReturn

from ...http.grammar import MAX_COOKIE_OCTETS
from ...request import Request
from .. import Change, Lifetime, Loaded, Renewal
from ..deadlines import UNLIMITED, Times, cookie_step, judge, make_times
from .seal import LONGEST, Opened, open_sealed, seal, sealed_length
from .store import CookieStore, CookieTooLarge


class SealedSessions:
    """See `Backend`."""

    logins = None
    find_former: Callable[[Request], list[str]] | None = None

    def __init__(self, store: CookieStore, cookie_name: str, lifetime: Lifetime) -> None:
        self._keyring = store.keyring
        self._clock = store.clock
        self._name = cookie_name
        self._lifetime = lifetime
        # By whether a session is remembered.
        self._granted = [
            (_milliseconds(each.idle), _milliseconds(each.absolute))
            for each in (lifetime, lifetime.remembered)
        ]
        self._lifetimes = [_seconds(*each) for each in self._granted]

    def __repr__(self) -> str:
        return "cookie_store"

    def load(self, value: str) -> Loaded | None:
        now = self._now()
        opened = open_sealed(self._keyring, self._name, value, now=now)
        if opened is None:
            return None
        remembered, _, created, began, confirmed, _, seen, *stored, payload = opened
        lifetime = self._lifetimes[remembered]
        if (*stored,) != self._granted[remembered]:  # the config has changed meanwhile
            lifetime = _seconds(*stored)
        times = make_times((created / 1000, seen / 1000, lifetime, remembered))
        standing = judge(times, self._lifetime, now / 1000)
        if standing is None:
            over = judge(times, UNLIMITED, now / 1000) is None
            return None if over else Loaded(None, outlived=True)
        try:
            record = f"1{payload.decode()}"
        except UnicodeDecodeError:
            return None
        granted = self._lifetime.remembered if remembered else self._lifetime
        if lifetime != granted:
            lifetime = lifetime.within(granted)
        idle = lifetime.idle
        due = idle is not None and now - seen >= idle * 500  # half the idle timeout
        if remembered:
            due = now - seen >= cookie_step(idle) * 1000
        return Loaded(
            record,
            opened,
            standing.expires_in,
            False,
            due,
            remembered=remembered,
            began=(began or created) / 1000,
            confirmed=confirmed / 1000 if confirmed else None,
        )

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        return self.load(value)  # which extends nothing by itself

    def load_passive(self, value: str) -> Loaded | None:
        loaded = self.load(value)
        if loaded is not None:
            loaded.due, loaded.passive = False, True
        return loaded

    def lasts(self, loaded: Loaded | None) -> float | None:
        limit = self._lifetime.remembered
        if loaded is None:
            return limit.shortest
        opened: Opened = loaded.version
        if loaded.passive:
            return loaded.expires_in
        now = self._now() / 1000
        lifetime = _seconds(opened.idle, opened.absolute)
        standing = judge(Times(opened.created / 1000, now, lifetime, True), self._lifetime, now)
        return None if standing is None else standing.expires_in

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        """Return the value that was sealed last. Return None for values of several sessions."""
        if len({loaded.version.sid for _, loaded in live}) > 1:
            return None
        return max(live, key=lambda pair: pair[1].version.sealed)

    def create(
        self, record: str, *, disposable: bool = False, renewal: Renewal | None = None
    ) -> str:
        if renewal is None:
            return self._begin(record, False, 0, 0)
        return self._begin(record, renewal.remember, 0, self._now() if renewal.confirms else 0)

    def _begin(self, record: str, remembered: bool, began: int, confirmed: int) -> str:
        now, sid, payload = self._now(), secrets.token_bytes(16), record[1:].encode()
        times = (now, began, confirmed, now, now, *self._granted[remembered])
        return self._seal(Opened(remembered, sid, *times, payload), record)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str:
        return self._seal_anew(loaded, change.record)

    def touch(self, value: str, loaded: Loaded) -> str:
        assert loaded.record is not None
        return self._seal_anew(loaded, loaded.record)

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        live = None if loaded is None else loaded.record
        record = renewal.alone() if live is None else renewal.of_live(live)
        if record is None:
            return None
        began = confirmed = 0
        if loaded is not None and live is not None:
            before: Opened = loaded.version
            began, confirmed = before.began or before.created, before.confirmed
        if renewal.confirms:
            confirmed = self._now()
        return self._begin(record, renewal.remember, began, confirmed)

    def destroy(self, value: str) -> bool:
        return self.load(value) is not None

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> NoReturn:
        raise TypeError("session.swap: expected a server-side store, got the cookie store")

    def keeps_value(self, value: str) -> bool:
        return False

    def merges(self, value: str) -> bool:
        return False

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _seal_anew(self, loaded: Loaded, record: str) -> str:
        """Seal a session again, with a later `sealed` time even if the clock has jumped back."""
        opened: Opened = loaded.version
        now = self._now()
        sealed = max(now, opened.sealed + 1)
        seen = opened.seen if loaded.passive else max(now, opened.created)
        payload = record[1:].encode()
        return self._seal(opened.later(sealed, seen, payload), record)

    def _seal(self, opened: Opened, record: str) -> str:
        value = seal(self._keyring, self._name, opened)
        if len(self._name) + len(value) > MAX_COOKIE_OCTETS:
            self.check_size(record)
        return value

    def check_size(self, record: str) -> None:
        """Raise CookieTooLarge for a record whose cookie browsers would drop."""
        octets = len(self._name) + sealed_length(len(record.encode()) - 1)
        if octets > MAX_COOKIE_OCTETS:
            raise CookieTooLarge(
                f"the session's cookie: expected at most {MAX_COOKIE_OCTETS} octets, got {octets};"
                f" largest keys: {_largest(record)}"
            )


def _milliseconds(seconds: float | None) -> int:
    """Return a number of seconds in RS2's unit. 0 means no limit."""
    return 0 if seconds is None else max(1, int(min(seconds * 1000, LONGEST)))


def _seconds(idle: int, absolute: int) -> Lifetime:
    """Return the times in a cookie as a lifetime."""
    return Lifetime(idle / 1000 or None, absolute / 1000 or None)


def _largest(record: str) -> str:
    sizes = {key: len(json.dumps(value)) for key, value in json.loads(record[1:]).items()}
    top = sorted(sizes, key=lambda key: -sizes[key])[:3]
    return ", ".join(f"{key[:40]!r} ({sizes[key]})" for key in top)
