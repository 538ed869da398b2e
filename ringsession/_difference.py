"""What a request did to a session, from what was loaded and what is there at the end; pure.

Owns the comparison and the contents under a new id. Knows records and values, no store and no request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import codec
from .stores import Change

RESERVED = "ringsession/"  # keys of the layers themselves; a handler neither sees nor sets them
FLASH = f"{RESERVED}flash/"

EMPTY = codec.encode({})


def difference(before: str, data: Mapping[str, Any], order: Sequence[str] = ()) -> Change | None:
    """The change from a record to these contents; None if there is none, types included.

    order: the record's keys; only where the contents have others is it worth looking whether no more than the order changed.

    >>> difference(EMPTY, {"n": 1}).changed, difference(codec.encode({"n": 1}), {"n": 1})
    ({'n': '1'}, None)
    """
    record = codec.encode(data)
    if record == before:
        return None
    change = Change(before, record)
    return change if list(data) == order or change.changed or change.removed else None


def renew(claimed: str, change: Change | None, given: Mapping[str, Any] | None) -> str:
    """The record for a new id, from the last one under the old id and what this request did.

    given: the handler's own contents, where it gave them whole. Of the layers' keys only messages to the
    user go along, the newest ones; secrets and deadlines are made anew.
    """
    changed = change.changed if change else {}
    merged = codec.decode(codec.merge(claimed, changed, change.removed if change else ()))
    visible = {key: merged[key] for key in merged if not key.startswith(RESERVED)}
    messages = [key for key in merged if key.startswith(FLASH)]
    newest = [key for key in messages if key in changed] or messages
    return codec.encode(
        {**(visible if given is None else given), **{key: merged[key] for key in newest}}
    )
