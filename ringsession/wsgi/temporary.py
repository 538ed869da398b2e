"""Keep bytes in a temporary file, and tell a folder that cannot be written from a bad request."""

from __future__ import annotations

from contextlib import suppress
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import Any

from ..http.refusals import NoTemporaryFile

IN_MEMORY = 1 << 19  # bytes; more are on the disk
NOT_KEPT = "Could not keep a form in a temporary file, so the response is a 507: %s. %s"


def no_file(error: OSError) -> NoTemporaryFile:
    """Return the exception for an error of a temporary file. Its name, a path, stays out."""
    return NoTemporaryFile(error.strerror or type(error).__name__)


def check_folder() -> None:
    """Raise NoTemporaryFile if no temporary file can be made."""
    try:
        TemporaryFile().close()
    except OSError as error:
        raise no_file(error) from None


class Spool:
    """Bytes in memory up to 512 KiB, then in a temporary file. Raises NoTemporaryFile."""

    def __init__(self) -> None:
        self._file: Any = SpooledTemporaryFile(max_size=IN_MEMORY)

    def write_at(self, position: int, data: bytes) -> None:
        try:
            self._file.seek(position)
            self._file.write(data)
        except OSError as error:
            raise no_file(error) from None

    def read_at(self, position: int, size: int) -> bytes:
        try:
            self._file.seek(position)  # writes what is buffered
            return bytes(self._file.read(size))
        except OSError as error:
            raise no_file(error) from None

    def close(self) -> None:
        close_quietly(self._file)


def close_quietly(file: Any) -> None:
    """Close a temporary file, also on a full disk, where closing writes the buffer once more."""
    with suppress(OSError):
        file.close()
