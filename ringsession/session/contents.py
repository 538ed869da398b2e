"""What a request did to a session, from what was loaded and what is there at the end; pure.

Owns the comparison and the contents under a new id. Knows records and values, no store and no request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import codec
from ..stores import Change

RESERVED = "ringsession/"  # keys of the layers themselves; a handler neither sees nor sets them
FLASH = f"{RESERVED}flash/"
SECRETS = f"{RESERVED}anti_forgery/"  # one key for each secret
COOKIE_ATTRS = f"{RESERVED}cookie_attrs"  # those that a response gave, for later cookies

EMPTY = codec.encode({})


def is_disposable(data: Mapping[str, Any]) -> bool:
    """Whether a session holds nothing that anybody would miss: CSRF secrets alone.

    >>> is_disposable({f"{SECRETS}1": "00"}), is_disposable({f"{FLASH}1": "saved"})
    (True, False)
    """
    return all(key.startswith(SECRETS) or key == COOKIE_ATTRS for key in data)


def difference(
    before: str, data: Mapping[str, Any], order: Sequence[str] = (), *, disposable: bool = False
) -> Change | None:
    """The change from a record to these contents; None if there is none, types included.

    order: the record's keys; only where the contents have others is it worth looking whether no more than the order changed.
    disposable: see `Change`.

    >>> difference(EMPTY, {"n": 1}).changed, difference(codec.encode({"n": 1}), {"n": 1})
    ({'n': '1'}, None)
    """
    record = codec.encode(data)
    if record == before:
        return None
    change = Change(before, record, disposable=disposable)
    return change if list(data) == order or change.changed or change.removed else None


def renew(live: str, change: Change | None, given: Mapping[str, Any] | None) -> str:
    """The record for a new id, from the live one under the old id and what this request did.

    given: the handler's own contents, where it gave them whole. Of the layers' keys go along: messages to the user, the
    newest ones; the cookie's attributes; and CSRF secrets that this request made. Older secrets do not,
    so that a token from before a login is worth nothing after it.
    """
    changed = change.changed if change else {}
    merged = codec.decode(codec.merge(live, changed, change.removed if change else ()))
    visible = {key: merged[key] for key in merged if not key.startswith(RESERVED)}
    messages = [key for key in merged if key.startswith(FLASH)]
    kept = [key for key in messages if key in changed] or messages
    kept += [key for key in merged if key.startswith(SECRETS) and key in changed]
    kept += [COOKIE_ATTRS] if COOKIE_ATTRS in merged else []
    return codec.encode(
        {**(visible if given is None else given), **{key: merged[key] for key in kept}}
    )


def renew_moved(loaded: str, moved: str, change: Change | None) -> str:
    """The record for a new id, where another request moved the session after this one loaded it.

    moved: the live record to which it moved. This request's own changes count, and of the other keys that it loaded
    those that the moved session still holds unchanged. Messages stay with the moved session.

    >>> change = difference('1{"cart":1,"lang":"en"}', {"cart": 1, "lang": "en", "user": "ann"})
    >>> renew_moved('1{"cart":1,"lang":"en"}', '1{"cart":1,"user":"ann"}', change)
    '1{"cart":1,"user":"ann"}'
    """
    overwritten, removed = codec.difference(loaded, moved)
    inner = {key for key in codec.decode(loaded) if key.startswith(RESERVED)} - {COOKIE_ATTRS}
    gone = {*overwritten, *removed, *inner, *(change.removed if change is not None else ())}
    own = None if change is None else Change(EMPTY, codec.merge(EMPTY, change.changed, ()))
    return renew(codec.merge(loaded, {}, gone), own, None)
