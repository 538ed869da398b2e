"""Read the parts of a form with files, one after the other, within limits.

Werkzeug's decoder finds the parts. `multipart.py` decides about their charset and their store.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from ..wsgi.form_input import MAX_FORM_BYTES, FormLimits
from ..http.refusals import BadParams, ParamsTooLarge
from .params import MAX_FIELDS

Store = Callable[[Mapping[str, Any]], Any]
MAX_SIZE = 64 << 20
MAX_HEADER_BYTES = 8192  # of one part
# RFC 2046 section 5.1.1 allows 70 characters, but Werkzeug's test client sometimes writes more.
LONGEST_BOUNDARY = 100
_CHUNK = 1 << 14
_BLANKS = b" \t\v\f"  # the blanks that the decoder allows behind a boundary


class _PartStream(io.RawIOBase):
    """The bytes of one part, as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or next(self._chunks, b"")
        size = min(len(buffer), len(data))
        buffer[:size], self._rest = data[:size], data[size:]
        return size


class Limits(NamedTuple):
    """The limits of a form: the options of `wrap_multipart_params`, and the last two as well."""

    max_size: int = MAX_SIZE
    max_file_size: int | None = None
    max_file_count: int | None = None
    max_parts: float = MAX_FIELDS
    max_text_size: float = MAX_FORM_BYTES  # bytes of one field

    def within(self, app: FormLimits) -> Limits:
        """Return the limits that also hold in an app with limits of its own."""
        most_parts, most_text = app.max_parts, app.max_text_size
        return self._replace(
            max_size=(
                self.max_size if app.max_size is None else int(min(self.max_size, app.max_size))
            ),
            max_parts=self.max_parts if most_parts is None else most_parts,
            max_text_size=self.max_text_size if most_text is None else most_text,
        )


def _before_break(data: bytes, end: int) -> int:
    """Return where the line break that stands directly before `end` starts; `end` if none does."""
    if data.endswith(b"\r\n", 0, end):
        return end - 2
    return end - data.endswith((b"\r", b"\n"), 0, end)


def _safe_length(data: bytes, delimiter: bytes) -> int:
    """Return how many bytes of `data` the decoder may have: no delimiter is cut off at their end.

    A delimiter is a line break, "--", the boundary, and either "--" or blanks and a line break
    (RFC 2046 section 5.1.1). Werkzeug's decoder keeps the start of one for its next chunk, but only
    up to the boundary's last byte: if a chunk ends behind it, a part gets the "\\r", or all of it.

    >>> data = b"content\\r\\n--B-"
    >>> data[:_safe_length(data, b"--B")]
    b'content'
    """
    end = _before_break(data, len(data))
    is_open = end == len(data)  # the last line may go on in the next chunk
    while True:
        start = 1 + max(data.rfind(b"\r", 0, end), data.rfind(b"\n", 0, end))
        line = data[start:end]
        is_cut = is_open and line != b"" and (delimiter + b"-").startswith(line)
        if not is_cut and not line.rstrip(_BLANKS).endswith(delimiter):
            return end
        # The line break before a delimiter belongs to it. It may end another one in its turn.
        end, is_open = _before_break(data, start), False


def _read_chunks(body: Any, delimiter: bytes, max_size: int) -> Iterator[bytes]:
    """Read a body in chunks, of which none ends inside a delimiter."""
    held, left = b"", max_size
    while data := body.read(min(_CHUNK - len(held), left + 1)):
        left -= len(data)
        if left < 0:
            raise ParamsTooLarge(f"expected at most {max_size} bytes")
        data = held + data
        length = _safe_length(data, delimiter)
        held = data[length:]
        if len(held) > MAX_HEADER_BYTES:
            raise ParamsTooLarge(f"expected at most {MAX_HEADER_BYTES} bytes in a boundary's line")
        yield data[:length]
    yield held


def _events(body: Any, boundary: bytes, max_size: int) -> Iterator[Event]:
    """Yield the events of Werkzeug's decoder while the body is read, up to the last boundary."""
    # The decoder keeps a part's headers, and text before the first part, in memory; over this size
    # it refuses them.
    decoder = MultipartDecoder(boundary, _CHUNK + MAX_HEADER_BYTES + 2 * LONGEST_BOUNDARY)
    chunks = _read_chunks(body, b"--" + boundary, max_size)
    while decoder.state is not State.EPILOGUE:
        try:
            event = decoder.next_event()
        except ValueError as error:  # the form has errors, or ends before its last boundary
            raise BadParams("expected a form that follows RFC 7578") from error
        if not isinstance(event, NeedData):
            yield event
            continue
        try:
            decoder.receive_data(next(chunks, None))
        except RequestEntityTooLarge as error:
            raise ParamsTooLarge("expected less text before the first part") from error


def _chunks(events: Iterator[Event], most: float) -> Iterator[bytes]:
    """Yield the data of the part whose headers came last, in chunks that are not empty."""
    for event in events:
        data = cast(Data, event)  # nothing else stands in a part
        most -= len(data.data)
        if most < 0:
            raise ParamsTooLarge("expected a smaller part, or less text in all fields")
        if data.data:  # an empty chunk would be the end of the part's stream
            yield data.data
        if not data.more_data:
            return


def _check_part(part: Field | File, count: int, limits: Limits) -> None:
    parts = min(limits.max_parts, limits.max_file_count or limits.max_parts)
    if count > parts:
        raise ParamsTooLarge(f"expected at most {parts} parts")
    if sum(len(name) + len(value) for name, value in part.headers) > MAX_HEADER_BYTES:
        raise ParamsTooLarge(f"expected at most {MAX_HEADER_BYTES} bytes of headers in a part")


def read_parts(
    body: Any, boundary: bytes, store: Store, limits: Limits
) -> Iterator[tuple[Field | File, Any]]:
    """Yield the parts of a form: a field with its octets, a file with its value from the store."""
    events = _events(body, boundary, limits.max_size)
    text_left, count = max(MAX_FORM_BYTES, limits.max_text_size), 0
    most = limits.max_file_size or limits.max_size
    for part in events:
        if not isinstance(part, (Field, File)):  # text before the first part
            continue
        count += 1
        _check_part(part, count, limits)
        if isinstance(part, File):
            chunks = _chunks(events, most)
            stream = io.BufferedReader(_PartStream(chunks))
            content_type = part.headers.get("content-type")
            named = {"filename": part.filename, "content_type": content_type, "stream": stream}
            yield part, store(named)
            deque(chunks, maxlen=0)  # skip the rest of the file that the store did not read
        else:
            octets = b"".join(_chunks(events, min(most, limits.max_text_size, text_left)))
            text_left -= len(octets)
            yield part, octets
