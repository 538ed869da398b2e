"""Read a session from the cookie that Flask signed, and store it at its first use.

The session is stored first, under a new id. Then a marker, whose own id is derived from the cookie,
says which id that is. A store keeps the first marker, so that however many requests bring the
cookie, and however long one of them pauses, they have one session. The marker alone opens nothing:
the id follows from it and from the cookie together.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from .. import codec
from ..request import Request
from ..session.contents import EMPTY
from ..stores import UNLIMITED, Change, Lifetime, Loaded, Renewal, SessionGone, StoreUnavailable
from ..stores.opening import open_sessions
from ..stores.server_side import ServerSideSessions
from ..stores.three_functions import RingStoreSessions
from .signed_cookies import FlaskCookies, Signed

_UNMOVED = "unmoved"  # a version: the store had nothing under the id when it was asked

_NONCE = "ringsession/moved"  # a marker's only key: from its value and the cookie follows the id


class MovedSessions:
    """Read a session from the cookie that Flask signed, until the wrapped store holds the session.

    See `stores.backend.Backend`.
    """

    logins = None

    def __init__(
        self, store: Any, cookie_name: str, lifetime: Lifetime, cookies: FlaskCookies
    ) -> None:
        self._inner = _open(store, cookie_name, lifetime)
        # No configured timeout ends a marker.
        self._markers = _open(store, cookie_name, UNLIMITED)
        self._lifetime = lifetime
        self._cookies = cookies
        self.check_size = self._inner.check_size

    def __repr__(self) -> str:
        return repr(self._inner)

    def find_former(self, request: Request) -> list[str]:
        return self._cookies.find(request)

    def load(self, value: str) -> Loaded | None:
        return self._load(value, self._inner.load)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        return self._load(value, partial(self._inner.load_late, follows=follows))

    def load_passive(self, value: str) -> Loaded | None:
        loaded = self._load(value, self._inner.load_passive)
        if loaded is not None and self._cookies.read(value) is None:
            loaded.due = False
        return loaded

    def lasts(self, loaded: Loaded | None) -> float | None:
        return self._inner.lasts(loaded)

    def _load(self, value: str, load: Callable[[str], Loaded | None]) -> Loaded | None:
        signed = self._cookies.read(value)
        if signed is None:
            return load(value)
        id = self._find(signed)
        if id is None:
            return Loaded(signed.record, _UNMOVED, signed.expires_in, due=True)
        found = load(id)
        # due=True sends the session's own cookie, also after a mere read.
        return found if found is None or found.record is None else replace(found, due=True)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        # A session of ringsession is newer than a cookie that Flask signed.
        ours = [pair for pair in live if self._cookies.read(pair[0]) is None]
        return ours[0] if len(ours) == 1 else self._inner.choose(ours) if ours else None

    def create(
        self, record: str, *, disposable: bool = False, renewal: Renewal | None = None
    ) -> str | None:
        return self._inner.create(record, disposable=disposable, renewal=renewal)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.patch(value, loaded, change)
        id, moved = self._move(signed, loaded)
        if moved is None or moved.record is None:
            raise SessionGone
        # The change was made to the cookie's session. Another request may have written since.
        merged = codec.merge(moved.record, change.changed, change.removed)
        renewed = Change(moved.record, merged, disposable=change.disposable)
        return self._inner.patch(id, moved, renewed)

    def touch(self, value: str, loaded: Loaded) -> str | None:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.touch(value, loaded)
        id, moved = self._move(signed, loaded)
        return None if moved is None or moved.record is None else id

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.recreate(value, loaded, renewal)
        id, moved = self._move(signed, loaded)
        return self._inner.recreate(id, moved, renewal)

    def destroy(self, value: str) -> bool:
        signed = self._cookies.read(value)
        if signed is None:
            return self._inner.destroy(value)
        if self._find(signed) is None and self._mark(signed, self._new_nonce()):
            return True  # a marker without a session: its end is stored before its beginning
        return self._inner.destroy(self._find_or_move(signed))

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        signed = self._cookies.read(value)
        id = value if signed is None else self._find_or_move(signed)
        return self._inner.swap(id, name, change)

    def keeps_value(self, value: str) -> bool:
        return self._cookies.read(value) is None and self._inner.keeps_value(value)

    def merges(self, value: str) -> bool:
        return self._cookies.read(value) is None and self._inner.merges(value)

    def _move(self, signed: Signed, loaded: Loaded | None) -> tuple[str, Loaded | None]:
        """Store the session unless it is stored. Return its id, and what the store has under it."""
        id = self._find_or_move(signed)
        is_unmoved = loaded is not None and loaded.version == _UNMOVED
        return id, self._inner.load(id) if is_unmoved else loaded

    def _find(self, signed: Signed) -> str | None:
        """Return the id under which the session was stored, or None if it never was."""
        marker = self._markers.load(signed.marker)
        if marker is None:
            return None
        nonce = codec.decode(marker.record or EMPTY).get(_NONCE)
        return signed.make_id(str(nonce))

    def _mark(self, signed: Signed, nonce: str) -> bool:
        """Store the marker. Return False if one is there, which counts."""
        lifetime = Lifetime(None, signed.remembered_for)
        return self._inner.insert(signed.marker, codec.encode({_NONCE: nonce}), lifetime)

    def _find_or_move(self, signed: Signed) -> str:
        """Return the id of the session, and store it as Flask left it if no request did so before.

        A failure before the marker is stored changes nothing: no cookie leads to the new id.
        """
        id = self._find(signed)
        if id is not None:
            return id
        nonce = self._new_nonce()
        id = signed.make_id(nonce)
        self._inner.insert(id, signed.record, self._lifetime)
        if self._mark(signed, nonce):
            return id
        first = self._find(signed)
        if first is None:
            raise StoreUnavailable("the marker of a moved session was there and is not")
        if first != id:
            self._inner.destroy(id)
        return first

    def _new_nonce(self) -> str:
        # Three functions cannot store a marker unless one is there. There the session has one id,
        # so that two requests at the same time still make one session.
        return "" if isinstance(self._inner, RingStoreSessions) else secrets.token_hex(16)


def _open(
    store: Any, cookie_name: str, lifetime: Lifetime
) -> ServerSideSessions | RingStoreSessions:
    sessions = open_sessions(store, cookie_name, lifetime)
    assert isinstance(sessions, (ServerSideSessions, RingStoreSessions))
    return sessions
