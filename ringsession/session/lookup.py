"""Find the session of a request among the values of its cookie.

A request may bring several values under one name. Each is asked for; one live session counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..http.audit_log import audit
from ..request import Request
from ..stores import Loaded
from ..stores.backend import Backend

Load = Callable[[str], "Loaded | None"]


class Found(NamedTuple):
    """The one value that counts and the store's answer for it, or rivals: several live values."""

    value: str | None = None
    loaded: Loaded | None = None
    rivals: Sequence[str] = ()


NOTHING = Found()


def look_up(backend: Backend, request: Request, values: Sequence[str], load: Load) -> Found:
    """Ask the store for each value. If none is known to it, ask for the values of a former cookie.

    load: of the backend, `load` or `load_late`. Raises StoreUnavailable.
    """
    found = NOTHING
    if len(values) > 1:
        found = _choose(backend, request, values, load)
    elif values:
        found = Found(values[0], load(values[0]))
    if backend.find_former is None or found.rivals or not _is_unknown(found.loaded):
        return found
    former = [value for value in backend.find_former(request) if value not in values]
    return _choose(backend, request, former, load) if former else found


def _is_unknown(loaded: Loaded | None) -> bool:
    return loaded is None or loaded.outlived


def _choose(backend: Backend, request: Request, values: Sequence[str], load: Load) -> Found:
    """Let the one live session count; without any, the first that another request ended."""
    answers = [(value, load(value)) for value in values]
    found = [(value, loaded) for value, loaded in answers if loaded is not None]
    live = [pair for pair in found if pair[1].record is not None]
    if len(live) > 1:
        chosen = backend.choose(live)
    else:
        chosen = next(iter(live or found), None)
    if chosen is not None:
        return Found(*chosen)
    if live:
        audit("cookie_ambiguous", len(live), request=request, reason="several live sessions")
    return Found(rivals=[value for value, _ in live])
