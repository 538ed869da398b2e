"""Find the file that a request's path names, below a folder or in a package's data.

A path that leads out of the root, a name that begins with a dot, and a file that is no regular file
are never found.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.http import generate_etag
from werkzeug.security import safe_join

from ..request import Request
from ._file_tags import validators
from ._sent_file import OpenFile

_LONGEST = 3 * 4096  # characters of a percent-encoded path; no file has a longer name
Root = str | os.PathLike[str]
Find = Callable[[str], OpenFile | None]


def get_file_path(request: Request) -> str | None:
    """Return the path of a request below a root, or None if no file can have it.

    It is "" for the root itself. The path is decoded once. No segment may begin with a dot, except
    ".well-known" (RFC 8615).

    >>> [get_file_path(Request({"uri": uri})) for uri in ("/a%20b//./c.txt/", "/../x")]
    ['a b/c.txt', None]
    """
    encoded = request.get("path_info") or request["uri"]
    if len(encoded) > _LONGEST:
        return None
    try:
        path = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    hidden = [part for part in parts if part.startswith(".") and part != ".well-known"]
    return None if hidden or "\0" in path else "/".join(parts)


def _open_file(path: str | FilePath) -> OpenFile | None:
    """Open a regular file. Return None for anything else."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe waits for its writer
        return None
    file = open(path, "rb", opener=_open_at_once)
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):  # something else has taken its place
            file.close()
            return None
        etag, modified = validators(file, os.fspath(path), status)
    except BaseException:
        file.close()
        raise
    return OpenFile(file, status.st_size, etag, modified)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its writer


def _is_inside(path: str | FilePath, root: Root) -> bool:
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), ""))


def _index_file(folder: str) -> str | None:
    """Return the file that stands for a folder, as in Ring.

    It is index.html, index.htm, or the first index.* by name.
    """
    names = sorted(name for name in os.listdir(folder) if name.startswith("index."))
    names.sort(key=lambda name: name not in ("index.html", "index.htm"))
    paths = (os.path.join(folder, name) for name in names)
    return next(filter(os.path.isfile, paths), None)


def find_file(
    path: str, root: Root, index_files: bool = True, allow_symlinks: bool = False
) -> OpenFile | None:
    """Open the file at a path below a folder, or return None: the inner half of wrap_files."""
    found = safe_join(os.fspath(root), path)
    if found is not None and index_files and os.path.isdir(found):
        found = _index_file(found)
    if found is None or not os.path.isfile(found):
        return None
    return _open_file(found) if allow_symlinks or _is_inside(found, root) else None


def find_resource(path: str, root: Any, allow_symlinks: bool = False) -> OpenFile | None:
    """Open the file at a path in a package's data, or return None.

    The package may be in a zip file. This is the inner half of wrap_resources.
    """
    if isinstance(root, FilePath):
        return find_file(path, root, index_files=False, allow_symlinks=allow_symlinks)
    if not path or safe_join("", path) is None:
        return None
    parts = path.split("/")
    found = root.joinpath(*parts)
    if isinstance(found, FilePath):  # the package consists of several folders
        folder = found.parents[len(parts) - 1]
        return find_file(path, folder, index_files=False, allow_symlinks=allow_symlinks)
    if not found.is_file():
        return None
    data = found.read_bytes()
    file = io.BytesIO(data)
    file.name = found.name
    return OpenFile(file, len(data), f'"{generate_etag(data)}"', None)


# The file system's ways to say that there is no file here for this process. The last row is for a
# name that it cannot hold, and for what took a file's place after it was looked up.
_NO_FILE = frozenset(
    (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
    + (errno.EINVAL, errno.EILSEQ, errno.EISDIR, errno.ENXIO, errno.ENODEV, errno.ESTALE)
)


def search(finds: Iterable[Find], path: str) -> OpenFile | None:
    """Return the first file that is found and may be read."""
    for find in finds:
        try:
            found = find(path)
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
        else:
            if found is not None:
                return found
    return None
