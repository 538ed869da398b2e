"""Make one call of the Redis store: its exchanges about one key, within one deadline.

This module decides which commands are sent again after a failure, and when to send the text of a
script.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from .connections import Connections
from .failures import Broken, Refused
from .layout import Live, Tombstone, read_or_refuse, read_time
from .replies import Command
from .scripts import Script


class Call:
    """Send commands about one key until a deadline."""

    def __init__(
        self, connections: Connections, name: bytes, deadline: float | None = None
    ) -> None:
        self._connections = connections
        self.name = name
        self.deadline = monotonic() + connections.timeout if deadline is None else deadline

    def extend(self, seconds: float) -> None:
        """Move the deadline, since the application's own function took this time."""
        self.deadline += seconds

    def ask(self, *commands: Command) -> list[Any]:
        """Send commands that may be sent twice. Send them again if the connection broke."""
        try:
            return self._connections.ask(self.name, commands, self.deadline)
        except Broken:
            return self._connections.ask(self.name, commands, self.deadline)

    def look(self) -> tuple[Live | Tombstone | None, float]:
        """Return the session or tombstone under the key, or None, and the server's time."""
        text, time = self.ask((b"GET", self.name), (b"TIME",))
        return None if text is None else read_or_refuse(text), read_time(time)

    def run(self, script: Script, *arguments: bytes, may_repeat: bool = True) -> Any:
        """Run a script. If the connection broke, run it again if it may repeat or was not sent."""
        try:
            return self.run_once(script, *arguments)
        except Broken as broken:
            if broken.was_sent and not may_repeat:
                raise
            return self.run_once(script, *arguments)

    def run_once(self, script: Script, *arguments: bytes) -> Any:
        """Run a script. Send its text if the server does not know it yet."""
        keys_and_values = (b"1", self.name, *arguments)
        try:
            command = (b"EVALSHA", script.sha, *keys_and_values)
            return self._connections.ask(self.name, (command,), self.deadline)[0]
        except Refused as refused:
            if refused.reply.code != "NOSCRIPT":
                raise
        command = (b"EVAL", script.text, *keys_and_values)
        return self._connections.ask(self.name, (command,), self.deadline)[0]
