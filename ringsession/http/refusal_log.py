"""Log refused requests without letting a client fill the disk: a few lines a second.

Anybody can send requests that are refused, as many as the server takes.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable

_MOST = 10  # lines
_SECONDS = 1.0


class RefusalLog:
    """Write warnings, at most 10 a second. A line says how many were left out before it.

    Make one for each reason to refuse, in the module that refuses; it counts for the process.

    >>> refusals = RefusalLog(logging.getLogger("ringsession"))
    """

    def __init__(self, log: logging.Logger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._written: deque[float] = deque(maxlen=_MOST)  # when the last lines were
        self._left_out = 0

    def warn(self, line: str) -> None:
        """Write one line at WARNING, or count it. Escape in it what a client sent."""
        left_out = self._take()
        if left_out is None:
            return
        more = f" Left out before it: {left_out} such lines." if left_out else ""
        self._log.warning("%s%s", line, more)

    def _take(self) -> int | None:
        """Return how many lines were left out before this one, or None to leave this one out."""
        if self._process != os.getpid():
            self._begin()  # another thread may have held the lock at the fork
        now = self._clock()
        with self._lock:
            if len(self._written) == _MOST and now - self._written[0] < _SECONDS:
                self._left_out += 1
                return None
            self._written.append(now)
            left_out, self._left_out = self._left_out, 0
        return left_out
