"""The bytes of an urlencoded form, which more than one reader wants: the params, the handler, the app behind.

Owns reading them once and handing them out from byte 0 as often as asked. Knows nothing of what they mean.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO

from werkzeug.http import parse_options_header

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 1 << 20


class FormInput:
    """A form body of at most `MAX_FORM_BYTES`, kept when it is first read; a longer one streams, and only once."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._start: bytes | None = None

    @staticmethod
    def wants(environ: Mapping[str, Any]) -> bool:
        """Whether the environ announces a form (its length may be unknown)."""
        content_type = environ.get("CONTENT_TYPE", "")
        return content_type[:33].lower() == FORM_TYPE and is_form(content_type)

    def open(self) -> BinaryIO:
        """A file at byte 0; it can seek if the form is within the limit."""
        if self._start is None:
            self._start = _read_up_to(self._stream, MAX_FORM_BYTES + 1)
        if len(self._start) <= MAX_FORM_BYTES:
            return io.BytesIO(self._start)
        return io.BufferedReader(_Chain(io.BytesIO(self._start), self._stream))

    def open_lazily(self) -> BinaryIO:
        """The same, but nothing is read from the client before the file is."""
        return io.BufferedReader(_Later(self))


def _read_up_to(stream: Any, most: int) -> bytes:
    # A raw stream's read(n) may give less than n where more is to come.
    chunks = []
    while most > 0 and (chunk := stream.read(min(most, 65_536))):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def is_form(content_type: str) -> bool:
    """Whether a Content-Type is that of an urlencoded form.

    >>> is_form("application/x-www-form-urlencoded; charset=utf-8"), is_form("text/plain")
    (True, False)
    """
    return parse_options_header(content_type)[0] == FORM_TYPE


class _Reading(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def _read(self, size: int) -> bytes:
        raise NotImplementedError

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Chain(_Reading):
    def __init__(self, *files: Any) -> None:
        self._files = list(files)

    def _read(self, size: int) -> bytes:
        while self._files:
            if data := self._files[0].read(size):
                return bytes(data)
            del self._files[0]
        return b""


class _Later(_Reading):
    def __init__(self, form: FormInput) -> None:
        self._form = form
        self._file: BinaryIO | None = None

    def _read(self, size: int) -> bytes:
        if self._file is None:
            self._file = self._form.open()
        return self._file.read(size)
