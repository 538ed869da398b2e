"""Log refused requests without letting a client fill the disk: a few lines a second.

Anybody can send requests that are refused, as many as the server takes.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from .audit_log import EVENTS, find_fields, is_on, log

_MOST = 10  # lines
_SECONDS = 1.0


class RefusalLog:
    """Write the records of one event, at most 10 a second.

    A record says how many were left out before it. Make one for each reason to refuse, in the
    module that refuses; it counts for the process.

    >>> refusals = RefusalLog("csrf_refused")
    """

    def __init__(self, event: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._written: deque[float] = deque(maxlen=_MOST)  # when the last lines were
        self._left_out = 0

    def warn(
        self,
        *args: str | Callable[[], str],
        request: Mapping[str, Any] | None = None,
        reason: str,
    ) -> None:
        """Write one record, or count it.

        args: for the event's message; functions are called only if the record is written. Escape
            in them what a client sent.
        """
        if not is_on(self._event):
            return
        left_out = self._take()
        if left_out is None:
            return
        message = EVENTS[self._event].message
        if left_out:
            message, args = f"{message} Left out before it: %s such lines.", (*args, str(left_out))
        texts = [arg if isinstance(arg, str) else arg() for arg in args]
        fields = find_fields(self._event, request, reason=reason)
        log.log(EVENTS[self._event].level, message, *texts, extra=fields)

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
