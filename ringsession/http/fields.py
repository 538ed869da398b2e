"""Decide which header fields a response may hold.

Only a field's characters are checked here; the meaning of a field is left to the layers.
"""

from __future__ import annotations

from .grammar import CONTROL, URL_CONTROL

_URLS = frozenset(("location", "content-location"))  # the headers whose value is a URL


def is_safe_field(name: str, value: str) -> bool:
    """Return whether a header is free of control characters. A value that is no URL may hold tabs.

    >>> is_safe_field("X-Note", "a\\tb"), is_safe_field("Location", "/\\t/evil.example")
    (True, False)
    """
    if (name + value).isprintable():
        return True
    pattern = URL_CONTROL if name.lower() in _URLS else CONTROL
    return not (pattern.search(value) or URL_CONTROL.search(name))


def check_field(name: str, value: str) -> None:
    """Raise ValueError unless `is_safe_field(name, value)`."""
    if not is_safe_field(name, value):
        raise unsafe_field(name)


def unsafe_field(name: str) -> ValueError:
    """Return the error for a header that cannot be sent. It names the header, not its value."""
    return ValueError(
        f'response["headers"][{name!r:.60}]: expected no control character, and none outside'
        " ISO-8859-1; percent-encode it in a URL, or leave it out"
    )
