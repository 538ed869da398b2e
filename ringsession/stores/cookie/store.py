"""Keep sessions sealed in their own cookies, and nothing on the server.

This module decides what a cookie holds and how old it may be. `seal.py` encrypts it.
"""

from __future__ import annotations

import json
import secrets
import time
import warnings
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NoReturn

from ...http.grammar import MAX_COOKIE_OCTETS
from ...request import Request
from .seal import LONGEST, Keyring, Opened, new_key, open_sealed, seal, sealed_length
from .. import Change, CopiesAsItself, Lifetime, Loaded, Renewal
from ..deadlines import UNLIMITED, Times, judge


class CookieTooLarge(ValueError):
    """A session does not fit into its cookie. Nothing was stored or sent.

    The message names the largest keys.
    """


class CookieStore(CopiesAsItself):
    """The store that `cookie_store` makes."""

    def __init__(self, keyring: Keyring, clock: Callable[[], float], *, random: bool) -> None:
        self.keyring = keyring
        self.clock = clock
        self.single_process = random

    def __repr__(self) -> str:
        return f"<cookie_store with {'a random' if self.single_process else 'a given'} key>"


class SealedSessions:
    """See `Backend`."""

    find_former: Callable[[Request], list[str]] | None = None

    def __init__(self, store: CookieStore, cookie_name: str, lifetime: Lifetime) -> None:
        self._keyring = store.keyring
        self._clock = store.clock
        self._name = cookie_name
        self._lifetime = lifetime
        self._granted = _milliseconds(lifetime.idle), _milliseconds(lifetime.absolute)

    def __repr__(self) -> str:
        return "cookie_store"

    def load(self, value: str) -> Loaded | None:
        now = self._now()
        opened = open_sealed(self._keyring, self._name, value, now=now)
        if opened is None:
            return None
        lifetime = Lifetime(opened.idle / 1000 or None, opened.absolute / 1000 or None)
        times = Times(opened.created / 1000, opened.seen / 1000, lifetime)
        standing = judge(times, self._lifetime, now / 1000)
        if standing is None:
            over = judge(times, UNLIMITED, now / 1000) is None
            return None if over else Loaded(None, outlived=True)
        try:
            record = f"1{opened.payload.decode()}"
        except UnicodeDecodeError:
            return None
        if lifetime != self._lifetime:
            lifetime = lifetime.within(self._lifetime)
        idle = lifetime.idle
        due = idle is not None and now - opened.seen >= idle * 500  # half the idle timeout
        return Loaded(record, opened, standing.expires_in, False, due)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        return self.load(value)  # which extends nothing by itself

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        """Return the value that was sealed last. Return None for values of several sessions."""
        if len({loaded.version.sid for _, loaded in live}) > 1:
            return None
        return max(live, key=lambda pair: pair[1].version.sealed)

    def create(self, record: str, *, disposable: bool = False) -> str:
        now, sid, payload = self._now(), secrets.token_bytes(16), record[1:].encode()
        return self._seal(Opened(False, sid, now, 0, 0, now, now, *self._granted, payload), record)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str:
        return self._seal_anew(loaded.version, change.record)

    def touch(self, value: str, loaded: Loaded) -> str:
        assert loaded.record is not None
        return self._seal_anew(loaded.version, loaded.record)

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        live = None if loaded is None else loaded.record
        record = renewal.alone() if live is None else renewal.of_live(live)
        return None if record is None else self.create(record)

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

    def _seal_anew(self, opened: Opened, record: str) -> str:
        """Seal a session again, with a later `sealed` time even if the clock has jumped back."""
        now = self._now()
        sealed, seen = max(now, opened.sealed + 1), max(now, opened.created)
        payload = record[1:].encode()
        return self._seal(opened._replace(sealed=sealed, seen=seen, payload=payload), record)

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


def _largest(record: str) -> str:
    sizes = {key: len(json.dumps(value)) for key, value in json.loads(record[1:]).items()}
    top = sorted(sizes, key=lambda key: -sizes[key])[:3]
    return ", ".join(f"{key[:40]!r} ({sizes[key]})" for key in top)


class _Random(Enum):
    KEY = "a random key"


def cookie_store(
    key: str | bytes | _Random = _Random.KEY,
    fallback_keys: Sequence[str | bytes] = (),
    *,
    clock: Callable[[], float] = time.time,
) -> CookieStore:
    """Return a store that keeps each session in its cookie, encrypted with XAES-256-GCM.

    key: at least 16 bytes. Use 32 random bytes: `python -m ringsession key` prints some. A key that
         repeats a few bytes is refused; one that documentation shows is logged. Without this
         argument the store makes a random key and warns (RuntimeWarning), since the sessions are
         lost when the process ends. None is an error, since `os.environ.get("KEY")` returns it for
         a variable that is not set.
    fallback_keys: (); older keys. They open cookies but seal no new ones.
    clock: time.time; a function that returns seconds, for tests.

    This store has three limits. Requests at the same time lose each other's changes. A cookie that
    was copied before the logout still opens after it, until its timeouts. `session.swap` raises
    TypeError. A session whose cookie is larger than 4096 octets raises CookieTooLarge.
    Raises ValueError or TypeError for an invalid key. The message does not show the key.
    Source: ring.middleware.session.cookie/cookie-store.

    >>> from ringsession import assoc_in, site_defaults
    >>> config = assoc_in(site_defaults, ["session", "store"], cookie_store("a 16-byte secret"))
    """
    if key is None or None in list(fallback_keys):
        which = "the key" if key is None else "a fallback key"
        raise TypeError(
            f"cookie_store: {which} is None. Is an environment variable not set? `python -m"
            " ringsession key` prints a key; cookie_store() without an argument makes a random one"
        )
    if key is _Random.KEY:
        message = (
            "cookie_store: no key given, so it uses a random key, and all sessions end with this"
            " process. Pass the output of `python -m ringsession key`, the same for every worker."
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    random = key is _Random.KEY
    return CookieStore(
        Keyring(new_key() if key is _Random.KEY else key, fallback_keys), clock, random=random
    )
