"""Make an open file a response: the whole file, or the one range that the client wants.

It has Last-Modified, ETag, Content-Range and Content-Length. `static.py` finds the file, and
`not_modified.py` answers 304.
"""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any, BinaryIO, NamedTuple

from werkzeug.http import http_date, parse_date

from ..http.conditions import read_byte_range, read_strong_tags
from ..http.file_dates import is_set_by_tool
from ..request import Request, Response
from .not_modified import is_not_modified

_LONGEST = 100  # characters of a header that are read; one date or one entity tag takes fewer
_LONGEST_LIST = 8192  # characters of If-Match that are read


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


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), timezone.utc)


def _read_date(header: str | None) -> datetime | None:
    return None if header is None or len(header) > _LONGEST else parse_date(header)


def _has_exact_date(found: OpenFile) -> bool:
    # RFC 9110 section 8.8.2.2: a date is a strong validator only if no other content can have it.
    return found.modified is not None and not is_set_by_tool(found.modified)


def _is_same_file(if_range: str, found: OpenFile) -> bool:
    """Return whether If-Range names this file, by a strong comparison (RFC 9110 section 13.1.5)."""
    if len(if_range) > _LONGEST:
        return False
    date = _read_date(if_range)
    if date is not None:
        modified = found.modified if _has_exact_date(found) else None
        return modified is not None and date == _date(modified)
    return found.etag is not None and read_strong_tags(if_range) == read_strong_tags(found.etag)


def _is_another_file(request: Request, found: OpenFile) -> bool:
    """Return whether a precondition fails (RFC 9110 section 13.2.2, the steps 1 and 2)."""
    wanted = request.get_header("if-match")
    if wanted is not None:
        tags = read_strong_tags(wanted) if len(wanted) <= _LONGEST_LIST else []
        own = read_strong_tags(found.etag or "")
        return wanted.strip(" \t") != "*" and set(own).isdisjoint(tags)
    since = _read_date(request.get_header("if-unmodified-since"))
    return since is not None and found.modified is not None and _date(found.modified) > since


def _range(request: Request, found: OpenFile) -> tuple[int, int] | None | str:
    """Return the range to send, None for the whole file, or "" if the file has no such range."""
    header = request.get_header("range")
    wanted = None if header is None else read_byte_range(header)
    if wanted is None:
        return None
    if_range = request.get_header("if-range")
    if if_range is not None and not _is_same_file(if_range, found):
        return None
    if request.get_header("if-unmodified-since") is not None and not _has_exact_date(found):
        if request.get_header("if-match") is None:
            return None  # nothing shows that it is the file that the client has
    start, stop = wanted
    if start < 0:  # RFC 9110 section 14.1.2: of a shorter file, the whole is meant
        start, stop = max(start + found.size, 0), found.size
        if found.size == 0:
            return None  # and Content-Range cannot say so
    stop = found.size if stop is None else min(stop, found.size)
    return (start, stop) if start < stop else ""


def _file_headers(found: OpenFile) -> dict[str, str]:
    headers = {} if found.etag is None else {"ETag": found.etag}
    if found.modified is not None:
        headers["Last-Modified"] = http_date(found.modified)
    return headers


def sent_file_response(found: OpenFile, request: Request) -> Response:
    """Return a 200 with the file, a 206 with a range of it, or a 416 if the file has no such range.

    If-Match and If-Unmodified-Since that name another file make it a 412. A 200 to HEAD has no
    body. Source: RFC 9110 sections 13.1, 14.2, 15.5.13 and 15.5.17.

    >>> found = OpenFile(io.BytesIO(b"0123456789"), 10, '"e"', None)
    >>> response = sent_file_response(found, Request({"request_method": "get", "headers": {}}))
    >>> response["status"], response["headers"]
    (200, {'ETag': '"e"', 'Content-Length': '10'})
    """
    headers = _file_headers(found)
    if _is_another_file(request, found):
        found.file.close()
        return {"status": 412, "headers": headers, "body": None}
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
