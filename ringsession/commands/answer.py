"""The answer of a command, and the store that a command works on."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..stores import UserStore
from ..stores.memory import MemoryStore
from ..stores.shown_url import show_store
from ..users import UserSessions, user_sessions


class Answer(NamedTuple):
    """What a command has found or done.

    data: for `--json`: dicts, lists, texts and numbers. text: for a person. code: the exit code.
    """

    data: Any
    text: str
    code: int = 0


class WrongUsage(Exception):
    """The words of the command line make no command."""


class Place(NamedTuple):
    """Where a command finds the sessions of an app: the store, and the cookie's name."""

    store: Any
    cookie_name: str

    def find_user_store(self) -> UserStore:
        """Return the store. Raises ValueError for one that cannot find, count or end sessions."""
        if isinstance(self.store, MemoryStore):
            raise ValueError(
                "memory_store: only the app's own process sees these sessions. Use a store that"
                " processes share, such as sqlite_store(path)"
            )
        if not isinstance(self.store, UserStore):
            raise ValueError(
                f"expected a server-side store that finds users, got {show_store(self.store)}"
            )
        return self.store

    def find_users(self) -> UserSessions:
        """Return what lists and ends sessions. Raises ValueError as `find_user_store`."""
        return user_sessions(self.find_user_store(), cookie_name=self.cookie_name)
