"""Show a user their sessions, and end them.

`session/user.py` binds a session to its user, and each `UserStore` finds and ends them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from math import inf
from typing import Any, NamedTuple

from . import codec
from .http.audit_log import audit
from .session.mapping import Session
from .stores import UserSessionRow, UserStore
from .stores.calling import ask
from .stores.ids import hash_cookie_name, hash_owner, user_name
from .stores.named import open_store
from .stores.shown_url import show_store


class UserSession(NamedTuple):
    """One session of a user, for a page such as "Your devices". Times are in UTC.

    handle: its name, for `UserSessions.end`. It opens nothing, so it may stand in a page.
    began: when the user signed in. seen: the last request, up to a minute earlier than it was.
    idle_ends, ends: when it ends without a request, and at the latest; None: never.
    current: whether it is the session that looks.
    data: the keys that `show` named.
    """

    handle: str
    began: datetime
    seen: datetime
    idle_ends: datetime | None
    ends: datetime | None
    current: bool
    data: dict[str, Any]


class UserSessions:
    """The sessions of the users of one app. `user_sessions` makes it."""

    def __init__(self, store: UserStore, cookie_name: str) -> None:
        self._store = store
        self._cookie_name = cookie_name

    def __repr__(self) -> str:
        return f"<UserSessions of cookie {self._cookie_name!r} in {show_store(self._store)}>"

    def list(
        self, user: object, *, current: Any = None, show: Collection[str] = ()
    ) -> list[UserSession]:
        """Return the live sessions of a user, the newest login first.

        user: the value of the session's `user_key`.
        current: None; the session that looks, `request["session"]`.
        show: (); the session keys to return. Your app has put them there, at the login.
        Raises StoreUnavailable, and TypeError for what names no user.
        """
        handle = _handle_of(current)
        newest: dict[str, UserSessionRow] = {}
        for row in ask(self._store.find_sessions, self._hash(user)):
            seen = newest.get(row.handle)  # a login that moves has two ids for a moment
            if seen is None or seen.seen <= row.seen:
                newest[row.handle] = row
        rows = sorted(newest.values(), key=lambda row: (row.began, row.handle), reverse=True)
        return [_describe(row, handle, show) for row in rows]

    def end(self, user: object, handle: str) -> bool:
        """End one session of a user. Return whether it was live.

        The user stands beside the handle, so that nobody ends the session of another user.
        Raises StoreUnavailable, and TypeError for what names no user.
        """
        owner = self._hash(user)
        ended = _is_handle(handle) and ask(self._store.end_sessions, owner, handle=handle) > 0
        if ended:
            audit("session_ended", handle=handle, reason="by user_sessions")
        return ended

    def end_all(self, user: object, *, but: Any = None) -> int:
        """End the sessions of a user, and return how many were live.

        but: None; a session to spare, `request["session"]`: after a change of the password. Then
            call `session.recreate()`.

        When this has returned, no session bound to the user before the call is accepted again,
        whatever runs beside it. A login that begins after the call is untouched. Change the
        password first, then call this: a login that has checked the old password is stored.
        Raises StoreUnavailable; then call it again, for some may be live. TypeError for what names
        no user.
        """
        ended = ask(self._store.end_sessions, self._hash(user), spare=_handle_of(but))
        audit("session_end_all", reason=f"{ended} sessions of a user")
        return ended

    def end_everyone(self) -> int:
        """End every session of the app that began before the call, and return how many were live.

        Sessions without a user end too. Raises StoreUnavailable; then call it again.
        """
        ended = ask(self._store.end_all_sessions, hash_cookie_name(self._cookie_name))
        audit("session_end_all", reason=f"{ended} sessions of everyone")
        return ended

    def _hash(self, user: object) -> str:
        name = user_name(user)
        if name is None:
            raise TypeError("user: expected a str, int or UUID, got None")
        return hash_owner(name, self._cookie_name)


def _handle_of(session: Any) -> str | None:
    """Return the handle of `request["session"]`, of `flask.session`, or of None."""
    if session is None:
        return None
    find = getattr(session, "_get_current_object", None)  # Flask's session is a proxy
    session = session if find is None else find()
    ours = session if isinstance(session, Session) else getattr(session, "_ring", None)
    if not isinstance(ours, Session):
        kind = type(session).__name__
        raise TypeError(f'expected request["session"] or flask.session, got {kind}')
    return ours.handle


def _is_handle(handle: object) -> bool:
    """Return whether a text, which a form may have brought, can be a handle."""
    return isinstance(handle, str) and len(handle) == 32 and set(handle) <= set("0123456789abcdef")


def _describe(row: UserSessionRow, handle: str | None, show: Iterable[str]) -> UserSession:
    try:
        values = codec.decode(row.record)
    except ValueError:  # such a session can still be ended
        values = {}
    return UserSession(
        row.handle,
        datetime.fromtimestamp(row.began, timezone.utc),
        datetime.fromtimestamp(row.seen, timezone.utc),
        _moment(row.idle_ends),
        _moment(row.ends),
        row.handle == handle,
        {name: values[name] for name in show if name in values},
    )


def _moment(seconds: float) -> datetime | None:
    return None if seconds == inf else datetime.fromtimestamp(seconds, timezone.utc)


def user_sessions(store: Any, *, cookie_name: str = "ring-session") -> UserSessions:
    """Return what lists and ends the sessions of an app's users.

    store: the store of the app's config, or its URL.
    cookie_name: "ring-session"; that of the config. Two apps on one store have users of their own.

    The config needs `["session"]["user_key"]`, the session key that names the user.
    Raises TypeError for a store that cannot find users, ValueError for a text that names no store.

    >>> from ringsession import deep_merge, memory_store, site_defaults
    >>> store = memory_store()
    >>> config = deep_merge(site_defaults, {"session": {"store": store, "user_key": "user"}})
    >>> users = user_sessions(store)
    >>> users.list("ann"), users.end_all("ann")
    ([], 0)
    """
    store = open_store(store) if isinstance(store, str) else store
    if not isinstance(store, UserStore):
        raise TypeError(
            f"user_sessions: expected a server-side store that finds users, got {show_store(store)}"
        )
    return UserSessions(store, cookie_name)
