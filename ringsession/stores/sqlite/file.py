"""Create a SQLite file, and notice that another file stands in its place.

A process would go on with a file that was moved away, and the others with the new one.
"""

from __future__ import annotations

import os
import sqlite3
import time

_SECONDS_PER_LOOK = 1.0


def create_file(path: str) -> None:
    """Create an empty file with mode 600, unless one exists."""
    # Never open an existing file: closing it would drop this process's locks on it (POSIX).
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass


class WatchedFile:
    """Look once a second whether a path still leads to the same file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known = self._find()
        self.next_look = 0.0

    def _find(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def look(self) -> None:
        """Raise sqlite3.DatabaseError if the file is not there, or is another one."""
        found = self._find()
        if self._known is None:
            raise sqlite3.DatabaseError("the file does not exist")
        if found != self._known:
            raise sqlite3.DatabaseError(
                "the file has been replaced or deleted; restart the app to use the new file"
            )
        self.next_look = time.monotonic() + _SECONDS_PER_LOOK
