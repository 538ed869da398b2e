"""Keep sessions in Redis or Valkey, for any number of machines.

This module decides which commands each operation sends. `layout.py` describes the string under a
key, `scripts.py` has the server's scripts, and `call.py` repeats what failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import Any

from .. import NO_DETAILS, Change, CopiesAsItself, Details, Loaded, StoreUnavailable
from ..call_timeouts import Timeout, read_timeout
from ..compare_and_set import compare_and_set
from .call import Call
from .connections import connect
from .check import check_server
from .failures import Broken
from .layout import Live, loaded_facts, milliseconds, new_version
from .layout import write_clock, write_delta, write_rest
from .report import RedisReport
from .users import UserIndex, limit_life
from .scripts import CLAIM, CREATE, DESTROY, FOLD, MERGE, TOUCH, WRITE
from ..deadlines import UNLIMITED, Lifetime, Times, judge

log = logging.getLogger("ringsession")

_OVERTAKEN = 2  # the answer of the script WRITE if another write was faster
_DELTAS_PER_FOLD = 16


class RedisStore(UserIndex, RedisReport, CopiesAsItself):
    """The store that `redis_store` makes."""

    def __repr__(self) -> str:
        return f"<redis_store {self._connections.shown} prefix={self._prefix!r}>"

    def check(self) -> None:
        """Raise ValueError for what waiting cannot cure. `wrap_session` calls this.

        Examples: refused credentials, a missing right, a server older than 7.0. Raises
        StoreUnavailable if the server does not answer within the timeout. An eviction policy that
        throws out live sessions is logged.
        """
        check_server(self._connections, f"{self._prefix}{'0' * 64}".encode(), repr(self))

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        call = self._call(key)
        found, now = call.look()
        if not isinstance(found, Live):
            return None if found is None else Loaded(None, successor=found.successor)
        standing = judge(found.times, limit, now)
        if standing is None:
            over = judge(found.times, UNLIMITED, now) is None
            return None if over else Loaded(None, outlived=True)
        moved, left = False, standing.expires_in
        if standing.renewed is not None and _touch(call, found, standing.renewed):
            moved, left = standing.moves, standing.renewed_in
        return Loaded(
            found.record,
            found.version,
            left,
            moved,
            standing.due,
            found.disposable,
            None,
            False,
            *loaded_facts(found),
        )

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        if details.owner is None:
            return self._insert(self._call(key), record, lifetime, details)
        lifetime, index = limit_life(lifetime), self._index(details.owner)
        enlisted = self._enlist(index, key, lifetime, details)
        if enlisted is None:
            return False
        now, *sample = enlisted
        call = self._call(key, index.deadline)
        is_stored = self._insert(call, record, lifetime, details, now)
        self._clean(index, int(now), sample)
        return is_stored

    def _insert(
        self, call: Call, record: str, lifetime: Lifetime, details: Details, enlisted: bytes = b""
    ) -> bool:
        ends = lifetime.shortest
        to_live = b"" if ends is None else b"%d" % milliseconds(ends)
        rest = write_rest(record, lifetime, details)
        version = _live(new_version())
        return bool(call.run(CREATE, version, rest, to_live, enlisted) == 1)

    def patch(self, key: str, version: Any, change: Change) -> bool:
        call, new = self._call(key), _live(new_version())
        flag = b"%d" % change.disposable
        if version is not None:
            reply = call.run(WRITE, _live(version), new, flag, change.record.encode())
            if reply != _OVERTAKEN:
                return bool(reply)
        deltas = call.run(MERGE, new, flag, write_delta(change))
        if deltas and deltas % _DELTAS_PER_FOLD == 0:
            _fold(call)
        return bool(deltas)

    def claim(self, key: str, version: Any, successor: str) -> bool:
        call = self._call(key)
        buried = call.run(CLAIM, _live(version), successor.encode())
        self._forget(key, buried, call.deadline)
        return bool(buried)

    def destroy(self, key: str) -> bool:
        call = self._call(key)
        try:
            buried = call.run_once(DESTROY, b"0")
        except Broken as broken:
            buried = call.run_once(DESTROY, b"%d" % broken.was_sent)
        self._forget(key, buried, call.deadline)
        return bool(buried)

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        call = self._call(key)

        def read() -> tuple[str, Any] | None:
            found, _ = call.look()
            return (found.record, found.version) if isinstance(found, Live) else None

        def write(record: str, version: Any) -> bool:
            arguments = (_live(version), _live(new_version()), b"0", record.encode())
            return bool(call.run(WRITE, *arguments, may_repeat=False) == 1)

        return compare_and_set(read, name, change, write, call.extend)

    def sweep(self) -> int:
        return 0  # the server removes expired keys by itself

    def close(self) -> None:
        """Close the idle connections. A later call opens new ones."""
        self._connections.close()


def _live(version: object) -> bytes:
    """Return how a live session at this version starts. No session has an invalid version."""
    return b"L " + (version if isinstance(version, bytes) and len(version) == 16 else b"?" * 16)


def _touch(call: Call, found: Live, renewed: Times) -> bool:
    """Store when the session was last used. Return False if another request has done so."""
    expires = renewed.expires
    ends = b"" if expires == inf else b"%d" % round(expires * 1000)
    try:
        return bool(call.run(TOUCH, found.clock, write_clock(renewed), ends) == 1)
    except StoreUnavailable as error:
        log.warning("Could not store when a session was last used: %s", error)
        return False


def _fold(call: Call) -> None:
    """Replace a record and its deltas by one merged record. A failure loses no data."""
    try:
        found, _ = call.look()
        if isinstance(found, Live) and found.deltas:
            record = found.record.encode()
            call.run(FOLD, found.body, record, b"%d" % found.deltas)
    except StoreUnavailable as error:
        log.debug("Could not shorten a session: %s", error)


def redis_store(
    client_or_url: Any, *, prefix: str = "ringsession:", timeout: Timeout | None = None
) -> RedisStore:
    """Return a store in Redis or Valkey 7.0 or newer: one server, Sentinel, or a cluster.

    client_or_url: a client of redis-py or valkey-py, also of a cluster or from
        `Sentinel.master_for`. It needs a `socket_timeout` and no `decode_responses`.
        Or a URL: "redis://host:6379/0", "rediss://..." for TLS.
    prefix: "ringsession:"; the server's keys begin with it.
    timeout: 2; seconds for a whole call: connect, answer and retry. For a URL only; a client has
        its `socket_timeout`.

    The store keeps every promise. A session is one string with a time to live. The store opens its
    own connections with the client's settings. The server must not evict sessions that are in use:
    set `maxmemory-policy noeviction` or `volatile-ttl`. docs/how-to/stores.md lists the rights
    that the store needs and the writes that a fail-over may lose.

    Raises TypeError if the object is not a client, and ValueError if an option cannot work.
    For a URL, install redis-py: `pip install 'ringsession[redis]'`.

    >>> from ringsession import assoc_in, site_defaults
    >>> store = redis_store("redis://sessions.internal:6379/0")
    >>> config = assoc_in(site_defaults, ["session", "store"], store)
    """
    if type(prefix) is not str or not prefix:
        raise ValueError(f"prefix: expected a non-empty str, got {prefix!r:.60}")
    return RedisStore(connect(client_or_url, read_timeout(timeout)), prefix)
