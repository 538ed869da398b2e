"""Make the validators of a file: its ETag and its Last-Modified.

A file's time says nothing where an archive or a build gives all files the same one, so the ETag is
a hash of the content. The hash is kept for as long as nothing about the file changes.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from hashlib import blake2b
from typing import BinaryIO

_MOST_HASHED = 16 * 1024 * 1024  # bytes; a larger file would keep its request waiting
_CHUNK = 256 * 1024
# Archives and reproducible builds write 0, 1 or 1980-01-01 (zip), in any time zone.
_FIRST_TIME = 315_705_600  # 1980-01-03
# A file system's clock may stand still for some milliseconds, so a file that has changed just now
# could change again and look the same.
_RECENT = 2  # seconds


def last_modified(status: os.stat_result) -> float | None:
    """Return the time when a file changed, or None where its time says nothing about that."""
    return status.st_mtime if status.st_mtime >= _FIRST_TIME else None


def entity_tag(file: BinaryIO, path: str, status: os.stat_result) -> str | None:
    """Return the ETag of an open file, or None for a file that has no safe one.

    >>> with open(__file__, "rb") as file:
    ...     len(entity_tag(file, __file__, os.fstat(file.fileno())))
    34
    """
    if status.st_size > _MOST_HASHED:
        time_says_nothing = last_modified(status) is None
        return None if time_says_nothing else f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    if time.time() - status.st_ctime < _RECENT:
        return _hash(file, status)
    facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
    tags = _tags(path, facts)
    if not tags:
        tags.append(_hash(file, status))
    return tags[0]


@lru_cache(maxsize=4096)
def _tags(path: str, facts: tuple[int, ...]) -> list[str | None]:
    """Return the list that keeps the tag of a file with these facts."""
    return []


def _hash(file: BinaryIO, status: os.stat_result) -> str | None:
    """Return the tag of the content, or None if the file changed while it was read."""
    digest = blake2b(digest_size=16)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    now = os.fstat(file.fileno())
    is_same = (now.st_size, now.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    return f'"{digest.hexdigest()}"' if is_same else None
