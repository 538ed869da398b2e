"""Make the validators of a file: its ETag and its Last-Modified.

A file's time says nothing where an archive or a build gives all files the same one, so the ETag is
a hash of the content. The hash is kept for as long as nothing about the file changes.
"""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import blake2b
from time import time
from typing import BinaryIO

from ..http.file_dates import is_likely_date, is_set_by_tool

_MOST_HASHED = 16 * 1024 * 1024  # bytes; a larger file would keep its request waiting
_CHUNK = 256 * 1024
# A file system's clock may stand still for some milliseconds, so a file that has changed just now
# could change again and look the same.
_RECENT = 2  # seconds


def validators(
    file: BinaryIO, path: str, status: os.stat_result
) -> tuple[str | None, float | None]:
    """Return the ETag of an open file and the time for its Last-Modified, each None if not safe.

    >>> with open(__file__, "rb") as file:
    ...     etag, modified = validators(file, __file__, os.fstat(file.fileno()))
    >>> len(etag)
    34
    """
    modified = status.st_mtime if is_likely_date(status.st_mtime, time()) else None
    if status.st_size > _MOST_HASHED:
        return _tag_of_large(status, modified), modified
    if _is_recent(status):
        etag = _hash(file, status)
    else:
        tags = _tags(path, _facts(status))
        if not tags:
            tags.append(_hash(file, status))
        etag = tags[0]
    return etag, None if etag is None else modified


def _is_recent(status: os.stat_result) -> bool:
    return abs(time() - status.st_ctime) < _RECENT


def _facts(status: os.stat_result) -> tuple[int, ...]:
    times = status.st_mtime_ns, status.st_ctime_ns
    return (status.st_size, *times, status.st_ino, status.st_dev)


@lru_cache(maxsize=4096)
def _tags(path: str, facts: tuple[int, ...]) -> list[str | None]:
    """Return the list that keeps the tag of a file with these facts."""
    return []


def _tag_of_large(status: os.stat_result, modified: float | None) -> str | None:
    """Return the tag by the time of a write, or else by the last change, which no tool can set.

    The latter differs between machines. A file system that records no changes, as in an image, has
    only whole seconds.
    """
    facts = [status.st_mtime_ns, status.st_size]
    if modified is None or is_set_by_tool(modified):
        if is_set_by_tool(status.st_ctime) or _is_recent(status):
            return None
        facts += [status.st_ctime_ns, status.st_ino]
    return f'"{"-".join(f"{fact:x}" for fact in facts)}"'


def _hash(file: BinaryIO, status: os.stat_result) -> str | None:
    """Return the tag of the content, or None if the file changed while it was read."""
    digest, left = blake2b(digest_size=16), status.st_size
    while left > 0 and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    file.seek(0)
    is_same = _facts(os.fstat(file.fileno())) == _facts(status)
    return f'"{digest.hexdigest()}"' if is_same else None
