"""Open a file to be served, and say by which ETag and Last-Modified a client may know it again.

Many files have a constant time: reproducible images, Nix, Bazel and zip set it. Such a time, and a
size, name no content. So the ETag of a file whose time is in whole seconds, as tools set it, is a
hash of its content.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from time import time
from typing import BinaryIO, NamedTuple

from ..http.file_dates import is_likely_date, is_set_by_tool

# What a client's path may come upon: nothing, no right to read, a file where a folder should be, a
# name that the file system cannot hold. Any other error is a fault of the server.
_NOT_SERVED = frozenset(
    (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
    + (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENXIO, errno.ENODEV, errno.ESTALE)
)
LARGEST_HASHED = 16 << 20  # octets, which take some 20 ms
_CHUNK = 1 << 18  # octets
_MOST_KEPT = 4096  # hashes
_SETTLED = 2  # seconds; the times of some file systems are no finer
_kept: dict[str, tuple[tuple[int, ...], str]] = {}  # path -> what the file was, the hash


class OpenFile(NamedTuple):
    """A file to send, and the values for its headers."""

    file: BinaryIO
    size: int
    etag: str | None  # None if nothing tells this content from another
    modified: float | None  # seconds since 1970, or None if it is unknown


def is_not_served(error: OSError) -> bool:
    """Return whether an error says that a path leads to no file that may be served."""
    return error.errno in _NOT_SERVED


def open_file(path: str | os.PathLike[str]) -> OpenFile | None:
    """Open a regular file. Return None for anything else. Raises OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a device may do something
        return None
    file: BinaryIO = open(path, "rb", opener=_open_at_once)
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):  # something else has taken its place
            file.close()
            return None
        return _describe(file, os.fspath(path), status)
    except BaseException:
        file.close()
        raise


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its writer


def _describe(file: BinaryIO, path: str, status: os.stat_result) -> OpenFile:
    modified = status.st_mtime if is_likely_date(status.st_mtime, time()) else None
    if modified is not None and not is_set_by_tool(modified):
        etag: str | None = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    elif status.st_size > LARGEST_HASHED:
        etag = _change_etag(status)
    else:
        etag = _content_etag(file, path, status)
        if etag is None:
            modified = None
    return OpenFile(file, status.st_size, etag, modified)


def _is_settled(status: os.stat_result) -> bool:
    """Return whether another change of the file would have another change time."""
    return abs(time() - status.st_ctime) > _SETTLED


def _change_etag(status: os.stat_result) -> str | None:
    """Return the ETag of a large file by the time of its last change, which no tool can set.

    It differs between machines. A file system without such times, as in an image, has none.
    """
    if is_set_by_tool(status.st_ctime) or not _is_settled(status):
        return None
    parts = (status.st_mtime_ns, status.st_size, status.st_ctime_ns, status.st_ino)
    return f'"{"-".join(f"{part:x}" for part in parts)}"'


def _identity(status: os.stat_result) -> tuple[int, ...]:
    times = status.st_mtime_ns, status.st_ctime_ns
    return (status.st_dev, status.st_ino, status.st_size, *times)


def _content_etag(file: BinaryIO, path: str, status: os.stat_result) -> str | None:
    """Return the ETag by the content, or None if the file changed while it was read."""
    identity = _identity(status)
    kept = _kept.get(path)
    if kept is not None and kept[0] == identity:
        return kept[1]
    etag = f'"{_hash(file, status.st_size)}"'
    file.seek(0)
    if _identity(os.fstat(file.fileno())) != identity:
        return None
    if _is_settled(status):
        _kept.pop(path, None)  # so that it is the newest
        _kept[path] = identity, etag
        for oldest in list(_kept)[:-_MOST_KEPT]:
            _kept.pop(oldest, None)
    return etag


def _hash(file: BinaryIO, size: int) -> str:
    found = hashlib.blake2b(digest_size=16)
    while size > 0 and (chunk := file.read(min(size, _CHUNK))):
        found.update(chunk)
        size -= len(chunk)
    return found.hexdigest()
