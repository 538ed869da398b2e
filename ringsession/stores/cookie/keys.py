"""Judge the key of a cookie store: whoever guesses it can write any session."""

from __future__ import annotations

import logging

log = logging.getLogger("ringsession")

_LEAST = 16  # bytes
_FEWEST = 5  # different bytes; of 16 random hexadecimal digits, 1 in 2,000,000 keys has fewer

PUBLISHED = frozenset(
    key.encode() if isinstance(key, str) else key
    for key in (
        # our own documentation and that of Ring
        "a 16-byte secret",
        "a secret of at least 16 bytes",
        "a secret of at least 16 bytes; python -m ringsession key prints a good one",
        "at least 16 bytes; python -m ringsession key prints a good one",
        "the key before it, which only opens",
        "the key that signed the cookies so far",
        "the new key, 16 bytes or more",
        "the old key, 16 bytes or more",
        # Flask's, of today and of earlier versions
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        b'_5#y2L"F4Q8z\n\xec]/',
        "A0Zr98j/3yX R~XHH!jmN]LWX/,?RT",
        # Luminus's, for Ring
        "BuD3KgdAXhDHrJXu",
    )
)
"""Keys that documentation shows."""

_KNOWN = (
    "A key of the cookie store is known to everybody, since documentation shows it: whoever uses it"
    " can write any session. Use another one: `python -m ringsession key` prints it."
)


def find_weakness(key: str | bytes) -> str | None:
    """Return why a key may not be used, or None. The text does not show the key.

    >>> find_weakness("changeme" * 4)
    'expected random bytes, got the same few over and over'
    """
    octets = key.encode() if isinstance(key, str) else key
    size = len(octets)
    if size < _LEAST:
        return f"expected at least {_LEAST} bytes, got {size}"
    # A key that repeats fewer bytes is no better than they are.
    lengths = range(1, min(_LEAST, size // 2 + 1))
    repeats = any(octets.startswith(octets[length:]) for length in lengths)
    if repeats or len(set(octets)) < _FEWEST:
        return "expected random bytes, got the same few over and over"
    return None


def check_key(key: str | bytes) -> bytes:
    """Return the bytes of a key. A key that is known to everybody is logged.

    Raises TypeError or ValueError for a key that may not be used. The message does not show it.
    """
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"key: expected str or bytes, got {type(key).__name__}")
    weakness = find_weakness(key)
    if weakness:
        raise ValueError(f"key: {weakness}; `python -m ringsession key` prints a good one")
    octets = key.encode() if isinstance(key, str) else key
    if octets in PUBLISHED:
        log.warning(_KNOWN)
    return octets
