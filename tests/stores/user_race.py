"""Race logins, moves to new ids and writes against the ends of users' sessions on a real store."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, NamedTuple

import sqlalchemy

from ringsession import codec
from ringsession.stores import Details, Lifetime, StoreUnavailable
from ringsession.stores.ids import hash_cookie_name, hash_owner, new_handle, new_id
from ringsession.testing import change, key_of

USERS = [hash_owner(name, "id") for name in ("ann", "ben", "eve")]
COOKIE = hash_cookie_name("id")
EMPTY = codec.encode({})
LIFETIME = Lifetime(3600, None)
_COOKIES_EACH = 3
_LONGEST_PAUSE = 0.003
_THREADS, _ENDERS = 16, 2


def pause(longest: float = _LONGEST_PAUSE) -> None:
    time.sleep(random.uniform(0, longest))


def pause_around_statements(store: Any) -> None:
    """Let other threads run before and after each statement of a store."""
    if hasattr(store, "_engine"):
        for moment in ("before_cursor_execute", "after_cursor_execute"):
            sqlalchemy.event.listen(store._engine._engine, moment, lambda *_: pause())
        return
    names = ("ask",) if hasattr(store._connections, "ask") else ("read", "write")
    for name in names:
        setattr(store._connections, name, _paused(getattr(store._connections, name)))


def _paused(call: Callable[..., Any]) -> Callable[..., Any]:
    def paused(*args: Any) -> Any:
        pause()
        try:
            return call(*args)
        finally:
            pause()

    return paused


class Login(NamedTuple):
    """A login, and when its session began to be stored."""

    owner: str
    handle: str
    asked: float


class Ending:
    """One call of `end_sessions`."""

    def __init__(self, owner: str, **options: str) -> None:
        self.owner = owner
        self.options = options
        self.done = inf

    def covers(self, login: Login) -> bool:
        only, spare = self.options.get("handle"), self.options.get("spare")
        return (
            login.owner == self.owner
            and login.handle != spare
            and only in (None, login.handle)
            and self.done > login.asked
        )


class Jar:
    """A cookie that several threads send, and the login that it belongs to."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.holds: tuple[str, Login] | None = None


