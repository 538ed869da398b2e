"""What a store is told of a new session, and what it answers about a stored one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(slots=True)
class Loaded:
    """A store's answer for a key: a live session, or the tombstone of a dead one.

    record: None: the key has no session for this request.
    version: random, and different after every write. Callers pass it back to `patch` and `claim`.
    expires_in: seconds. None: the session does not expire.
    moved: this read extended the idle timeout.
    due: the request should extend the idle timeout, since this read could not.
    disposable: a full store may drop this session; see `Details`.
    successor: of a tombstone: the key to which the session moved.
    outlived: the `limit` of `load` ended the session, but it is still stored.
    remembered: the session has the times of `["session"]["remember"]`.
    began, owner, handle, confirmed: see `Details`. Times are Unix seconds by the store's clock.
    passive: the request is no activity, so that none of its writes may be either. A store leaves it
        False.
    key: under which the store has the session, once its backend has noted it. A store leaves it
        None.
    """

    record: str | None
    version: Any = None
    expires_in: float | None = None
    moved: bool = False
    due: bool = False
    disposable: bool = False
    successor: str | None = None
    outlived: bool = False
    remembered: bool = False
    began: float | None = None
    owner: str | None = None
    handle: str | None = None
    confirmed: float | None = None
    passive: bool = False
    key: str | None = None

    def __repr__(self) -> str:  # without the record, which holds the user's data
        return f"<Loaded {'nothing' if self.record is None else 'a record'}>"


class Details(NamedTuple):
    """Facts about a new session besides its record and its times.

    disposable: the session holds no user data, so a full store may drop it before it refuses to
        create another session.
    replaces: the key of the old session if this one takes its place. The caller ends the old
        session next.
    remembered: the session is remembered; see `Times`.
    owner: the hash of the cookie's name and the user's name (`ids.hash_owner`), 64 hexadecimal
        digits. None: nobody is signed in.
    handle: the name of the user's login, 32 random hexadecimal digits, which every new id keeps.
    began: when the login began, or without a user the session, in Unix seconds by the store's
        clock. None: now.
    confirmed, confirms: when the user last confirmed who they are, or whether they do so now.
    continues: the session continues the login of `replaces`. Then `create` stores nothing and
        returns False unless that key is live and has this owner and handle, in the same step.
    """

    cookie: str = ""  # the hash of the cookie's name, 32 hexadecimal digits
    disposable: bool = False
    replaces: str | None = None
    remembered: bool = False
    owner: str | None = None
    handle: str | None = None
    began: float | None = None
    confirmed: float | None = None
    confirms: bool = False
    continues: bool = False


NO_DETAILS = Details()


class UserSessionRow(NamedTuple):
    """One live session of a user, as a store finds it. Times are Unix seconds by its clock.

    Infinity means never. The session's own times decide, not the configured ones.
    """

    key: str
    handle: str
    began: float
    seen: float
    idle_ends: float
    ends: float
    record: str

    def __repr__(self) -> str:  # without the record, which holds the user's data
        return f"<UserSessionRow {self.handle}>"
