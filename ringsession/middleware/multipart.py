"""The key `multipart_params`: a form with files.

Owns the limits, the charset of the fields and where files go; Werkzeug's parser finds the parts. A body is read only when
somebody asks.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple, cast

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from .._form_input import IN_MEMORY, MAX_FORM_BYTES, MULTIPART_TYPE, FormInput, form_type
from .._unreadable import BadParams, ParamsTooLarge, answer_unreadable
from ..request import Handler, Request, Response, as_request
from .params import MAX_FIELDS, append_value, check_encoding, find_charset

Store = Callable[[Mapping[str, Any]], Any]
MAX_SIZE = 64 << 20
MAX_HEADER_BYTES = 8192  # of one part
_CHUNK = 1 << 14
_LONGEST_BOUNDARY = 70  # RFC 2046 section 5.1.1


class Upload(dict[str, Any]):
    """What a form's file is: a dict that no field's name can reach into."""


def temp_file_store(item: Mapping[str, Any]) -> Upload:
    """Keep a file in a temporary one (past 512 KiB on the disk), which goes when the request has ended.

    item: {"filename", "content_type", "stream"}. Source: ring.middleware.multipart-params.temp-file/temp-file-store.

    >>> item = {"filename": "a.txt", "content_type": None, "stream": io.BytesIO(b"hello")}
    >>> upload = temp_file_store(item)
    >>> with upload["tempfile"] as file:
    ...     upload["size"], file.read()
    (5, b'hello')
    """
    file: Any = SpooledTemporaryFile(max_size=IN_MEMORY)
    try:
        copyfileobj(item["stream"], file)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    named = {"filename": item["filename"], "content_type": item["content_type"]}
    return Upload(named, tempfile=file, size=size)


def bytes_store(item: Mapping[str, Any]) -> Upload:
    """Keep a file as bytes (ring.middleware.multipart-params.byte-array/byte-array-store).

    >>> bytes_store({"filename": "a.txt", "content_type": None, "stream": io.BytesIO(b"hello")})
    {'filename': 'a.txt', 'content_type': None, 'bytes': b'hello'}
    """
    named = {"filename": item["filename"], "content_type": item["content_type"]}
    return Upload(named, bytes=item["stream"].read())


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
    decoder = MultipartDecoder(boundary, _CHUNK + MAX_HEADER_BYTES + 2 * _LONGEST_BOUNDARY)
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


def _charset(part: Field, found: Mapping[str, Any], said: str | None) -> str:
    content_type = part.headers.get("content-type", "")
    name = found.get("_charset_") or form_type(content_type)[1].get("charset") or said
    return find_charset(name or "utf-8")


class _Reader:
    """Reads the form of a request, by the options of `wrap_multipart_params`."""

    def __init__(self, store: Store, encoding: str | None, limits: Limits) -> None:
        self._store = store
        self._encoding = encoding
        self._limits = limits

    def __call__(self, request: Request) -> dict[str, Any]:
        kind, options = form_type(request.get_header("content-type") or "")
        body = request.get("body") if kind == MULTIPART_TYPE else None
        if body is None:
            return {}
        boundary = options.get("boundary", "")
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
            raise BadParams("expected a boundary of 1 to 70 ASCII characters")
        length = request.get_header("content-length") or ""
        if len(length) > 18 or (length.isdecimal() and int(length) > self._limits.max_size):
            raise ParamsTooLarge(f"expected at most {self._limits.max_size} bytes")
        return self._decoded(self._parts(request, body, boundary.encode()), options)

    def _parts(self, request: Request, body: Any, boundary: bytes) -> list[tuple[Any, Any]]:
        form: FormInput | None = (dict.get(request, "environ") or {}).get("ringsession.form")
        if form is not None:
            form.keep(self._limits.max_size + 1)
        position = body.tell()
        body.seek(0)
        parts = []
        if body.read(1):  # a form may be empty
            body.seek(0)
            for part, value in read_parts(body, boundary, self._store, self._limits):
                parts.append((part, value))
                file = value.get("tempfile") if isinstance(value, Mapping) else None
                if form is not None and file is not None:
                    form.close_later(file)
        body.seek(position)
        return parts

    def _decoded(self, parts: list[tuple[Any, Any]], options: Mapping[str, str]) -> dict[str, Any]:
        fields = [part for part in parts if isinstance(part[0], Field)]
        names = {part.name: octets.decode("latin-1") for part, octets in fields}
        params: dict[str, Any] = {}
        for part, value in parts:
            if part.name is None:  # RFC 7578 section 4.2: each part must have a name
                continue
            if isinstance(part, Field):
                charset = self._encoding or _charset(part, names, options.get("charset"))
                value = value.decode(charset, "replace")
            append_value(params, part.name, value)
        return params


def multipart_params_request(request: Request, read: Callable[[Request], Any]) -> Request:
    """See wrap_multipart_params."""
    request = as_request(request)
    request.provide("multipart_params", read)
    # As in Ring, a name that is in a query too has the form's value.
    request.revise("params", lambda r, params: {**(params or {}), **r["multipart_params"]})
    return request


def wrap_multipart_params(
    handler: Handler,
    *,
    store: Store = temp_file_store,
    encoding: str | None = None,
    max_size: int = MAX_SIZE,
    max_file_size: int | None = None,
    max_file_count: int | None = None,
) -> Handler:
    """Add the parameters of a form with files.

    store: `temp_file_store`; or `bytes_store`, or a function of {"filename", "content_type", "stream"} that gives the value.
    encoding: None, where the charset of a field is that of the field "_charset_", the part, the request, or else UTF-8.
    max_size: 67108864 bytes, the whole form. max_file_size: None; bytes of one part. max_file_count: None; of parts,
    which are 1,000 at most. The text of all fields is 1 MiB at most, the headers of a part 8 KiB.

    Reads the Content-Type and, when somebody asks, `request["body"]`, which is at byte 0 afterwards. Adds `multipart_params`,
    and puts it over `params`: a field is str; a file {"filename", "content_type", "tempfile", "size"} with the name that the
    client gave, which is data and no path. A repeated name has a list. Past a limit the response is a 413, a charset that is not
    read makes it a 415, a form that breaks the rules a 400. Raises ValueError for bad options.
    Source: ring.middleware.multipart-params/wrap-multipart-params, RFC 7578.

    >>> handler = wrap_multipart_params(lambda request: {"status": 200, "body": request["multipart_params"]})
    >>> part = b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\nb\\r\\n--x--'
    >>> headers = {"content-type": "multipart/form-data; boundary=x"}
    >>> handler({"headers": headers, "body": io.BytesIO(part)})["body"]
    {'a': 'b'}
    """
    check_encoding(encoding)
    limits = Limits(max_size, max_file_size, max_file_count)
    for name, limit in limits._asdict().items():
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ValueError(f"{name}: expected a number over 0, got {limit!r:.60}")
    read = _Reader(store, encoding and find_charset(encoding), limits)

    def multipart_params(request: Request) -> Response:
        return answer_unreadable(handler, multipart_params_request(request, read))

    return multipart_params