class UserRace:
    """What the threads share, and what they saw."""

    def __init__(self, stores: list[Any]) -> None:
        self._stores = stores
        self._jars = [Jar(owner) for owner in USERS for _ in range(_COOKIES_EACH)]
        self._lock = threading.Lock()
        self._bound: dict[str, Login] = {}  # the logins that were stored and not ended
        self._ended: dict[str, float] = {}  # handles, and when they must be dead
        self._endings: list[Ending] = []
        self.seen: Counter[str] = Counter(
            {"logins": 0, "moves": 0, "ends": 0, "accepted after": 0, "ended without cause": 0}
        )

    def run(self, seconds: float) -> dict[str, int]:
        self._until = time.monotonic() + seconds
        works = [self._end_some] * _ENDERS + [self._use] * (_THREADS - _ENDERS)
        threads = [
            threading.Thread(target=self._repeat, args=(work, self._stores[n % len(self._stores)]))
            for n, work in enumerate(works)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for owner in USERS:
            self._stores[0].end_sessions(owner)
            self._see("accepted after", len(self._stores[0].find_sessions(owner)))
        return dict(self.seen)

    def _see(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.seen[what] += number

    def _repeat(self, work: Callable[[Any], None], store: Any) -> None:
        while time.monotonic() < self._until:
            try:
                work(store)
            except StoreUnavailable as error:
                self._see(f"failed: {error}")
            pause()

    def _end_some(self, store: Any) -> None:
        jar = random.choice(self._jars)
        holds, option = jar.holds, random.choice(["handle", "spare", None])
        options = {} if option is None or holds is None else {option: holds[1].handle}
        ending = Ending(jar.owner, **options)
        with self._lock:
            self._endings.append(ending)
            covered = [handle for handle, login in self._bound.items() if ending.covers(login)]
        store.end_sessions(jar.owner, **options)
        ending.done = time.monotonic()
        with self._lock:
            for handle in covered:
                self._ended.setdefault(handle, ending.done)
                self._bound.pop(handle, None)
        # No client knows the id of a row that is left yet, but one may get it.
        left = {row.handle for row in store.find_sessions(jar.owner)}
        self._see("accepted after", len(left.intersection(covered)))
        self._see("ends")
        pause(0.02)

    def _use(self, store: Any) -> None:
        jar = random.choice(self._jars)
        if jar.holds is None:
            self._sign_in(store, jar)
            return
        (key, login), asked = jar.holds, time.monotonic()
        loaded = store.load(key)
        if loaded is not None and loaded.record is not None:
            self._accept(login, asked)
            if random.random() < 0.3:
                store.patch(key, loaded.version, change(EMPTY, n=new_id()))
            else:
                self._move(store, jar, key, login, loaded)
        elif loaded is not None and loaded.successor is not None:
            self._replace(jar, key, (loaded.successor, login))
        else:
            self._see_end(login)
            self._replace(jar, key, None)

    def _see_end(self, login: Login) -> None:
        with self._lock:
            has_cause = any(ending.covers(login) for ending in self._endings)
        self._see("ended" if has_cause else "ended without cause")

    def _accept(self, login: Login, asked: float) -> None:
        if self._ended.get(login.handle, inf) < asked:
            self._see("accepted after")

    def _replace(self, jar: Jar, key: str, holds: tuple[str, Login] | None) -> None:
        with self._lock:
            if jar.holds is not None and jar.holds[0] == key:
                jar.holds = holds

    def _sign_in(self, store: Any, jar: Jar) -> None:
        key, login = key_of(new_id()), Login(jar.owner, new_handle(), time.monotonic())
        details = Details(COOKIE, owner=login.owner, handle=login.handle)
        if not store.create(key, EMPTY, LIFETIME, details):
            self._see_end(login)  # while it began
            return
        with self._lock:
            self._bound[login.handle] = login
            jar.holds = key, login
        self._see("logins")

    def _move(self, store: Any, jar: Jar, key: str, login: Login, loaded: Any) -> None:
        """Move a session to a new key as a request does it."""
        new = key_of(new_id())
        names = {"owner": login.owner, "handle": login.handle, "began": loaded.began}
        details = Details(COOKIE, replaces=key, continues=True, **names)
        if not store.create(new, loaded.record, LIFETIME, details):
            return
        while loaded is not None and loaded.record is not None:
            if store.claim(key, loaded.version, new):
                self._replace(jar, key, (new, login))
                self._see("moves")
                return
            loaded = store.load(key)
        store.destroy(new)


def measure_creates(store: Any, number: int = 300) -> str:
    """Return what a new session costs without and with a user, and one that continues a login."""
    owner, handle = USERS[0], new_handle()
    old = key_of(new_id())
    bound = Details(COOKIE, owner=owner, handle=handle)
    store.create(old, EMPTY, LIFETIME, bound)
    kinds: dict[str, Callable[[], Details]] = {
        "nobody's": lambda: Details(COOKIE),
        "a login": lambda: bound._replace(handle=new_handle()),
        "a login that continues": lambda: bound._replace(replaces=old, continues=True),
    }
    costs = []
    for name, make_details in kinds.items():
        took = []
        for _ in range(number):
            key, details, started = key_of(new_id()), make_details(), time.perf_counter()
            assert store.create(key, EMPTY, LIFETIME, details)
            took.append(time.perf_counter() - started)
            store.destroy(key)
        costs.append(f"{name} {sorted(took)[number // 2] * 1e6:.0f} us")
    store.end_sessions(owner)
    return "create: " + ", ".join(costs)


def run_race(stores: Sequence[Any], seconds: float) -> dict[str, int]:
    """Race on these stores of one server, with pauses, and close them."""
    for store in stores:
        pause_around_statements(store)
    try:
        return UserRace(list(stores)).run(seconds)
    finally:
        for store in stores:
            store.close()
