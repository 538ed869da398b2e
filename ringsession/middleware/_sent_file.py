"""Make an open file a response: the whole file, or the one range that the client wants.

It has Last-Modified, ETag, Content-Range and Content-Length. `static.py` finds the file, and
`not_modified.py` answers 304.
"""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any, BinaryIO, NamedTuple

from werkzeug.datastructures import Range
from werkzeug.http import http_date, parse_date

from ..http.conditions import read_byte_range, read_entity_tags
from ..request import Request, Response
from .not_modified import is_not_modified

_LONGEST = 100  # characters of If-Range that are read; one date or one entity tag takes fewer


class OpenFile(NamedTuple):
    """A file to send, and the values for its headers."""

    file: BinaryIO
    size: int
    etag: str | None  # None if the file has no safe one
    modified: float | None  # seconds since 1970, or None if it is unknown


class _Slice(io.RawIOBase):
    """A range of a file's bytes, as a file."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        file.seek(start)
        self._file = file
        self._left = stop - start
        self.name = file.name  # its extension tells the media type

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _is_same_file(if_range: str, found: OpenFile) -> bool:
    """Return whether If-Range names this file, by a strong comparison (RFC 9110 section 13.1.5)."""
    if len(if_range) > _LONGEST:
        return False
    date = parse_date(if_range)
    if date is not None:
        return found.modified is not None and date == _date(found.modified)
    is_weak = if_range.strip(" \t")[:2].upper() == "W/"
    if is_weak or found.etag is None:
        return False
    return read_entity_tags(if_range) == read_entity_tags(found.etag)


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), timezone.utc)


def _range(request: Request, found: OpenFile) -> tuple[int, int] | None | str:
    """Return the range to send, None for the whole file, or "" if the file has no such range."""
    header = request.get_header("range")
    wanted = None if header is None else read_byte_range(header)
    if wanted is None:
        return None
    if_range = request.get_header("if-range")
    if if_range is not None and not _is_same_file(if_range, found):
        return None
    start, stop = wanted
    if start < 0 and not found.size:  # the last bytes of an empty file are the file
        return None
    if start < 0:  # section 14.1.2: of a shorter file "the entire representation is used"
        start = max(start, -found.size)
    return Range("bytes", [(start, stop)]).range_for_length(found.size) or ""


def _file_headers(found: OpenFile) -> dict[str, str]:
    headers = {} if found.etag is None else {"ETag": found.etag}
    if found.modified is not None:
        headers["Last-Modified"] = http_date(found.modified)
    return headers


def sent_file_response(found: OpenFile, request: Request) -> Response:
    """Return a 200 with the file, a 206 with a range of it, or a 416 if the file has no such range.

    A 200 to HEAD has no body. Source: RFC 9110 sections 13.1.5, 14.2 and 15.5.17.

    >>> found = OpenFile(io.BytesIO(b"0123456789"), 10, '"e"', None)
    >>> response = sent_file_response(found, Request({"request_method": "get", "headers": {}}))
    >>> response["status"], response["headers"]
    (200, {'ETag': '"e"', 'Content-Length': '10'})
    """
    headers = _file_headers(found)
    length = {"Content-Length": str(found.size)}
    if request["request_method"] == "head":
        return {"status": 200, "headers": headers | length, "body": _Slice(found.file, 0, 0)}
    if is_not_modified(request, {"headers": headers}) or (wanted := _range(request, found)) is None:
        return {"status": 200, "headers": headers | length, "body": found.file}
    if isinstance(wanted, str):
        found.file.close()
        headers["Content-Range"] = f"bytes */{found.size}"
        return {"status": 416, "headers": headers, "body": None}
    start, stop = wanted
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
    headers["Content-Length"] = str(stop - start)
    return {"status": 206, "headers": headers, "body": _Slice(found.file, start, stop)}
