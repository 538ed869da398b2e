"""Move a session to a new id, beside other requests that write to it, move it or end it.

First create the complete session under the new id, then claim the old id at the version that was
read. So no failure loses data: before the claim the old session is unchanged, and after the claim
nothing is left to do.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from . import UNLIMITED, Change, Details, Loaded, Renewal, StoreUnavailable
from .calling import ask
from .ids import hash_id, new_id

if TYPE_CHECKING:
    from .server_side import ServerSideSessions

_MOST_MOVES = 8  # tombstones that a logout or a login follows from an old id to the live session


class _Origin(NamedTuple):
    """The live session from which a record comes, and its key."""

    key: str
    loaded: Loaded


def end(sessions: ServerSideSessions, key: str) -> bool:
    """End the session under a key, or the session it moved to. Return whether it was live."""
    for _ in range(_MOST_MOVES + 1):
        if ask(sessions.store.destroy, key):
            return True
        found = ask(sessions.store.load, key, sessions.lifetime)
        if found is None or found.successor is None:
            return False
        key = found.successor
    return False


class Move:
    """One request's move of a session to a new id. See `Backend.recreate`."""

    def __init__(self, sessions: ServerSideSessions, renewal: Renewal) -> None:
        self._sessions = sessions
        self._store = sessions.store
        self._renewal = renewal

    def run(self, value: str, loaded: Loaded | None) -> str | None:
        """Move the session of a cookie's value, and return the new value.

        loaded: what the request has loaded.
        """
        key = hash_id(value, self._sessions.cookie_name)
        if key is None:
            return self._start(self._renewal.alone())
        if loaded is not None and loaded.record is not None and loaded.version is None:
            loaded = self._load(key)  # `swap` has changed the version since the session was loaded
        record, origin = self._renew(key, loaded)
        if loaded is None or loaded.record is None or record is None:
            new = self._start(record, origin)
            if loaded is not None and (loaded.outlived or loaded.record is not None):
                end(self._sessions, key)
            return new
        return self._move(key, loaded, record)

    def _move(self, key: str, loaded: Loaded, record: str) -> str | None:
        """Create the session under a new id, and claim the old id."""
        details = self._find_details(record, _Origin(key, loaded))
        value = new_id()
        new = self._sessions.known(value)
        if not self._sessions.begin(value, record, details, self._renewal):
            after, origin = self._renew(key, self._load(key))
            is_moved = origin is not None and origin.key != key
            return self._start(after, origin) if is_moved else self._start(self._renewal.alone())
        found: Loaded | None = loaded
        while found is not None and found.record is not None:
            if self._claim(key, found.version, new):
                return value
            # Another request has written to the session, moved it or ended it meanwhile.
            found = self._load(key)
            after, origin = self._renew(key, found)
            if not self._fits(details, after, origin):
                ask(self._store.destroy, new)
                return self._start(after, origin)
            assert after is not None
            if after != record and not self._patch(new, record, after):
                return self._start(self._renewal.alone())  # its login was ended
            record = after
        return value

    def _fits(self, details: Details, after: str | None, origin: _Origin | None) -> bool:
        """Return whether the new session may hold this record: no other user's, and of a session
        that has not ended meanwhile.
        """
        logins = self._sessions.logins
        if after is None or origin is None:
            return False
        return logins is None or logins.find_owner(after) == details.owner

    def _patch(self, new: str, before: str, after: str) -> bool:
        return ask(self._store.patch, new, None, Change(before, after))

    def _start(self, record: str | None, origin: _Origin | None = None) -> str | None:
        """Store a record as a session of its own, or as one that continues the origin's login.

        Return None if there is no record.
        """
        renewal, logins = self._renewal, self._sessions.logins
        if record is None:
            return None
        if origin is not None and logins is not None and logins.find_owner(renewal.alone()):
            origin = None  # this request logs in by itself
        if origin is not None:
            value = self._join(record, origin)
            if value is not None:
                return value
            record = renewal.alone()  # the origin was ended
            if record is None:
                return None
        return self._sessions.create(record, renewal=renewal)

    def _join(self, record: str, origin: _Origin) -> str | None:
        """Store a session beside the one to which another request moved it. None: that ended."""
        details, value = self._find_details(record, origin), new_id()
        if not self._sessions.begin(value, record, details, self._renewal):
            return None
        if not details.continues:  # which the store has checked
            # Only now: whoever ends all sessions either finds this one, or has ended the origin.
            found = self._load(origin.key)
            if found is None or (found.record is None and self._follow(found) is None):
                ask(self._store.destroy, self._sessions.known(value))
                return None
        return value

    def _find_details(self, record: str, origin: _Origin) -> Details:
        """Return the details of a session that comes from another one, which it replaces."""
        renewal, loaded, logins = self._renewal, origin.loaded, self._sessions.logins
        details = Details(
            self._sessions.cookie_hash,
            replaces=origin.key,
            remembered=renewal.remember,
            confirms=renewal.confirms,
        )
        owner = None if logins is None else logins.find_owner(record)
        if logins is not None and owner != loaded.owner:
            return logins.begin(record, details)
        return details._replace(
            owner=owner,
            handle=loaded.handle,
            began=loaded.began,
            confirmed=loaded.confirmed,
            continues=owner is not None,
        )

    def _claim(self, key: str, version: Any, new: str) -> bool:
        try:
            return ask(self._store.claim, key, version, new)
        except StoreUnavailable:
            # No client has the new id, so its session will expire. End it if nothing ever expires.
            if self._sessions.lifetime == UNLIMITED:
                with suppress(StoreUnavailable):
                    ask(self._store.destroy, new)
            raise

    def _load(self, key: str) -> Loaded | None:
        return ask(self._store.load, key, self._sessions.lifetime)

    def _renew(self, key: str, found: Loaded | None) -> tuple[str | None, _Origin | None]:
        """Return the record for the new id, computed from the store's answer for the old id.

        The origin is the live session whose login the record may continue.
        """
        if found is None:
            return self._renewal.alone(), None
        if found.record is not None:
            return self._renewal.of_live(found.record), _Origin(key, found)
        successor = self._follow(found)
        if successor is None or successor.loaded.record is None:
            return self._renewal.alone(), None
        return self._renewal.of_moved(successor.loaded.record), successor

    def _follow(self, found: Loaded) -> _Origin | None:
        """Return the live session to which this one has moved, or None."""
        for _ in range(_MOST_MOVES):
            if found.successor is None:
                return None
            key = found.successor
            successor = self._load(key)
            if successor is None or successor.record is not None:
                return None if successor is None else _Origin(key, successor)
            found = successor
        return None
