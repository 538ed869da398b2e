"""Say whether this process may create what a store lacks, such as its file.

`python -m ringsession` often runs as root. A file that it made would belong to root, and the app
could not open it.
"""

from __future__ import annotations

from contextvars import ContextVar

MAY_CREATE: ContextVar[bool] = ContextVar("MAY_CREATE", default=True)
