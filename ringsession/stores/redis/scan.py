"""Look at all sessions in Redis or Valkey, in small steps between which every request goes on.

A pass over the keys returns each key that is there from its start to its end (SCAN), so whatever
may have been missed shows: a session that has moved leaves a tombstone, and a slot of a cluster
that has moved changes the layout. Then another pass follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any, NamedTuple

from .. import StoreUnavailable
from ..deadlines import TOMBSTONE
from .call import Call
from .connections import Connections
from .exchange import Broken, Refused, Server
from .layout import LONGEST_HEAD, read_time
from .replies import Command
from .scripts_users import END_OLD

_COUNT = b"500"  # keys of one step
_LONGEST = 600.0  # seconds of all passes together
_PAUSE = 0.05  # seconds between two passes
_KEY = re.compile(rb"[0-9a-f]{64}\Z")
_SPECIAL = re.compile(r"[*?\[\]\\^-]")


class _Head(NamedTuple):
    """What stands at the start of a string, and how long the string will live."""

    key: str
    kind: bytes
    created: bytes
    cookie: bytes
    began: bytes
    milliseconds: int  # to live

    def began_by(self, moment: int) -> bool:
        """Return whether the session began at a time, in milliseconds, at the latest."""
        began = self.created if self.began == b"-" else self.began
        return not began or int(began) <= moment


def _read_head(key: str, head: bytes, left: int) -> _Head:
    """Return the fields of a live session or of a tombstone; empty ones for any other string."""
    fields = head.partition(b"\n")[0].split(b" ")
    if fields[0] == b"L" and len(fields) >= 9:
        return _Head(key, b"L", fields[3], fields[7], fields[8], left)
    if fields[0] == b"M" and len(fields) >= 4:
        began = b"" if fields[2] == b"-" else fields[2]
        return _Head(key, b"M", b"", fields[1], began, left)
    return _Head(key, b"", b"", b"", b"", left)


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
            for head in self._heads(node)
        )

    def end_all(self, cookie: str) -> int:
        """End every session of a cookie that began before now. Return how many were live."""
        ended, until = 0, monotonic() + _LONGEST
        nodes = self._connections.nodes(self._deadline())
        now = max(int(read_time(self._ask(node, (b"TIME",))[0]) * 1000) for node in nodes)
        while True:
            before, began = self._layout(), monotonic()
            found, is_clean = 0, True
            for node in self._connections.nodes(self._deadline()):
                for head in self._heads(node):
                    if head.cookie != cookie.encode() or not head.began_by(now):
                        continue
                    if head.kind == b"L":
                        found += self._end(head.key, cookie, now)
                        is_clean = False
                    elif TOMBSTONE - head.milliseconds / 1000 <= monotonic() - began + 1:
                        is_clean = False  # it has moved during this pass, perhaps past us
            ended += found
            if is_clean and before == self._layout():
                return ended
            sleep(_PAUSE)
            if monotonic() > until:
                raise StoreUnavailable("redis_store: the cluster's slots move all the time")

    def _end(self, key: str, cookie: str, moment: int) -> bool:
        call = Call(self._connections, f"{self._prefix}{key}".encode())
        return bool(call.run(END_OLD, cookie.encode(), b"%d" % moment) == 1)

    def _heads(self, node: Server) -> Iterator[_Head]:
        """Yield the head of each session and tombstone on one server."""
        cursor, skip = b"0", len(self._prefix.encode())
        while True:
            step = (b"SCAN", cursor, b"MATCH", self._pattern, b"COUNT", _COUNT)
            cursor, names = self._ask(node, step)[0]
            names = [name for name in names if _KEY.match(name[skip:])]
            for name, head, left in self._look(node, names):
                if left >= 0 or left == -1:  # -2: the key has gone
                    yield _read_head(name[skip:].decode(), head, max(left, 0))
            if cursor == b"0":
                return

    def _look(self, node: Server, names: list[bytes]) -> Iterator[tuple[bytes, bytes, int]]:
        ranges = [(b"GETRANGE", name, b"0", b"%d" % LONGEST_HEAD) for name in names]
        lives = [(b"PTTL", name) for name in names]
        if not names:
            return
        try:
            replies = self._ask(node, *ranges, *lives)
        except Refused as refused:
            if refused.reply.code not in ("MOVED", "ASK", "TRYAGAIN"):
                raise
            replies = []  # a slot moves: ask for each key where it is now
            for commands in (ranges, lives):
                replies += [Call(self._connections, each[1]).ask(each)[0] for each in commands]
        yield from zip(names, replies[: len(names)], replies[len(names) :])

    def _layout(self) -> object:
        """Return which node of a cluster has which slots; an object of its own while one moves."""
        lines = []
        for node in self._connections.nodes(self._deadline()):
            for line in self._connections.layout(node, self._deadline()):
                lines.append(line)
                if b"[" in line:
                    return object()
        return sorted(lines)

    def _ask(self, node: Server, *commands: Command) -> list[Any]:
        try:
            return node.ask(commands, self._deadline())
        except Broken:
            return node.ask(commands, self._deadline())

    def _deadline(self) -> float:
        return monotonic() + self._connections.timeout
