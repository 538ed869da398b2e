"""Say what opening a store may do: create what it lacks, such as its file, and ask its server.

`python -m ringsession` often runs as root. A file that it made would belong to root, and the app
could not open it. `flask ringsession` also loads an app whose table is missing, to create it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAY_CREATE: ContextVar[bool] = ContextVar("MAY_CREATE", default=True)
MAY_CHECK: ContextVar[bool] = ContextVar("MAY_CHECK", default=True)


@contextmanager
def opened_by_operator() -> Iterator[None]:
    """Let an app that is loaded inside create nothing, and check no store."""
    tokens = MAY_CREATE.set(False), MAY_CHECK.set(False)
    try:
        yield
    finally:
        MAY_CREATE.reset(tokens[0])
        MAY_CHECK.reset(tokens[1])
