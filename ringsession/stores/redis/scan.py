"""Look at all sessions in Redis or Valkey, in small steps between which every request goes on.

A pass over the keys returns each key that is there from its start to its end (SCAN). Whatever it
may have missed shows, and then another pass follows: a session that has moved leaves a tombstone,
a slot that has moved changes its cluster's layout, and another server process needs another
connection. A pass must be shorter than the life of a tombstone to see each one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from time import monotonic, sleep
from typing import Any, NamedTuple

from .. import StoreUnavailable
from ..deadlines import TOMBSTONE
from .call import Call
from .connections import Connections
from .exchange import Server
from .failures import Broken, Refused
from .layout import read_time
from .replies import Command
from .scripts_users import END_OLD

_COUNT = b"500"  # keys of one step
_AT_ONCE = 100  # sessions that end in one packet
_HEAD = b"200"  # bytes, which have all fields of a head up to `began`
_LONGEST = 600.0  # seconds of all passes together
_LONGEST_PASS = TOMBSTONE - 5.0  # seconds
_PAUSE = 0.05  # seconds between two passes
_KEY = re.compile(rb"[0-9a-f]{64}\Z")
_SPECIAL = re.compile(r"[*?\[\]\\^-]")
_SLOTS = 16_384  # of a cluster
_TOO_MANY = (
    "redis_store: ended {ended} sessions, but one look at all keys takes {took:.0f} s, and a"
    " session that moved meanwhile may be left"
)
_NO_REST = (
    f"redis_store: for {_LONGEST:.0f} s, sessions or slots of the cluster moved during each look at"
    " all keys, and a session may be left"
)


class _Head(NamedTuple):
    """What stands at the start of the string under a name."""

    name: bytes
    kind: bytes
    created: bytes
    cookie: bytes
    began: bytes

    def began_by(self, moment: int) -> bool:
        """Return whether the session began at a time, in milliseconds, at the latest."""
        began = self.created if self.began == b"-" else self.began
        return not began or int(began) <= moment


def _read_head(name: bytes, text: bytes) -> _Head:
    """Return the fields of a live session or of a tombstone; empty ones for any other string."""
    fields = text.partition(b"\n")[0].split(b" ")
    if fields[0] == b"L" and len(fields) >= 9:
        return _Head(name, b"L", fields[3], fields[7], fields[8])
    if fields[0] == b"M" and len(fields) >= 4:
        return _Head(name, b"M", b"", fields[1], b"" if fields[2] == b"-" else fields[2])
    return _Head(name, b"", b"", b"", b"")


def _count_slots(slots: bytes) -> int:
    """Return the number of slots of a range.

    >>> _count_slots(b"0-5460"), _count_slots(b"7"), _count_slots(b"[7->-0fa4]")
    (5461, 1, 0)
    """
    if slots.startswith(b"["):
        return 0
    first, _, last = slots.partition(b"-")
    return int(last or first) - int(first) + 1


class Scan:
    """Passes over all sessions under a prefix."""

    def __init__(self, connections: Connections, prefix: str) -> None:
        self._connections = connections
        self._prefix = prefix
        escaped = _SPECIAL.sub(lambda found: f"\\{found[0]}", prefix)
        self._pattern = f"{escaped}*".encode()

    def count(self) -> int:
        """Return the number of live sessions."""
        return sum(
            head.kind == b"L"
            for node in self._connections.nodes(self._deadline())
            for heads in self._steps(node)
            for head in heads
        )

    def end_all(self, cookie: str) -> int:
        """End every session of a cookie that began before now. Return how many were live."""
        ended, until = 0, monotonic() + _LONGEST
        # The clocks of a cluster's nodes differ, and a session keeps `began` where it moves to
        # another node. Only the latest time is late enough for all of them.
        nodes = self._connections.nodes(self._deadline())
        now = max(int(read_time(self._ask(node, (b"TIME",))[0]) * 1000) for node in nodes)
        while True:
            began, before = monotonic(), self._layout()
            found, is_clean = self._end_found(cookie, now)
            ended += found
            took = monotonic() - began
            if is_clean and took > _LONGEST_PASS:
                raise StoreUnavailable(_TOO_MANY.format(ended=ended, took=took))
            if is_clean and before is not None and before == self._layout():
                return ended
            if monotonic() > until:
                raise StoreUnavailable(_NO_REST)
            sleep(_PAUSE)

    def _end_found(self, cookie: str, now: int) -> tuple[int, bool]:
        """Make one pass. Return how many sessions it ended, and whether none was or can be left."""
        found, is_clean, began = 0, True, monotonic()
        # A cursor of SCAN is of no use in another process, behind another connection.
        nodes = [node.apart() for node in self._connections.nodes(self._deadline())]
        try:
            for node, heads in ((node, heads) for node in nodes for heads in self._steps(node)):
                old = [head for head in heads if head.cookie == cookie.encode()]
                old = [head for head in old if head.began_by(now)]
                live = [head.name for head in old if head.kind == b"L"]
                moved = [head.name for head in old if head.kind == b"M"]
                found += self._end(node, live, cookie, now)
                # One of these has moved during this pass, perhaps past us.
                is_fresh = self._find_age(node, moved) <= monotonic() - began + 1
                is_clean = is_clean and not live and not is_fresh
            return found, is_clean and all(node.opened == 1 for node in nodes)
        finally:
            for node in nodes:
                node.close()

    def _end(self, node: Server, names: list[bytes], cookie: str, moment: int) -> int:
        """End the sessions under these names if they are old. Return how many were live."""
        values, ended = (cookie.encode(), b"%d" % moment), 0
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            try:
                commands = ((b"EVALSHA", END_OLD.sha, b"1", name, *values) for name in some)
                answers = node.ask(tuple(commands), self._deadline())
            except (Broken, Refused):  # the server lacks the script, or a slot moves
                answers = [Call(self._connections, name).run(END_OLD, *values) for name in some]
            ended += answers.count(1)
        return ended

    def _find_age(self, node: Server, names: list[bytes]) -> float:
        """Return the seconds since the youngest of these tombstones was made."""
        lives = self._read(node, [(b"PTTL", name) for name in names])
        return TOMBSTONE - max(lives) / 1000 if lives else inf

    def _steps(self, node: Server) -> Iterator[list[_Head]]:
        """Yield the heads of the sessions and tombstones on one server, some at a time."""
        cursor, skip = b"0", len(self._prefix.encode())
        while True:
            step = (b"SCAN", cursor, b"MATCH", self._pattern, b"COUNT", _COUNT)
            cursor, names = self._ask(node, step)[0]
            names = [name for name in names if _KEY.match(name[skip:])]
            texts = self._read(node, [(b"GETRANGE", name, b"0", _HEAD) for name in names])
            yield list(map(_read_head, names, texts))
            if cursor == b"0":
                return

    def _read(self, node: Server, commands: list[Command]) -> list[Any]:
        """Return the answer to each command, whose second word is a key."""
        if not commands:
            return []
        try:
            return self._ask(node, *commands)
        except Refused as refused:
            if refused.reply.code not in ("MOVED", "ASK", "TRYAGAIN"):
                raise
        # A slot moves: ask for each key where it is now.
        return [Call(self._connections, each[1]).ask(each)[0] for each in commands]

    def _layout(self) -> list[list[bytes]] | None:
        """Return which node of a cluster has which slots.

        None: a slot is moving, or the known nodes do not have all slots.
        """
        nodes = self._connections.nodes(self._deadline())
        lines = [self._connections.layout(node, self._deadline()) for node in nodes]
        slots = [slot for _, *slots in filter(None, lines) for slot in slots]
        is_whole = not any(lines) or sum(map(_count_slots, slots)) == _SLOTS
        return sorted(lines) if is_whole and not any(b"[" in slot for slot in slots) else None

    def _ask(self, node: Server, *commands: Command) -> list[Any]:
        try:
            return node.ask(commands, self._deadline())
        except Broken:
            return node.ask(commands, self._deadline())

    def _deadline(self) -> float:
        return monotonic() + self._connections.timeout
