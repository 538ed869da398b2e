"""Move the sessions that Flask signed into an app's store, each at its first use.

One old cookie makes one session, whose id is derived from the cookie. Beside it stands a marker
until Flask itself would refuse the cookie. Where the marker is and the session is not, the session
has ended, and the cookie opens nothing. A sealed cookie has no such place: there a copy of the old
cookie opens until it expires.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from ..session.contents import EMPTY
from .. import codec
from ..request import Request
from ..stores import Change, CopiesAsItself, Details, Lifetime, Loaded, Renewal, SessionGone, Store
from ..stores.backend import Backend
from ..stores.cookie.store import CookieStore, SealedSessions
from ..stores.cookie.seal import Opened
from ..stores.opening import open_sessions
from ..stores.ids import hash_id
from ..stores.server_side import ask
from ..stores.three_functions import RingStoreSessions
from .signed_cookies import FlaskCookies, Signed

NEVER = 0  # when the session of a cookie that Flask signed was sealed
_UNMOVED = "unmoved"  # a version: the store had nothing under the id when it was asked

# Store a record under an id. Return False if something is, or was, stored there.
Insert = Callable[[str, str, Lifetime], bool]


def _insert_in(store: Store, cookie_name: str) -> Insert:
    details = Details(sha256(cookie_name.encode()).hexdigest()[:32])

    def insert(id: str, record: str, lifetime: Lifetime) -> bool:
        key = hash_id(id, cookie_name)
        assert key is not None
        return ask(store.create, key, record, lifetime, details)

    return insert


class MovedSessions:
    """Read a session from the cookie that Flask signed, until the wrapped store holds the session.

    See `stores.backend.Backend`.
    """

    def __init__(
        self, inner: Backend, insert: Insert, lifetime: Lifetime, cookies: FlaskCookies, name: str
    ) -> None:
        self._inner = inner
        self._insert = insert
        self._lifetime = lifetime
        self._cookies = cookies
        self._name = name
        self.check_size = inner.check_size

    def find_former(self, request: Request) -> list[str]:
        return [] if self._cookies.name == self._name else self._cookies.find(request)

    def load(self, value: str) -> Loaded | None:
        return self._load(value, self._inner.load)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        return self._load(value, partial(self._inner.load_late, follows=follows))

    def _load(self, value: str, load: Callable[[str], Loaded | None]) -> Loaded | None:
        signed = self._cookies.read(value)
        if signed is None:
            return load(value)
        found = load(signed.id)
        if found is not None:  # due=True sends the session's own cookie, also after a mere read
            return found if found.record is None else replace(found, due=True)
        if self._inner.load(signed.marker) is not None:
            return None
        return Loaded(signed.record, _UNMOVED, signed.expires_in, due=True)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        # A session of ringsession is newer than a cookie that Flask signed.
        ours = [pair for pair in live if self._cookies.read(pair[0]) is None]
        return ours[0] if len(ours) == 1 else self._inner.choose(ours) if ours else None

    def create(self, record: str, *, disposable: bool = False) -> str | None:
        return self._inner.create(record, disposable=disposable)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.patch(value, loaded, change)
        moved = self._move(signed, loaded)
        if moved is None or moved.record is None:
            raise SessionGone
        # The change was made to the cookie's session. Another request may have written since.
        merged = codec.merge(moved.record, change.changed, change.removed)
        renewed = Change(moved.record, merged, disposable=change.disposable)
        return self._inner.patch(signed.id, moved, renewed)

    def touch(self, value: str, loaded: Loaded) -> str | None:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.touch(value, loaded)
        moved = self._move(signed, loaded)
        return None if moved is None or moved.record is None else signed.id

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.recreate(value, loaded, renewal)
        moved = None if loaded is None else self._move(signed, loaded)
        return self._inner.recreate(signed.id, moved, renewal)

    def destroy(self, value: str) -> bool:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.destroy(value)
        # Moved first, so that the store remembers its end against a request that is moving it too.
        self._insert_once(signed)
        return self._inner.destroy(signed.id)

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        signed = self._cookies.read(value)
        if signed is not None:
            self._insert_once(signed)
        return self._inner.swap(value if signed is None else signed.id, name, change)

    def keeps_value(self, value: str) -> bool:
        return self._cookies.read(value) is None and self._inner.keeps_value(value)

    def merges(self, value: str) -> bool:
        return self._cookies.read(value) is None and self._inner.merges(value)

    def _move(self, signed: Signed, loaded: Loaded) -> Loaded | None:
        """Store the session unless it is stored. Return what the store now has under its id."""
        self._insert_once(signed)
        return self._inner.load(signed.id) if loaded.version == _UNMOVED else loaded

    def _insert_once(self, signed: Signed) -> None:
        """Store the session as Flask left it, and its marker, if no request did so before.

        The session comes first: if the marker fails, the session is there as it was, and the next
        request that brings the cookie sets the marker.
        """
        if self._inner.load(signed.marker) is None:
            self._insert(signed.id, signed.record, self._lifetime)
            self._insert(signed.marker, EMPTY, Lifetime(None, signed.expires_in))


class SealedMovedSessions(SealedSessions):
    """Seal the session of a cookie that Flask signed into a cookie of ringsession.

    See `stores.backend.Backend`. All sealed cookies that one old cookie leads to are one session.
    """

    def __init__(
        self, store: CookieStore, cookie_name: str, lifetime: Lifetime, cookies: FlaskCookies
    ) -> None:
        super().__init__(store, cookie_name, lifetime)
        self._cookies = cookies
        self.find_former = self._find_former

    def _find_former(self, request: Request) -> list[str]:
        return [] if self._cookies.name == self._name else self._cookies.find(request)

    def load(self, value: str) -> Loaded | None:
        signed = self._cookies.read(value)
        if signed is None:
            return super().load(value)
        sid, now = sha256(signed.id.encode()).digest()[:16], self._now()
        payload = signed.record[1:].encode()
        opened = Opened(False, sid, now, 0, 0, NEVER, now, *self._granted, payload)
        return Loaded(signed.record, opened, signed.expires_in, due=True)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        ours = [pair for pair in live if self._cookies.read(pair[0]) is None]
        return super().choose(ours or live)


class MovingStore(CopiesAsItself):
    """Wrap a store so that it also reads the cookies that Flask signed."""

    def __init__(self, store: Any, cookies: FlaskCookies) -> None:
        self.store = store
        self._cookies = cookies
        self.single_process = getattr(store, "single_process", False)

    def __repr__(self) -> str:
        return repr(self.store)

    def check(self) -> None:
        """Check the wrapped store, if it can check itself when the app starts."""
        check = getattr(self.store, "check", None)
        if check is not None:
            check()

    def open_sessions(self, cookie_name: str, lifetime: Lifetime) -> Backend:
        """See `stores.opening.OpensBackend`."""
        if isinstance(self.store, CookieStore):
            return SealedMovedSessions(self.store, cookie_name, lifetime, self._cookies)
        inner = open_sessions(self.store, cookie_name, lifetime)
        if isinstance(inner, RingStoreSessions):
            insert: Insert = inner.insert
        else:
            insert = _insert_in(self.store, cookie_name)
        return MovedSessions(inner, insert, lifetime, self._cookies, cookie_name)
