"""The loop behind `Store.swap`, which every server-side store shares."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from .. import codec


def compare_and_set(
    read: Callable[[], tuple[str, Any] | None],
    name: str,
    change: Callable[[str | None], str],
    write: Callable[[str, Any], bool],
    extend: Callable[[float], object] | None = None,
) -> str | None:
    """Set one key to `change(its encoded value or None)`, and return the text that was set.

    read: return the live session's record and version, or None if it is not live. `compare_and_set`
        then returns None.
    write: store a record if the session still has this version, and return whether it did. If not,
        another request has succeeded, so each new round means progress for somebody.
    extend: called with the seconds that `change` took, so that the caller's own work does not use
        up the time limit of the store's call.

    >>> cell = ['1{"n": 1}', "first"]
    >>> def write(record, version):
    ...     cell[:] = record, "second"
    ...     return True
    >>> compare_and_set(lambda: tuple(cell), "n", lambda text: str(int(text) + 1), write)
    '2'
    """
    while True:
        found = read()
        if found is None:
            return None
        record, version = found
        started = monotonic()
        text = change(codec.value_text(record, name))
        if extend is not None:
            extend(monotonic() - started)
        if write(codec.merge(record, {name: text}, ()), version):
            return text
