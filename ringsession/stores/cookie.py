"""Sessions that travel sealed in their own cookie: nothing is kept on the server.

Owns what is inside the cookie and how old it may be. How it is sealed is `_seal.py`'s affair.
"""

from __future__ import annotations

import json
import secrets
import time
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from .._grammar import MAX_COOKIE_OCTETS
from .._seal import Keyring, Opened, new_key, open_sealed, seal
from . import Change, CopiesAsItself, Lifetime, Loaded, Renewal


class CookieTooLarge(ValueError):
    """A session does not fit into its cookie; the message names the largest keys. Nothing was stored or sent."""


class CookieStore(CopiesAsItself):
    """The store that `cookie_store` makes."""

    def __init__(self, keyring: Keyring, clock: Callable[[], float], *, random: bool) -> None:
        self.keyring = keyring
        self.clock = clock
        self.single_process = random

    def __repr__(self) -> str:
        return f"<cookie_store with {'a random' if self.single_process else 'a given'} key>"


class SealedSessions:
    """See `Sessions`."""

    def __init__(self, store: CookieStore, cookie_name: str, lifetime: Lifetime) -> None:
        self._keyring = store.keyring
        self._clock = store.clock
        self._name = cookie_name
        self._lifetime = lifetime

    def load(self, value: str) -> Loaded | None:
        now = int(self._clock())
        opened = open_sealed(self._keyring, self._name, value, now=now)
        if opened is None:
            return None
        _, created, issued, payload = opened
        idle, absolute = self._lifetime
        left = None if idle is None else issued + idle - now
        if absolute is not None:
            ends = created + absolute - now
            left = ends if left is None else min(left, ends)
        if left is not None and left <= 0:
            return None
        try:
            record = f"1{payload.decode()}"
        except UnicodeDecodeError:
            return None
        due = idle is not None and now - issued >= idle / 2
        return Loaded(record, opened, left, False, due)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        """Of one session's values the one that was sealed last; None for values of several sessions."""
        if len({loaded.version.sid for _, loaded in live}) > 1:
            return None
        return max(live, key=lambda pair: pair[1].version.issued)

    def create(self, record: str, *, disposable: bool = False) -> str:
        return self._seal(secrets.token_bytes(16), int(self._clock()), record)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str:
        opened: Opened = loaded.version
        return self._seal(opened.sid, opened.created, change.record)

    def touch(self, value: str, loaded: Loaded) -> str:
        assert loaded.record is not None
        return self._seal(loaded.version.sid, loaded.version.created, loaded.record)

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        live = None if loaded is None else loaded.record
        record = renewal.alone() if live is None else renewal.of_live(live)
        return None if record is None else self.create(record)

    def destroy(self, value: str) -> bool:
        return self.load(value) is not None

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> NoReturn:
        raise TypeError("session.swap: expected a server-side store, got the cookie store")

    def _seal(self, sid: bytes, created: int, record: str) -> str:
        now = int(self._clock())
        value = seal(self._keyring, self._name, Opened(sid, created, now, record[1:].encode()))
        octets = len(self._name) + len(value)
        if octets > MAX_COOKIE_OCTETS:
            raise CookieTooLarge(
                f"the session's cookie: expected at most {MAX_COOKIE_OCTETS} octets, got {octets};"
                f" largest keys: {_largest(record)}"
            )
        return value


def _largest(record: str) -> str:
    sizes = {key: len(json.dumps(value)) for key, value in json.loads(record[1:]).items()}
    top = sorted(sizes, key=lambda key: -sizes[key])[:3]
    return ", ".join(f"{key[:40]!r} ({sizes[key]})" for key in top)


def cookie_store(
    key: str | bytes | None = None,
    fallback_keys: Sequence[str | bytes] = (),
    *,
    clock: Callable[[], float] = time.time,
) -> CookieStore:
    """A store that keeps each session in its cookie, encrypted and authenticated (RS1, XAES-256-GCM).

    key: at least 16 bytes, 32 random ones are advised (`python -m ringsession key` prints some); seals and opens.
    Without one a random key is made, with a RuntimeWarning: such sessions end with the process.
    fallback_keys: (); older keys, which only open.
    clock: time.time; seconds, for tests.

    What it cannot do: requests at the same time lose each other's changes, a cookie that was copied before a logout
    still opens after it (until its timeouts), and `session.swap` does not exist. CookieTooLarge where the
    cookie would pass 4096 octets. Raises ValueError or TypeError for a bad key, without showing it.
    Source: ring.middleware.session.cookie/cookie-store.

    >>> from ringsession import assoc_in, site_defaults
    >>> config = assoc_in(site_defaults, ["session", "store"], cookie_store("a 16-byte secret"))
    """
    if key is None:
        message = (
            "cookie_store: no key given, so a random one is used and sessions end with this process"
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    random = key is None
    return CookieStore(
        Keyring(new_key() if key is None else key, fallback_keys), clock, random=random
    )
