"""Find and end the sessions of a user in Redis or Valkey. See `UserStore`.

`scripts_users.py` describes a user's index and why no login escapes `end_sessions`, and `scan.py`
looks at all sessions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from .. import Details, Lifetime, StoreUnavailable, UserSessionRow
from ..deadlines import UNLIMITED, judge
from .call import Call
from .check import check_users
from .connections import Connections, ServerConnections
from .failures import Broken
from .layout import Live, loaded_facts, milliseconds, read_or_refuse, read_time
from .scan import Scan
from .scripts_users import CLEANED_AFTER, DROP, END, ENLIST, MARK

log = logging.getLogger("ringsession")

LONGEST_LIFE = 400 * 86_400.0  # seconds; browsers keep no cookie for longer
_AT_ONCE = 100  # sessions in one packet


def limit_life(lifetime: Lifetime) -> Lifetime:
    """Return the lifetime of a user's session, which ends some day: so does the user's index."""
    absolute = lifetime.absolute
    return Lifetime(
        lifetime.idle, LONGEST_LIFE if absolute is None else min(absolute, LONGEST_LIFE)
    )


class UserIndex:
    """The part of `RedisStore` that knows users."""

    def __init__(self, connections: Connections, prefix: str) -> None:
        self._connections = connections
        self._prefix = prefix

    def check_users(self) -> None:
        """Raise ValueError for a right that users need and the store lacks."""
        check_users(self._connections, self._call("0" * 64).name)

    def find_sessions(self, owner: str) -> list[UserSessionRow]:
        index = self._index(owner)
        found = index.ask((b"HGETALL", index.name))[0]
        keys = [key for entry in found[1::2] for key, _ in _keys(entry)]
        rows = [_make_row(key, *answer) for key, answer in zip(keys, self._ask_each(b"GET", keys))]
        return [row for row in rows if row is not None]

    def end_sessions(
        self, owner: str, *, handle: str | None = None, spare: str | None = None
    ) -> int:
        index = self._index(owner)
        if handle is not None:
            marked = index.run(MARK, b"one", handle.encode())
        elif spare is not None:
            marked = index.run(MARK, b"but", spare.encode())
        else:
            marked = index.run(MARK, b"all")
        ended = sum(self._end(key) for entry in marked[1::2] for key, _ in _keys(entry))
        if marked:
            index = self._index(owner)  # with a deadline of its own, as each session has had
            index.ask((b"HDEL", index.name, *marked[::2]))
        return ended

    def end_all_sessions(self, cookie: str) -> int:
        return Scan(self._connections, self._prefix).end_all(cookie)

    def count_sessions(self) -> int:
        return Scan(self._connections, self._prefix).count()

    def _call(self, key: str, deadline: float | None = None) -> Call:
        return Call(self._connections, f"{self._prefix}{key}".encode(), deadline)

    def _index(self, owner: str, deadline: float | None = None) -> Call:
        return self._call(f"user:{owner}", deadline)

    def _enlist(self, index: Call, key: str, lifetime: Lifetime, details: Details) -> Any:
        """Enlist a session that is created next. Return None if its login was ended.

        Otherwise return when it was enlisted, and some other logins of the user.
        """
        assert details.handle is not None and lifetime.absolute is not None
        reply = index.run(
            ENLIST,
            details.handle.encode(),
            key.encode(),
            b"%d" % details.continues,
            b"%d" % milliseconds(lifetime.absolute),
        )
        return reply[1:] if reply[0] == 1 else None

    def _end(self, key: str) -> bool:
        call = self._call(key)
        try:
            return bool(call.run_once(END, b"0") == 1)
        except Broken as broken:
            return bool(call.run_once(END, b"%d" % broken.was_sent) == 1)

    def _forget(self, key: str, buried: Any, deadline: float) -> None:
        """Drop a session that was buried from its user's index. A failure loses nothing.

        buried: the answer of a script that buries: a bytes object names the login.
        """
        if not isinstance(buried, bytes):
            return
        owner, handle = buried.decode().split(" ")
        try:
            self._index(owner, deadline).run(DROP, handle.encode(), key.encode(), b"0")
        except StoreUnavailable as error:
            log.debug("Could not drop a session from its user's index: %s", error)

    def _clean(self, index: Call, now: int, sample: Sequence[bytes]) -> None:
        """Drop sessions from a user's index that have ended by themselves. See `_forget`."""
        age = CLEANED_AFTER * 1000
        old = [
            (handle, key)
            for handle, entry in zip(sample[::2], sample[1::2])
            for key, enlisted in _keys(entry)
            if now - enlisted >= age
        ]
        found = self._ask_each(b"EXISTS", [key for _, key in old], index.deadline)
        try:
            for (handle, key), (is_there, _) in zip(old, found):
                if not is_there:
                    index.run(DROP, handle, key.encode(), b"%d" % age)
        except StoreUnavailable as error:
            log.debug("Could not clean a user's index: %s", error)

    def _ask_each(
        self, word: bytes, keys: Sequence[str], deadline: float | None = None
    ) -> Iterator[tuple[Any, float]]:
        """Yield the answer to a command about each key, and the server's time."""
        at_once = _AT_ONCE if isinstance(self._connections, ServerConnections) else 1
        for start in range(0, len(keys), at_once):
            calls = [self._call(key, deadline) for key in keys[start : start + at_once]]
            commands = ((word, call.name) for call in calls)
            # TIME comes last: in a slot that moves, a cluster answers only the first command.
            *answers, time = calls[0].ask(*commands, (b"TIME",))
            yield from ((answer, read_time(time)) for answer in answers)


def _keys(entry: bytes) -> list[tuple[str, int]]:
    """Return the keys of one login, each with the time when it was enlisted.

    >>> _keys(b"+ 1700000000000 00ff:1600000000000")
    [('00ff', 1600000000000)]
    """
    pairs = [part.decode().split(":") for part in entry.split(b" ")[2:]]
    return [(key, int(enlisted)) for key, enlisted in pairs]


def _make_row(key: str, text: bytes | None, now: float) -> UserSessionRow | None:
    """Return what a user may know of a session, or None unless it is live."""
    found = None if text is None else read_or_refuse(text)
    if not isinstance(found, Live) or judge(found.times, UNLIMITED, now) is None:
        return None
    (_, began, _, handle, _), times = loaded_facts(found), found.times
    return UserSessionRow(
        key,
        handle or "",  # a session in a user's index has one
        began,
        times.seen,
        times.idle_ends,
        times.ends,
        found.record,
    )
