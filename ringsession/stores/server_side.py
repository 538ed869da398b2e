"""Use a server-side store: put random ids in cookies and store sessions under the ids' hashes.

`moving.py` moves a session to a new id, `logins.py` knows the users, and `ids.py` makes, checks and
hashes ids. The session layer writes the `Set-Cookie` header.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256

from . import Change, Details, Lifetime, Loaded, Renewal, SessionGone, Store, StoreUnavailable
from .calling import ask
from .deadlines import Limit
from .ids import hash_cookie_name, hash_id, new_id
from .logins import Logins, UserTerms
from .moving import Move, end
from .shown_url import show_store


class ServerSideSessions:
    """See `Backend`.

    lifetime: of a new session, and the limit for a stored one; `lifetime.remembered` is that of a
        session that is remembered.
    users: None; the session key that names the user, and how many logins a user may have.
    """

    check_size = find_former = None

    def __init__(
        self, store: Store, cookie_name: str, lifetime: Lifetime, users: UserTerms | None = None
    ) -> None:
        self.store = store
        self.lifetime = lifetime
        self.cookie_name = cookie_name
        self.cookie_hash = hash_cookie_name(cookie_name)
        self.logins = None if users is None else Logins(store, cookie_name, users)

    def __repr__(self) -> str:
        return show_store(self.store)

    def load(self, value: str) -> Loaded | None:
        return self._load(value, self.lifetime)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        loaded = self._load_unextended(value)
        if loaded is None or loaded.record is None or not loaded.due or follows(loaded.record):
            return loaded
        return self.load(value)

    def load_passive(self, value: str) -> Loaded | None:
        loaded = self._load_unextended(value)
        if loaded is not None:
            loaded.due = False
        return loaded

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        return None  # another host of the domain may have set any of the cookies

    def create(
        self, record: str, *, disposable: bool = False, renewal: Renewal | None = None
    ) -> str:
        """Store a new session. Raises SessionGone for a login that was ended while it began."""
        details = Details(self.cookie_hash, disposable)
        if renewal is not None:
            details = details._replace(remembered=renewal.remember, confirms=renewal.confirms)
        if self.logins is not None:
            details = self.logins.begin(record, details)
        value = new_id()
        self.begin(value, record, details, renewal)
        return value

    def insert(self, value: str, record: str, lifetime: Lifetime) -> bool:
        """Store a session under an id that this package chose. Return False if one is there."""
        details = Details(self.cookie_hash)
        return ask(self.store.create, self.known(value), record, lifetime, details)

    def begin(
        self, value: str, record: str, details: Details, renewal: Renewal | None = None
    ) -> bool:
        """Store a session with these details under a new id, and keep the limit of its user.

        Return False if it continues a login that was ended. Raises SessionGone for a new login that
        was ended while it began.
        """
        lifetime = self.lifetime.remembered if details.remembered else self.lifetime
        if not ask(self.store.create, self.known(value), record, lifetime, details):
            if details.continues:
                return False
            if details.owner is not None:
                raise SessionGone
            raise StoreUnavailable("create: the store already has a session under a new random id")
        if renewal is not None:
            renewal.handle = details.handle
        if self.logins is not None:
            self.logins.keep_limit(details)
        return True

    def patch(self, value: str, loaded: Loaded, change: Change) -> str:
        key = loaded.key or self.known(value)
        if ask(self.store.patch, key, loaded.version, change):
            return value
        if loaded.disposable and self.load(value) is None:
            # The full store dropped this disposable session, so store the record under a new id.
            return self.create(change.record, disposable=change.disposable)
        raise SessionGone

    def touch(self, value: str, loaded: Loaded) -> str:
        return value  # `load` has already extended the idle timeout

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        return Move(self, renewal).run(value, loaded)

    def destroy(self, value: str) -> bool:
        key = hash_id(value, self.cookie_name)
        return key is not None and end(self, key)

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        failed: list[BaseException] = []

        def watched(text: str | None) -> str:
            try:
                return change(text)
            except BaseException as error:
                failed.append(error)  # an exception of the caller's function, not of the store
                raise

        try:
            text = ask(self.store.swap, self.known(value), name, watched)
        except StoreUnavailable:
            if failed:
                raise failed[0] from None
            raise
        if text is None:
            raise SessionGone
        return text

    def known(self, value: str) -> str:
        """Return the key of an id that is known to be valid."""
        return sha256(f"{self.cookie_name}\0{value}".encode()).hexdigest()

    def keeps_value(self, value: str) -> bool:
        return True

    def merges(self, value: str) -> bool:
        return True

    def lasts(self, loaded: Loaded | None) -> float | None:
        if loaded is not None:
            return loaded.expires_in
        return self.lifetime.remembered.shortest

    @cached_property
    def _unextended(self) -> Limit:
        remembered = self.lifetime.remembered
        return Limit(*self.lifetime, remembered=remembered, extends=False)

    def _load_unextended(self, value: str) -> Loaded | None:
        return self._load(value, self._unextended)

    def _load(self, value: str, limit: Lifetime) -> Loaded | None:
        key = hash_id(value, self.cookie_name)
        if key is None:
            return None
        loaded = ask(self.store.load, key, limit)
        if loaded is not None:
            loaded.key = key
        return loaded
