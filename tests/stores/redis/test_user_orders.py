"""Every order of the commands of `end_sessions` and of the requests beside it, on a real server.

Each actor runs in a greenlet that stops before each command, and a schedule says whose turn it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from ringsession import codec
from ringsession.stores import Lifetime, SessionGone
from ringsession.stores.ids import hash_id, hash_owner
from ringsession.stores.logins import UserTerms
from ringsession.stores.redis import scripts, scripts_users, users
from ringsession.stores.redis.connections import ServerConnections
from ringsession.stores.redis.scripts import make_script
from ringsession.stores.redis.store import RedisStore
from ringsession.stores.server_side import ServerSideSessions
from tests.servers import Server

greenlet = pytest.importorskip("greenlet")
pytestmark = pytest.mark.server

NAME = "id"
ANN, BEN = hash_owner("ann", NAME), hash_owner("ben", NAME)
SAMPLE = 480  # orders of all scenes together


class _Gated(ServerConnections):
    """Connections whose user stops before each command, until it is its turn."""

    def ask(self, key: bytes, commands: Any, deadline: float) -> list[Any]:
        parent = greenlet.getcurrent().parent
        if parent is not None:
            parent.switch("a command")
        return super().ask(key, commands, deadline)


class _Renewal:
    """A move that changes nothing, as a request that only calls `recreate()`."""

    remember = confirms = False
    handle: str | None = None

    def of_live(self, record: str) -> str:
        return record

    def of_moved(self, record: str) -> str:
        return record

    def alone(self) -> None:
        return None


class World:
    """One session of ann and one of ben on an empty server, and requests beside an end of all."""

    def __init__(self, client: Any) -> None:
        client.flushdb()
        self.store = RedisStore(_Gated(client, 2), "ringsession:")
        self.sessions = ServerSideSessions(
            self.store, NAME, Lifetime(1800, 3600), UserTerms("user")
        )
        self.first = self.sessions.create(codec.encode({"user": "ann"}))
        self.ben = self.sessions.create(codec.encode({"user": "ben"}))
        self.loaded = self.sessions.load(self.first)
        assert self.loaded is not None
        self.steps = 0
        self.end_began = self.end_returned = 10**9
        self.login_began = 10**9
        self.later: str | None = None

    def end(self) -> None:
        self.end_began = self.steps
        self.store.end_sessions(ANN)
        self.end_returned = self.steps

    def move(self) -> None:
        self.sessions.recreate(self.first, self.loaded, _Renewal())

    def log_in(self) -> None:
        self.login_began = self.steps
        try:
            self.later = self.sessions.create(codec.encode({"user": "ann", "later": True}))
        except SessionGone:
            pass

    def run(self, actors: tuple[str, ...], choose: Callable[[int], int]) -> str | None:
        """Run the actors to their ends. Return what is wrong then, or None."""
        waiting = [greenlet.greenlet(getattr(self, name)) for name in actors]
        waiting = [each for each in waiting if each.switch() is not None]
        while waiting:
            self.steps += 1
            turn = waiting[choose(len(waiting))]
            turn.switch()
            waiting = [each for each in waiting if not each.dead]
        return self.find_fault()

    def find_fault(self) -> str | None:
        assert self.loaded is not None
        rows = self.store.find_sessions(ANN)
        if any(row.handle == self.loaded.handle for row in rows):
            return "a session of the ended login is live"
        for key in self.store._connections._client.keys("ringsession:" + "?" * 64):
            loaded = self.store.load(key.decode()[len("ringsession:") :])
            if loaded is not None and loaded.record and loaded.handle == self.loaded.handle:
                return "a session of the ended login is live, and in no index"
        if self.later is not None and self.login_began >= self.end_returned:
            found = self.store.load(str(hash_id(self.later, NAME)))
            if found is None or found.record is None:
                return "a login after the end of all was ended"
        if len(self.store.find_sessions(BEN)) != 1:
            return "the session of another user was ended"
        return None


SCENES = {
    "a move": ("end", "move"),
    "two moves": ("end", "move", "move"),
    "a move and a login": ("end", "move", "log_in"),
    "two ends and a move": ("end", "end", "move"),
}


def walk(client: Any, actors: tuple[str, ...]) -> Iterator[str | None]:
    """Run every order of the actors' commands. Yield what is wrong after each."""
    todo: list[list[int]] = [[]]
    while todo:
        fixed = todo.pop()
        widths: list[int] = []

        def choose(width: int) -> int:
            widths.append(width)
            return fixed[len(widths) - 1] if len(widths) <= len(fixed) else 0

        yield World(client).run(actors, choose)
        for place in range(len(fixed), len(widths)):
            chosen = [*fixed, *[0] * (place - len(fixed))]
            todo += [[*chosen, other] for other in range(1, widths[place])]


def sample(client: Any, actors: tuple[str, ...], count: int) -> str | None:
    """Run so many orders. Return the first fault."""
    chance = random.Random("a seed")
    faults = (World(client).run(actors, chance.randrange) for _ in range(count))
    return next((fault for fault in faults if fault is not None), None)


@pytest.fixture
def client(valkey: Server) -> Iterator[Any]:
    with redis.Redis(port=valkey.port, socket_timeout=2) as connected:
        # A script that the server lacks costs a command more, and each order must have the same.
        for module in (scripts, scripts_users):
            for script in vars(module).values():
                if isinstance(script, scripts.Script):
                    connected.script_load(script.text)
        yield connected


@pytest.mark.parametrize("scene", SCENES)
def test_no_session_is_accepted_after_its_end_in_sampled_orders(client: Any, scene: str) -> None:
    assert sample(client, SCENES[scene], SAMPLE // len(SCENES)) is None


@pytest.mark.soak
@pytest.mark.parametrize("scene", SCENES)
def test_no_session_is_accepted_after_its_end_in_any_order(client: Any, scene: str) -> None:
    count = 0
    for fault in walk(client, SCENES[scene]):
        assert fault is None
        count += 1
    print(f"{scene}: {count} orders")


def _without(script: Any, line: str, other: str) -> Any:
    text = script.text.decode()
    assert line in text
    return make_script(text.replace(line, other))


@pytest.mark.parametrize(
    "mutant",
    [
        ("END", "  redis.call('SET', KEYS[1], 'D - -', 'PX', 60000)\n", ""),
        ("ENLIST", "not entry and ARGV[3] == '1'", "false"),
    ],
    ids=["without a planted tombstone", "without a fence"],
)
def test_the_orders_find_a_store_that_breaks_the_promise(
    client: Any, mutant: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, line, other = mutant
    script = _without(getattr(scripts_users, name), line, other)
    if name == "ENLIST":
        script = _without(script, "entry and string.sub(entry, 1, 1) ~= '+'", "false")
    monkeypatch.setattr(users, name, script)
    fault = sample(client, SCENES["two moves"], 2_000)
    assert fault is not None and fault.startswith("a session of the ended login is live")
