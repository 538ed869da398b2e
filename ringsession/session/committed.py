"""The error of a change that comes too late."""

from __future__ import annotations


class SessionCommitted(RuntimeError):
    """The session cannot change any more: the response has already started."""
