"""Look up a Sentinel's primary or a cluster's slots, with a deadline.

The client library asks several servers in turn, each with its own timeout and retries. So the
lookup runs in its own thread, and each caller waits only until its deadline. An exception in the
caller, such as a worker's timeout, does not interrupt the library's connections either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any


def seconds_left(deadline: float) -> float:
    """Return the seconds until a monotonic deadline. Raise TimeoutError if it has passed."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Run:
    """One run of a lookup, for all callers that wait for it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.pid = os.getpid()
        self.has_ended = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None
        self._work = work

    def __call__(self) -> None:
        try:
            self.result = self._work()
        except Exception as error:
            self.error = error
        finally:
            self.has_ended.set()


class Lookup:
    """Run a function in a thread. Callers at the same time share one run."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._run: _Run | None = None

    def wait(self, deadline: float) -> Any:
        """Return the function's result, or raise its exception. Raise TimeoutError if late."""
        run = self._run
        if run is None or run.has_ended.is_set() or run.pid != os.getpid():
            run = _Run(self._work)
            threading.Thread(target=run, name="ringsession-redis-lookup", daemon=True).start()
            self._run = run  # only now, so that no caller waits for a thread that did not start
        if not run.has_ended.wait(seconds_left(deadline)):
            raise TimeoutError
        if run.error is not None:
            raise run.error
        return run.result
