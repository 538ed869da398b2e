"""Keep sessions on Memcached: a complete store in one file, to copy and to change.

    store = MemcachedStore("127.0.0.1:11211")
    app = wrap_defaults(app, assoc_in(site_defaults, ["session", "store"], store))

It keeps the promises of `ringsession.stores.Store`. A session is one item. Each change reads the
item with `gets` and stores it with `cas`; if another request was faster, it starts again. Only
`create` uses `add`, with a new random id. So no late write brings an ended session back.

Memcached is a cache, so the store cannot promise:
- that a session lives until it expires. A restart signs everybody out. A full server evicts
  sessions, unless you start it with -M; then logins and writes get a 503 and reads go on.
- that a tombstone stays for 60 seconds. Without it, a logout with the id from before a login
  ends nothing, and a cookie that Flask signed opens again (`accept_flask_cookies_until`).
- anything on several servers. A client that moves the keys of a dead server to another one brings
  ended sessions back when the first returns. Use one server.

It does not find the sessions of a user. Times are by the clock of the machine where your app runs.
Memcached asks for no password and encrypts nothing: let only your app reach it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pymemcache import Client, MemcacheServerError, MemcacheUnexpectedCloseError

from ringsession import codec
from ringsession.stores import NO_DETAILS, UNLIMITED, Change, CopiesAsItself, Details, Lifetime
from ringsession.stores import Loaded, StoreUnavailable
from ringsession.stores.deadlines import TOMBSTONE, Limit, Times, judge

Revise = Callable[["Item", float], tuple[Any, "Item | None"]]  # an answer, and what to store


class Item(NamedTuple):
    """What stands under one key: a live session, or a tombstone, whose record is empty."""

    version: str
    created: float
    seen: float
    idle: float | None
    absolute: float | None
    remembered: bool = False
    disposable: bool = False
    began: float | None = None
    confirmed: float | None = None
    successor: str | None = None
    record: str = ""

    @property
    def times(self) -> Times:
        return Times(self.created, self.seen, Lifetime(self.idle, self.absolute), self.remembered)

    def as_octets(self) -> bytes:
        *facts, record = self
        return f"{json.dumps(facts)}\n{record}".encode()

    def rewritten(self, record: str, disposable: bool) -> Item:
        """Return the session with another record, under a version that was never used."""
        return self._replace(version=secrets.token_hex(8), record=record, disposable=disposable)


def read_item(octets: bytes) -> Item:
    facts, _, record = octets.partition(b"\n")
    return Item._make([*json.loads(facts), codec.record_text(record)])


def make_tombstone(now: float, successor: str | None = None) -> Item:
    return Item(secrets.token_hex(8), now, now, TOMBSTONE, None, successor=successor)


def find_exptime(item: Item, now: float) -> int:
    """Return when memcached may drop an item. 0 means never."""
    left = item.times.expires - now
    if left == math.inf:
        return 0
    seconds = math.ceil(left) + 1  # its clock ticks once a second, so it may be a second too early
    return seconds if seconds <= 30 * 86_400 else int(time.time()) + seconds  # more is a date


def ask(call: Callable[..., Any], *arguments: Any, may_repeat: bool) -> Any:
    """Call a method of a client. Call it again on a new connection if the old one broke."""
    try:
        return call(*arguments)
    except (OSError, MemcacheServerError) as error:
        if may_repeat and isinstance(error, (ConnectionError, MemcacheUnexpectedCloseError)):
            return ask(call, *arguments, may_repeat=False)
        problem = repr(error)  # no answer in time, or a full server
    raise StoreUnavailable(f"memcached_store: {problem}")


class MemcachedStore(CopiesAsItself):
    """Keep sessions on one Memcached server. See the head of this file.

    server: "host:port". Write 127.0.0.1 for this machine, since "localhost" may mean ::1 alone.
    prefix: "ringsession:"; two apps with the same cookie name need two prefixes.
    timeout: 2; seconds to wait for a connection, and for each answer.
    """

    clock = staticmethod(time.time)  # tests set another function that returns Unix seconds

    def __init__(self, server: str, prefix: str = "ringsession:", timeout: float = 2) -> None:
        self.server, self.prefix = server, prefix
        self._options: dict[str, Any] = dict(
            connect_timeout=timeout, timeout=timeout, key_prefix=prefix, default_noreply=False
        )
        # By process, since a process that was forked must not share its parent's connections.
        self._idle: defaultdict[int, list[Client]] = defaultdict(list)

    def check(self) -> None:
        """Refuse a server without `cas`, and warn of one that evicts. `wrap_defaults` calls it."""
        with self._connection() as client:
            settings = ask(client.stats, "settings", may_repeat=True)
        if settings.get(b"cas_enabled") == b"no":
            raise ValueError("memcached_store: memcached runs with -C; start it without")
        if settings.get(b"evictions") == b"on":
            logging.getLogger("ringsession").warning("memcached evicts sessions; start it with -M")

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        def revise(item: Item, now: float) -> tuple[Any, Item | None]:
            standing = judge(item.times, limit, now)
            if standing is None:
                return Loaded(None, outlived=True), None
            renewed = standing.renewed
            left = standing.expires_in if renewed is None else standing.renewed_in
            loaded = Loaded(item.record, item.version, left, standing.moves, standing.due)
            loaded.disposable, loaded.remembered = item.disposable, item.remembered
            loaded.began, loaded.confirmed = item.began, item.confirmed
            return loaded, renewed and item._replace(created=renewed.created, seen=renewed.seen)

        try:
            return self._change(key, revise, lambda it: it and Loaded(None, successor=it.successor))
        except StoreUnavailable as error:
            if "out of memory" not in str(error):
                raise
            # A full server cannot note that the session is in use, but can still read it.
            return self.load(key, Limit(*limit, remembered=limit.remembered, extends=False))

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        now = self.clock()
        item = Item(secrets.token_hex(8), now, now, lifetime.idle, lifetime.absolute)._replace(
            remembered=details.remembered,
            disposable=details.disposable,
            began=now if details.began is None else details.began,
            confirmed=now if details.confirms else details.confirmed,
            record=record,
        )
        with self._connection() as client:
            return ask(client.add, key, item.as_octets(), find_exptime(item, now), may_repeat=True)

    def patch(self, key: str, version: Any, change: Change) -> bool:
        def revise(item: Item, now: float) -> tuple[Any, Item | None]:
            record = change.record
            if item.version != version:  # another request has written meanwhile
                record = codec.merge(item.record, change.changed, change.removed)
            return True, item.rewritten(record, item.disposable and change.disposable)

        return self._change(key, revise)

    def claim(self, key: str, version: Any, successor: str) -> bool:
        def revise(item: Item, now: float) -> tuple[Any, Item | None]:
            is_same = item.version == version
            return is_same, make_tombstone(now, successor) if is_same else None

        return bool(self._change(key, revise, lambda it: it and it.successor == successor))

    def destroy(self, key: str) -> bool:
        return self._change(key, lambda item, now: (True, make_tombstone(now)))

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        def revise(item: Item, now: float) -> tuple[Any, Item | None]:
            new = change(codec.value_text(item.record, name))
            return new, item.rewritten(codec.merge(item.record, {name: new}, ()), False)

        return self._change(key, revise) or None

    def sweep(self) -> int:
        return 0  # memcached drops what has expired

    def close(self) -> None:
        """Close the idle connections of this process."""
        for client in self._idle.pop(os.getpid(), []):
            client.close()

    def _change(self, key: str, revise: Revise, ended: Any = lambda it: False) -> Any:
        """Store what `revise` makes of a live item. Repeat that if another request was faster.

        ended: returns the answer for a tombstone, and for None, which is no item.
        """
        with self._connection() as client:
            while True:
                octets, cas = ask(client.gets, key, may_repeat=True)
                now, item = self.clock(), None if octets is None else read_item(octets)
                if item is None or judge(item.times, UNLIMITED, now) is None:
                    return ended(None)
                if not item.record:
                    return ended(item)
                answer, after = revise(item, now)
                if after is None:
                    return answer
                value, exptime = after.as_octets(), find_exptime(after, now)
                # Never repeated: without an answer nobody knows whether this was stored.
                if ask(client.cas, key, value, cas, exptime, may_repeat=False):
                    return answer

    @contextmanager
    def _connection(self) -> Iterator[Client]:
        idle = self._idle[os.getpid()]
        try:
            client = idle.pop()
        except IndexError:
            client = Client(self.server, **self._options)
        try:
            yield client
        except BaseException:
            client.close()  # its answer may still come, and must not reach another request
            raise
        idle.append(client)
