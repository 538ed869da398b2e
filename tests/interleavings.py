"""Every order in which the steps of requests with one session can happen, against a model of the
contract.

A request is a script: it reads its session, does two or three things, and commits. The model knows
only the words of the contract: changes are merged into what is stored at the commit, an ended
session stays ended, a login inherits once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import Any

from ringsession import codec, memory_store
from ringsession.session.commit import commit
from ringsession.session.outcome import Outcome
from ringsession.session.contents import FLASH
from ringsession.middleware.flash import flash_request, flash_response
from ringsession.request import Request
from ringsession.session.mapping import Session, session_state
from ringsession.session.state import State
from ringsession.stores import Change, Lifetime, SessionGone
from ringsession.stores.server_side import ServerSideSessions, hash_id

ACTS = ("read", "write a", "write b", "same key", "flash", "swap", "logout", "login")
Script = tuple[str, ...]
NAME = "id"  # of the cookie
START: dict[str, Any] = {"a": 0, "b": 0, "k": 0, "n": 0}
WAITING = f"{FLASH}0000000000000000-waiting"


class Real:
    """One request on the package itself."""

    def __init__(self, name: str, sessions: Any, cookie: str) -> None:
        self.name = name
        self.sessions = sessions
        self.request = Request()  # the state does not hold it
        self.session = Session(State(sessions, lambda request: [cookie], self.request))
        self.response: dict[str, Any] = {"status": 200}
        self.outcome = Outcome()

    def step(self, act: str) -> None:
        session = self.session
        match act:
            case "read":
                session.get("a")
            case "write a" | "write b":
                session[act[-1]] = self.name
            case "same key":
                session["k"] = self.name
            case "flash":
                self.response["flash"] = self.name
            case "swap":
                session.swap("n", lambda n: (n or 0) + 1)
            case "logout":
                session.destroy()
            case "login":
                session.recreate()
                session["user"] = self.name
            case "commit":
                self._commit()

    def _commit(self) -> None:
        flash_response(self.response, flash_request(Request({"session": self.session})))
        state = session_state(self.session)
        assert state is not None
        try:
            self.outcome = commit(state, 200)
        except SessionGone:
            pass


class Stored:
    """What the model has under one id; `data` is None once it is dead."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data: dict[str, Any] | None = data
        self.moved_to: Stored | None = None
        self.messages = 0  # the oldest is shown first, by the order of the commits

    def last(self) -> Stored:
        """The id to which the session moved, step by step; itself if it did not."""
        return self if self.moved_to is None else self.moved_to.last()


class Model:
    """The same request by the words of the contract alone."""

    def __init__(self, name: str, stored: Stored) -> None:
        self.name = name
        self.stored = stored
        self.base: dict[str, Any] = {}
        self.view: dict[str, Any] = {}
        self.was_live = False
        self.message = False
        self.ending: str | None = None
        self.started: Stored | None = None  # the session that this request began

    def step(self, act: str) -> None:
        match act:
            case "read":
                if not self.base and self.ending is None and self.stored.data is not None:
                    self.base, self.view = dict(self.stored.data), dict(self.stored.data)
                    self.was_live = True
            case "write a" | "write b":
                self.view[act[-1]] = self.name
            case "same key":
                self.view["k"] = self.name
            case "flash":
                self.message = True
            case "swap":
                self._swap()
            case "logout":
                self.ending, self.view = "logout", {}
            case "login":
                self.ending = self.ending or "login"
                self.view["user"] = self.name
            case "commit":
                self._commit()

    def _swap(self) -> None:
        if self.ending is None and self.was_live and self.stored.data is not None:
            self.stored.data["n"] = self.base["n"] = self.view["n"] = self.stored.data["n"] + 1
        else:
            self.was_live = self.was_live and self.ending is not None
            self.view["n"] = (self.view.get("n") or 0) + 1

    def _take_messages(self) -> None:
        waiting = sorted(key for key in self.view if key.startswith(FLASH))
        if self.message:
            for key in waiting:
                del self.view[key]
            self.stored.messages += 1
            self.view[f"{FLASH}{self.stored.messages:016}-{self.name}"] = self.name
        elif self.ending != "logout" and waiting:
            del self.view[waiting[0]]

    def _commit(self) -> None:
        self._take_messages()
        changed = {k: v for k, v in self.view.items() if k not in self.base or self.base[k] != v}
        removed = self.base.keys() - self.view.keys()
        live = self.stored.data
        if self.ending == "logout":
            self.stored.last().data = None
            self.started = Stored(self.view) if self.view else None
        elif self.ending == "login":
            inherited = {k: v for k, v in self._inherited().items() if k not in removed}
            if self.message:
                inherited = {k: v for k, v in inherited.items() if not k.startswith(FLASH)}
            self.started = Stored({**inherited, **changed})
            if live is not None:
                self.stored.data, self.stored.moved_to = None, self.started
        elif live is not None and self.was_live:
            self.stored.data = {k: v for k, v in live.items() if k not in removed} | changed

    def _inherited(self) -> dict[str, Any]:
        """What a login takes along: all that is live, or what a session that moved still holds
        unchanged.
        """
        if self.stored.data is not None:
            return self.stored.data
        moved = self.stored.last().data or {}
        return {
            k: v
            for k, v in self.base.items()
            if k in moved and moved[k] == v and not k.startswith(FLASH)
        }


