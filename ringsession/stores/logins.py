"""Bind sessions to the logins of users, for an app with a `user_key`.

A session key belongs to one user for life. `server_side.py` stores the sessions, and a `UserStore`
finds and ends those of a user.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from .. import codec
from ..http.audit_log import audit
from . import Change, Details, Loaded, Store, UserStore
from .calling import ask
from .ids import hash_owner, new_handle, user_name


class UserTerms(NamedTuple):
    """What an app wants of its users' sessions.

    key: the session key that names the user. limit: None; how many logins a user may have.
    """

    key: str
    limit: int | None = None


class Logins:
    """Find the user in a record, and the details of the login with which to store it."""

    def __init__(self, store: Store, cookie_name: str, terms: UserTerms) -> None:
        self._store = cast(UserStore, store)  # only its owner's methods are called
        self._cookie_name = cookie_name
        self._terms = terms

    def find_owner(self, record: str | None) -> str | None:
        """Return the owner that a record names, or None for nobody.

        Raises TypeError for a value that names no user.
        """
        text = None if record is None else codec.value_text(record, self._terms.key)
        return None if text is None else self.hash_user(codec.decode_value(text))

    def hash_user(self, value: object) -> str | None:
        """Return the owner for the value of the user's key. Raises TypeError."""
        try:
            name = user_name(value)
        except TypeError as error:
            raise TypeError(f'session["{self._terms.key}"]: {error}') from None
        return None if name is None else hash_owner(name, self._cookie_name)

    def changes_owner(self, loaded: Loaded, change: Change) -> bool:
        """Return whether a change is one of the user. Then the session must move to a new id."""
        key = self._terms.key
        if key not in change.changed and key not in change.removed:
            return False
        return self.find_owner(change.record) != loaded.owner

    def begin(self, record: str, details: Details) -> Details:
        """Return the details of a session that begins a login, or has no user."""
        owner = self.find_owner(record)
        handle = None if owner is None else new_handle()
        return details._replace(owner=owner, handle=handle)

    def keep_limit(self, details: Details) -> None:
        """End the oldest logins of an owner, after a new one was stored.

        After it, so that two logins at the same time see each other. Both end the same ones.
        """
        owner, limit = details.owner, self._terms.limit
        if owner is None or limit is None or details.continues:
            return
        began = {row.handle: row.began for row in ask(self._store.find_sessions, owner)}
        newest = sorted(began, key=lambda handle: (began[handle], handle), reverse=True)
        for handle in newest[limit:]:
            ask(self._store.end_sessions, owner, handle=handle)
            audit("session_limit", handle=handle, reason=f"more than {limit} logins")
