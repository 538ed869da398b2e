"""Find a request that somebody expanded to a plain dict, `{**request, "user": ann}`.

That reads every key: it takes the flash, and makes a CSRF token and so a session.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from types import FrameType
from typing import Any

INSTEAD = 'write request | {"user": ...}, which computes no key'
_PROBLEM = (
    "a middleware passed on a plain dict as the request, such as {**request, ...}. That reads every"
    " key: it takes the flash message, and makes a CSRF token and so a session for each visitor."
)
_has_warned = False


def is_expanded(request: Mapping[str, Any]) -> bool:
    """Return whether a plain dict was made of a server's request. One made by hand was not.

    >>> is_expanded({"uri": "/", "environ": {"REQUEST_METHOD": "GET"}})
    False
    """
    environ = request.get("environ")
    return isinstance(environ, dict) and "ringsession.exchange" in environ


def warn_of_expanded() -> None:
    """Warn once in this process, with the place of the code outside this package."""
    global _has_warned
    if _has_warned:
        return
    _has_warned = True
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{_PROBLEM} Instead {INSTEAD}.", RuntimeWarning, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == __package__