def orders(counts: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every order of the steps of requests that have so many steps each."""
    if len(counts) == 1:
        yield (0,) * counts[0]
        return
    total, last = sum(counts), len(counts) - 1
    for places in combinations(range(total), counts[-1]):
        for rest in orders(counts[:-1]):
            others = iter(rest)
            yield tuple(last if place in places else next(others) for place in range(total))


def plain(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Contents with messages by what they say, since each has a random name."""
    if data is None:
        return None
    messages = sorted(str(value) for key, value in data.items() if key.startswith(FLASH))
    return {k: v for k, v in data.items() if not k.startswith(FLASH)} | {"flash": messages}


def found(store: Any, value: str | None) -> dict[str, Any] | None:
    """What the store has under a cookie's value."""
    loaded = store.load(hash_id(value, NAME)) if value is not None else None
    return None if loaded is None or loaded.record is None else codec.decode(loaded.record)


def holds(
    make_store: Callable[[], Any], scripts: tuple[Script, ...], order: tuple[int, ...]
) -> bool:
    """Whether the package ends where the model does, for one order of the steps."""
    store = make_store()
    sessions = ServerSideSessions(store, NAME, Lifetime())
    start = START | {WAITING: "waiting"}
    cookie = sessions.create(codec.encode(start))
    stored = Stored(dict(start))
    real = [Real(str(number), sessions, cookie) for number in range(len(scripts))]
    model = [Model(str(number), stored) for number in range(len(scripts))]
    steps = [iter(script) for script in scripts]
    for number in order:
        act = next(steps[number])
        real[number].step(act)
        model[number].step(act)
    started = [found(store, r.outcome.value) if r.outcome.changed else None for r in real]
    return plain(found(store, cookie)) == plain(stored.data) and [
        plain(data) for data in started
    ] == [plain(m.started.data if m.started else None) for m in model]


class RecordingStore:
    """A memory store that records its calls, with a number for each key and without random
    names.
    """

    def __init__(self) -> None:
        self._store = memory_store()
        self._keys: dict[str, int] = {}
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def call(key: str, *arguments: Any) -> Any:
            told = [self._tell(argument) for argument in arguments if not callable(argument)]
            self.calls.append((name, self._number(key), *told))
            return getattr(self._store, name)(key, *arguments)

        return call

    def _tell(self, argument: Any) -> str:
        if isinstance(argument, Change):
            argument = sorted(argument.changed.items()), sorted(argument.removed)
        told = re.sub(r"[0-9a-f]{64}", lambda key: self._number(key[0]), repr(argument))
        return re.sub(r"[0-9a-f]{16}-\w+", "name", told)

    def _number(self, key: str) -> str:
        return f"key {self._keys.setdefault(key, len(self._keys))}"


Walk = tuple[tuple[Script, ...], tuple[int, ...], int]


def every_order(groups: list[tuple[Script, ...]]) -> Iterator[Walk]:
    """Every order of every group, each standing for itself."""
    for scripts in groups:
        for order in orders(tuple(len(script) for script in scripts)):
            yield scripts, order, 1


def distinct_orders(groups: list[tuple[Script, ...]]) -> list[Walk]:
    """The orders that differ for a store, and how many each stands for.

    Two orders are one to a store that is asked the same things in the same sequence: until it
    answers one of them otherwise than it should, it cannot tell them apart.
    """
    kinds: dict[tuple[Any, ...], Walk] = {}
    for scripts, order, _ in every_order(groups):
        store = RecordingStore()
        assert holds(lambda: store, scripts, order)
        kind = tuple(store.calls)
        first = kinds.get(kind, (scripts, order, 0))
        kinds[kind] = *first[:2], first[2] + 1
    return list(kinds.values())


def explore(
    make_store: Callable[[], Any], walks: Iterable[Walk]
) -> tuple[int, list[tuple[tuple[Script, ...], tuple[int, ...]]]]:
    """How many orders were walked, or equal a walked one, and those that broke the contract."""
    walked, broken = 0, []
    for scripts, order, stands_for in walks:
        walked += stands_for
        if not holds(make_store, scripts, order):
            broken.append((scripts, order))
    return walked, broken
