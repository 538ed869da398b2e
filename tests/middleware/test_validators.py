"""Which ETag and Last-Modified a file has, and that no client gets parts of two files as one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import assoc_in, file_response, not_found, site_defaults, to_wsgi, wrap_defaults
from ringsession.middleware import _file_tags
from ringsession.middleware._find_file import find_file

HOUR = 3600
LARGE = _file_tags._MOST_HASHED
# Times that tools set: epoch, Nix, zip (in any time zone), yarn, npm, Bazel, before the epoch.
CONSTANT = [
    0, 1, 315_532_800, 315_532_800 - 14 * HOUR, 315_532_800 + 12 * HOUR, 315_532_801,
    456_789_000, 499_162_500, 946_684_799, 946_684_800 + 14 * HOUR, -1, -HOUR, 4_102_444_800,
]  # fmt: skip
SOURCE_DATE_EPOCH = 1_700_000_000
SECOND = 1_000_000_000
WRITTEN = SOURCE_DATE_EPOCH * SECOND + 123_456_789  # what a file system records of a real write


def site(root: Path) -> Client:
    config = assoc_in(site_defaults, ["static", "files"], root)
    return Client(wrap_defaults(to_wsgi(lambda request: not_found("handler")), config))


def write(path: Path, content: bytes, ns: int) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(ns, ns))


def get(client: Client, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/a.bin", headers=named, buffered=True)


def replace(path: Path, content: bytes, ns: int) -> None:
    """Put another file in its place, as a deployment does."""
    write(path.with_name("new"), content, ns)
    path.with_name("new").replace(path)


@pytest.mark.parametrize("change", [write, replace])
@pytest.mark.parametrize("seconds", [*CONSTANT, SOURCE_DATE_EPOCH])
def test_another_content_of_the_same_size_has_another_etag(
    seconds: int, change: Callable[..., None], tmp_path: Path
) -> None:
    client = site(tmp_path)
    write(tmp_path / "a.bin", b"old" * 100, seconds * SECOND)
    old = get(client)
    assert get(client, If_None_Match=old.headers["ETag"]).status_code == 304
    change(tmp_path / "a.bin", b"new" * 100, seconds * SECOND)
    new = get(client, If_None_Match=old.headers["ETag"])
    assert (new.status_code, new.data) == (200, b"new" * 100)
    part = get(client, Range="bytes=150-", If_Range=old.headers["ETag"])
    assert (part.status_code, part.data) == (200, b"new" * 100)
    part = get(client, Range="bytes=298-", If_Range=new.headers["ETag"])
    assert (part.status_code, part.data) == (206, b"ew")


@pytest.mark.parametrize("seconds", CONSTANT)
def test_a_date_that_no_clock_gave_is_no_validator(seconds: int, tmp_path: Path) -> None:
    client = site(tmp_path)
    write(tmp_path / "a.bin", b"0123456789", seconds * SECOND)
    assert "Last-Modified" not in get(client).headers
    for date in ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
                 "Thu, 01 Jan 1970 00:00:01 GMT", "Tue, 01 Jan 1980 00:00:00 GMT"):  # fmt: skip
        assert get(client, If_Modified_Since=date).status_code == 200
        assert get(client, Range="bytes=1-", If_Range=date).status_code == 200
        # Without a date of its own, the file cannot be shown to be the one that the client has.
        assert get(client, Range="bytes=1-", If_Unmodified_Since=date).status_code == 200
    found = file_response("a.bin", root=tmp_path)
    assert found is not None and found["headers"] == {"Content-Length": "10"}


def test_a_date_that_a_tool_set_is_sent_and_joins_no_parts(tmp_path: Path) -> None:
    client = site(tmp_path)
    write(tmp_path / "a.bin", b"0123456789", SOURCE_DATE_EPOCH * SECOND)
    date = get(client).headers["Last-Modified"]
    assert date == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert get(client, If_Modified_Since=date).status_code == 304
    assert get(client, Range="bytes=1-", If_Range=date).status_code == 200
    assert get(client, Range="bytes=1-", If_Unmodified_Since=date).status_code == 200
    etag = get(client).headers["ETag"]
    both = {"If_Unmodified_Since": date, "If_Match": etag}
    assert get(client, Range="bytes=1-", **both).status_code == 206


def test_the_date_of_a_real_write_joins_parts(tmp_path: Path) -> None:
    client = site(tmp_path)
    write(tmp_path / "a.bin", b"0123456789", WRITTEN)
    answer = get(client)
    date = answer.headers["Last-Modified"]
    assert get(client, Range="bytes=1-", If_Range=date).status_code == 206
    later = "Tue, 14 Nov 2023 22:13:21 GMT"
    assert get(client, Range="bytes=1-", If_Range=later).status_code == 200


# -- preconditions


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Match": "own"}, 206),
        ({"If_Match": "*"}, 206),
        ({"If_Match": '"x", own'}, 206),
        ({"If_Match": '"x"'}, 412),
        ({"If_Match": "W/own"}, 412),
        ({"If_Match": ""}, 412),
        ({"If_Match": '"' + "x" * 10_000 + '", own'}, 412),
        ({"If_Match": "own", "If_Unmodified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 206),
        ({"If_Match": '"x"', "If_None_Match": "own"}, 412),
        ({"If_Match": "own", "If_None_Match": "own"}, 304),
        ({"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, 206),
        ({"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:21 GMT"}, 206),
        ({"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 412),
        ({"If_Unmodified_Since": "garbage"}, 206),
        ({"If_Unmodified_Since": "x" * 10_000}, 206),
        ({}, 206),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_part_of_another_file_than_the_client_names_is_a_412(
    headers: Any, status: int, tmp_path: Path
) -> None:
    client = site(tmp_path)
    write(tmp_path / "a.bin", b"0123456789", WRITTEN)
    etag = get(client).headers["ETag"]
    sent = {name: value.replace("own", etag) for name, value in headers.items()}
    answer = get(client, Range="bytes=1-", **sent)
    body = {206: b"123456789", 304: b"", 412: b""}[status]
    assert (answer.status_code, answer.data) == (status, body)
    if status == 412:
        assert "Content-Range" not in answer.headers
        assert client.head("/a.bin", headers={"If-Match": '"x"'}).status_code == 412


# -- hashing


@pytest.fixture
def reads(monkeypatch: Any) -> list[int]:
    """The size of each file that is hashed."""
    hashed: list[int] = []
    hash_file = _file_tags._hash

    def count(file: Any, status: Any) -> Any:
        hashed.append(os.fstat(file.fileno()).st_size)
        return hash_file(file, status)

    monkeypatch.setattr(_file_tags, "_hash", count)
    return hashed


@pytest.fixture
def later(monkeypatch: Any) -> None:
    """The clock an hour from now: files that are made now are no longer new."""
    now = time.time
    monkeypatch.setattr(_file_tags, "time", lambda: now() + HOUR)


def open_file(path: Path) -> Any:
    return find_file(path.name, path.parent)


def etag(path: Path) -> Any:
    found = open_file(path)
    assert found is not None
    with found.file:
        assert found.file.read() == path.read_bytes()
        return found.etag


def test_a_file_is_hashed_once(tmp_path: Path, reads: list[int], later: None) -> None:
    write(tmp_path / "a", b"one", 0)
    write(tmp_path / "b", b"four", 0)
    tags = [etag(tmp_path / name) for name in "aabb"]
    assert (tags[0], tags[2], reads) == (tags[1], tags[3], [3, 4])
    assert tags[0] != tags[2]


@pytest.mark.parametrize("change", [write, replace])
def test_a_changed_file_is_hashed_again(
    change: Callable[..., None], tmp_path: Path, reads: list[int], later: None
) -> None:
    write(tmp_path / "a", b"one", 0)
    first = etag(tmp_path / "a")
    before = os.stat(tmp_path / "a").st_ctime_ns
    while os.stat(tmp_path / "a").st_ctime_ns == before:  # the clock of some file systems is coarse
        change(tmp_path / "a", b"two", 0)
    assert etag(tmp_path / "a") != first
    assert reads == [3, 3]


def test_the_hash_of_a_new_file_is_not_kept(tmp_path: Path, reads: list[int]) -> None:
    # A second change may have the same time on the disk as the first.
    write(tmp_path / "a", b"one", 0)
    assert etag(tmp_path / "a") == etag(tmp_path / "a")
    assert reads == [3, 3]


def test_equal_contents_have_one_etag_on_every_machine(tmp_path: Path) -> None:
    write(tmp_path / "a", b"same", 0)
    write(tmp_path / "b", b"same", SOURCE_DATE_EPOCH * SECOND)
    assert etag(tmp_path / "a") == etag(tmp_path / "b") != '""'


def test_a_file_that_changes_while_it_is_hashed_has_no_validator(
    tmp_path: Path, monkeypatch: Any, later: None
) -> None:
    write(tmp_path / "a.bin", b"one", 0)
    make_digest = _file_tags.blake2b

    def append(digest_size: int) -> Any:
        with open(tmp_path / "a.bin", "ab") as other:
            other.write(b"more")
        return make_digest(digest_size=digest_size)

    monkeypatch.setattr(_file_tags, "blake2b", append)
    answer = get(site(tmp_path), Range="bytes=1-", If_Range="Thu, 01 Jan 1970 00:00:00 GMT")
    assert answer.status_code == 200
    assert "ETag" not in answer.headers and "Last-Modified" not in answer.headers
    monkeypatch.undo()
    assert etag(tmp_path / "a.bin") is not None


def test_a_file_is_closed_where_hashing_fails(tmp_path: Path, monkeypatch: Any) -> None:
    files: list[Any] = []

    def fail(file: Any, status: Any) -> Any:
        files.append(file)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(_file_tags, "_hash", fail)
    write(tmp_path / "a", b"one", 0)
    with pytest.raises(OSError, match="Input/output"):
        open_file(tmp_path / "a")
    assert [file.closed for file in files] == [True]


def test_the_hashes_kept_are_bounded() -> None:
    assert _file_tags._tags.cache_info().maxsize == 4096


def large(path: Path, content: bytes, seconds: int) -> None:
    with open(path, "wb") as file:
        file.truncate(LARGE)
        file.seek(0, os.SEEK_END)
        file.write(content)
    os.utime(path, (seconds, seconds))


def test_a_large_file_is_not_hashed_and_is_known_by_its_change_time(
    tmp_path: Path, reads: list[int], later: None
) -> None:
    path = tmp_path / "a.bin"
    large(path, b"one", 0)
    status = os.stat(path)
    found = open_file(path)
    assert found is not None
    found.file.close()
    assert str(found.etag).strip('"').split("-") == [
        f"{part:x}" for part in (0, LARGE + 3, status.st_ctime_ns, status.st_ino)
    ]
    while os.stat(path).st_ctime_ns == status.st_ctime_ns:
        large(path, b"two", 0)
    again = open_file(path)
    assert again is not None and again.etag not in (None, found.etag)
    again.file.close()
    assert reads == []


def test_a_large_file_is_known_by_the_time_of_a_real_write(tmp_path: Path) -> None:
    large(tmp_path / "a.bin", b"one", 0)
    os.utime(tmp_path / "a.bin", ns=(WRITTEN, WRITTEN))
    assert get(site(tmp_path)).headers["ETag"] == f'"{WRITTEN:x}-{LARGE + 3:x}"'


def test_a_large_file_that_was_just_changed_has_no_etag(tmp_path: Path, reads: list[int]) -> None:
    large(tmp_path / "a.bin", b"one", 0)
    answer = get(site(tmp_path), Range="bytes=1-2", If_Range='""')
    assert (answer.status_code, "ETag" in answer.headers) == (200, False)
    assert get(site(tmp_path), If_None_Match="*").status_code == 304
    assert get(site(tmp_path), Range="bytes=0-1", If_Match='"x"').status_code == 412
    assert get(site(tmp_path), Range="bytes=0-1", If_Match="*").status_code == 206
    assert reads == []


def test_a_file_system_that_records_no_change_gives_a_large_file_no_etag() -> None:
    # squashfs has only one time for each file, in whole seconds.
    status = os.stat_result((0o100644, 5, 1, 1, 0, 0, LARGE + 1, 0, 0, 0))
    assert _file_tags._tag_of_large(status, None) is None
