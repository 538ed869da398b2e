"""Read the headers that say what a client has already, and which part of a file it wants.

The client chooses these texts, so reading them takes linear time. Werkzeug reads the dates, and
the layers compare the result with their response.
"""

from __future__ import annotations

import re

# RFC 9110 section 8.8.3: entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE. Some clients send no quotes.
_ENTITY_TAG = re.compile(
    r"""(?:\A|,)[ \t]*([Ww]/)?(?:"([^"]*)"|([^" \t,]+))[ \t]*(?=,|\Z)""", re.ASCII
)
# RFC 9110 section 14.1.2: int-range = first-pos "-" [ last-pos ]; suffix-range = "-" suffix-length.
_BYTE_RANGE = re.compile(
    r"[ \t]*bytes[ \t]*=[ \t]*(?:([0-9]+)[ \t]*-[ \t]*([0-9]+)?|-([0-9]+))[ \t]*\Z", re.I | re.A
)
_LONGEST_RANGE = 100  # characters; one range takes fewer, and the pattern's time stays short


def read_entity_tags(header: str) -> list[str]:
    """Return the entity tags in a header, without "W/" and quotes; skip what is no entity tag.

    >>> read_entity_tags('W/"a", "b,c", "d'), read_entity_tags("*")
    (['a', 'b,c'], ['*'])
    """
    return [quoted or bare for _, quoted, bare in _ENTITY_TAG.findall(header)]


def read_strong_tags(header: str) -> list[str]:
    """Return the entity tags in a header that are not weak, for a strong comparison.

    >>> read_strong_tags('W/"a", "b"')
    ['b']
    """
    return [quoted or bare for weak, quoted, bare in _ENTITY_TAG.findall(header) if not weak]


def read_byte_range(header: str) -> tuple[int, int | None] | None:
    """Return the first byte and the byte after the last one of a Range header with one range.

    A range of the last n bytes is (-n, None), and (0, 0) if n is 0. The result is None for every
    other header.

    >>> read_byte_range("bytes=0-3"), read_byte_range("bytes=5-"), read_byte_range("bytes=-2")
    ((0, 4), (5, None), (-2, None))
    """
    found = _BYTE_RANGE.match(header) if len(header) <= _LONGEST_RANGE else None
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix:
        return (-int(suffix), None) if suffix.strip("0") else (0, 0)
    start, stop = int(first), int(last) + 1 if last else None
    return (start, stop) if stop is None or start < stop else None
