"""Keep the bytes of a form for several readers: the params, the handler, the wrapped app.

The bytes are read once from the client, and kept in memory up to 512 KiB, then on disk. Parsing the
form is left to the params layers.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import parse_options_header
from werkzeug.wsgi import get_input_stream

from ..http.log_text import show_request
from ..http.refusals import NoTemporaryFile, ParamsTooLarge
from ..request import Request
from .temporary import NOT_KEPT, Spool, close_quietly

log = logging.getLogger("ringsession")

FORM_TYPE = "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data"
MAX_FORM_BYTES = 1 << 20
_READ_AHEAD = 1 << 16  # bytes that a reader may read beyond its limit


def form_type(content_type: str) -> tuple[str, dict[str, str]]:
    """Return the media type in a Content-Type, in lower case, and its parameters.

    >>> form_type("Multipart/form-data; boundary=x")
    ('multipart/form-data', {'boundary': 'x'})
    """
    kind, options = parse_options_header(content_type)
    return kind.lower(), options


class FormLimits(NamedTuple):
    """The limits of the app itself, in `environ["ringsession.form_limits"]`.

    The layers that read forms keep to them. None leaves a limit to the layers' own options.
    """

    max_size: float | None = None  # bytes of the whole form
    max_text_size: float | None = None  # bytes of one field of a form with files
    max_parts: float | None = None  # of a form with files


def form_limits(request: Request) -> FormLimits:
    """Return the limits of the app that handles a request."""
    environ = dict.get(request, "environ") or {}
    limits: FormLimits = environ.get("ringsession.form_limits") or FormLimits()
    return limits


class FormInput:
    """Read a form from the client, and keep its first `MAX_FORM_BYTES`, or more after `keep`."""

    def __init__(self, stream: Any, shown: str = "method=? path=?") -> None:
        self._stream = stream
        self._shown = shown  # the request, for the log
        self._spool: Spool | None = None
        self._has_failed = False
        self._kept = self._received = 0
        self._keep = MAX_FORM_BYTES + _READ_AHEAD
        self._files: list[Any] = []

    def keep(self, size: int) -> None:
        """Keep at least this many bytes, so that they can be read again."""
        self._keep = max(self._keep, size + _READ_AHEAD)

    def open(self) -> BinaryIO:
        """Return a file at byte 0. Nothing is read from the client before the file is read."""
        return io.BufferedReader(FormReader(self))

    def is_input_of(self, environ: Mapping[str, Any]) -> bool:
        """Return whether `wsgi.input` of this environ still reads this form."""
        reader = getattr(environ["wsgi.input"], "raw", None)
        return isinstance(reader, FormReader) and reader.form is self

    def read_at(self, position: int, size: int) -> bytes:
        """Return at most `size` bytes from a position on; b"" at the end.

        Raises ParamsTooLarge for bytes that were read before and not kept, and ClientDisconnected.
        """
        if position < self._kept and self._spool is not None:
            try:
                return self._spool.read_at(position, min(size, self._kept - position))
            except NoTemporaryFile as error:
                self.log_failure(error)
                raise
        if position < self._received:
            raise ParamsTooLarge(f"expected a form of at most {self._keep} bytes to read it again")
        return self._receive(size)

    def _receive(self, size: int) -> bytes:
        try:
            data = bytes(self._stream.read(min(size, _READ_AHEAD)))
        except (OSError, ValueError) as error:  # servers raise these for a lost connection
            raise ClientDisconnected() from error
        if self._kept == self._received and self._kept + len(data) <= self._keep:
            self._spool = self._spool or Spool()
            try:
                self._spool.write_at(self._kept, data)
            except NoTemporaryFile as error:
                self.log_failure(error)
                raise
            self._kept += len(data)
        self._received += len(data)
        return data

    def log_failure(self, error: NoTemporaryFile) -> None:
        """Log that the form cannot be kept. Its readers may notice it several times."""
        if not self._has_failed:
            self._has_failed = True
            log.error(NOT_KEPT, error.reason, self._shown)

    def close_later(self, file: Any) -> None:
        """Close a file with this form, when the request has ended."""
        self._files.append(file)

    def close(self) -> None:
        for file in filter(None, (self._spool, *self._files)):
            close_quietly(file)

    __del__ = close  # test clients do not close a response that they do not read


class FormReader(io.RawIOBase):
    """Read a form as a file. It can seek in the bytes that the form keeps."""

    def __init__(self, form: FormInput) -> None:
        self.form = form
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.form.read_at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("cannot seek to the end of a form that is still read")
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def tell(self) -> int:
        return self._position


def take_form_input(environ: dict[str, Any]) -> FormInput | None:
    """Put a FormInput into the environ of a request with a form, and return it.

    Close it when the request has ended. Return None without a form, or if `wsgi.input` already
    reads a FormInput.
    """
    content_type = environ.get("CONTENT_TYPE", "")
    if content_type[:10].lower() not in (FORM_TYPE[:10], MULTIPART_TYPE[:10]):
        return None
    if form_type(content_type)[0] not in (FORM_TYPE, MULTIPART_TYPE):
        return None
    form: FormInput | None = environ.get("ringsession.form")
    if form is not None and form.is_input_of(environ):
        return None
    sent = {"request_method": environ.get("REQUEST_METHOD"), "uri": environ.get("PATH_INFO")}
    environ["ringsession.form"] = form = FormInput(get_input_stream(environ), show_request(sent))
    return form
