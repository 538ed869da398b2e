"""Look something up that the client library cannot bound: a Sentinel's primary, a cluster's slots.

The library asks several servers in turn, each with its own timeout and retries. So the lookup runs
in a thread of its own, and each caller waits no longer than its deadline. The thread also keeps an
exception of the caller, such as a worker's timeout, out of the library's connections.
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
        """Return the result, or raise the function's exception. Raise TimeoutError if it is late."""
        run = self._run
        if run is None or run.has_ended.is_set() or run.pid != os.getpid():
            run = _Run(self._work)
            threading.Thread(target=run, name="ringsession-redis-lookup", daemon=True).start()
            self._run = run  # not before: nobody may wait for a thread that never started
        if not run.has_ended.wait(seconds_left(deadline)):
            raise TimeoutError
        if run.error is not None:
            raise run.error
        return run.result
