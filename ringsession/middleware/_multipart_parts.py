"""The parts of a form with files, one after the other, within limits.

Owns the limits; Werkzeug's decoder finds the parts. Knows no request, and keeps nothing.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from .._form_input import MAX_FORM_BYTES
from .._unreadable import BadParams, ParamsTooLarge
from .params import MAX_FIELDS

Store = Callable[[Mapping[str, Any]], Any]
MAX_SIZE = 64 << 20
MAX_HEADER_BYTES = 8192  # of one part
LONGEST_BOUNDARY = 70  # RFC 2046 section 5.1.1
_CHUNK = 1 << 14


class _PartStream(io.RawIOBase):
    """The bytes of one part, as they come."""

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
    """What a form may have, by the options of `wrap_multipart_params`."""

    max_size: int = MAX_SIZE
    max_file_size: int | None = None
    max_file_count: int | None = None


def _events(body: Any, boundary: bytes, max_size: int) -> Iterator[Event]:
    """What Werkzeug's decoder finds while the body is read, up to the last boundary."""
    # The decoder refuses what it would have to keep beside a chunk: headers, or junk before the first part.
    decoder = MultipartDecoder(boundary, _CHUNK + MAX_HEADER_BYTES + 2 * LONGEST_BOUNDARY)
    left = max_size
    while decoder.state is not State.EPILOGUE:
        try:
            event = decoder.next_event()
        except (
            ValueError
        ) as error:  # what breaks the form's rules, or ends before its last boundary
            raise BadParams("expected a form as RFC 7578 has it") from error
        if not isinstance(event, NeedData):
            yield event
            continue
        data = body.read(min(_CHUNK, left + 1))
        left -= len(data)
        if left < 0:
            raise ParamsTooLarge(f"expected at most {max_size} bytes")
        try:
            decoder.receive_data(data or None)
        except RequestEntityTooLarge as error:
            raise ParamsTooLarge("expected less in front of a part") from error


def _chunks(events: Iterator[Event], most: int) -> Iterator[bytes]:
    """The data of the part that has just begun."""
    for event in events:
        data = cast(Data, event)  # nothing else stands in a part
        most -= len(data.data)
        if most < 0:
            raise ParamsTooLarge("expected less in one part, or less text in all")
        yield data.data
        if not data.more_data:
            return


def _check_part(part: Field | File, count: int, limits: Limits) -> None:
    parts = min(MAX_FIELDS, limits.max_file_count or MAX_FIELDS)
    if count > parts:
        raise ParamsTooLarge(f"expected at most {parts} parts")
    if sum(len(name) + len(value) for name, value in part.headers) > MAX_HEADER_BYTES:
        raise ParamsTooLarge(f"expected at most {MAX_HEADER_BYTES} bytes of headers in a part")


def read_parts(
    body: Any, boundary: bytes, store: Store, limits: Limits
) -> Iterator[tuple[Field | File, Any]]:
    """The parts of a form: a field with its octets, a file with what the store made of it."""
    events = _events(body, boundary, limits.max_size)
    text_left, count = MAX_FORM_BYTES, 0
    most = limits.max_file_size or limits.max_size
    for part in events:
        if not isinstance(part, (Field, File)):  # what stands in front of the first one
            continue
        count += 1
        _check_part(part, count, limits)
        if isinstance(part, File):
            chunks = _chunks(events, most)
            stream = io.BufferedReader(_PartStream(chunks))
            content_type = part.headers.get("content-type")
            named = {"filename": part.filename, "content_type": content_type, "stream": stream}
            yield part, store(named)
            deque(chunks, maxlen=0)  # what the store did not read
        else:
            octets = b"".join(_chunks(events, min(most, text_left)))
            text_left -= len(octets)
            yield part, octets
