"""Response helpers: names, defaults and results are Ring's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ringsession import (
    charset,
    content_type,
    file_response,
    find_header,
    get_charset,
    get_header,
    header,
    redirect,
    resource_response,
    set_cookie,
    update_header,
)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text/html", None),
        ("text/html; charset=utf-8", "utf-8"),
        ('text/html; charset="utf-8"', "utf-8"),
        ("text/html; a=b; CHARSET=x", "x"),
        ("text/html; charset=x; a=b", "x"),
        ("text/html; xcharset=y", None),
        ("text/html; charset=", None),
        ("text/html; charset = utf-8", None),
        ("text/html; charset=a; charset=b", "b"),
        ("charset=x", None),
        ("text/html charset=x", None),
        ('text/html; charset=""', None),
    ],
)
def test_a_charset_is_found_as_ring_finds_it(value: str, found: str | None) -> None:
    assert get_charset({"headers": {"content-type": value}}) == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("text/html; charset=x", "text/html; charset=utf-8"),
        ("text/html;charset=x; a=b", "text/html; a=b; charset=utf-8"),
        (None, "text/plain; charset=utf-8"),
    ],
)
def test_a_charset_is_set_in_place_of_another(before: str | None, after: str) -> None:
    response: Any = {"headers": {} if before is None else {"Content-Type": before}}
    assert charset(response, "utf-8") == {"headers": {"Content-Type": after}}


def test_helpers_give_new_dicts_and_leave_the_old() -> None:
    old: dict[str, Any] = {"status": 200, "headers": {"A": "1"}, "body": ""}
    before = {**old, "headers": dict(old["headers"])}
    header(old, "B", "2")
    content_type(old, "text/css")
    update_header(old, "A", lambda value: value + "1")
    set_cookie(old, "a", 1)
    assert old == before


def test_headers_are_found_whatever_their_case_and_without_any() -> None:
    assert find_header({"headers": {"X-Y": "1"}}, "x-y") == ("X-Y", "1")
    assert find_header({"headers": None}, "x") is None
    assert get_header({}, "x") is None
    assert update_header({}, "X", lambda old, more: more, "new") == {"headers": {"X": "new"}}


def test_a_redirect_has_the_status_it_is_given() -> None:
    assert redirect("/x", 307) == {"status": 307, "headers": {"Location": "/x"}, "body": ""}


def test_a_file_is_answered_with_its_length_and_date(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    os.utime(path, (0, 1_700_000_000.9))
    assert file_response("a.txt", root=tmp_path) == {
        "status": 200,
        "headers": {"Content-Length": "3", "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"},
        "body": path,
    }
    assert file_response(str(path)) == file_response("a.txt", root=tmp_path)


@pytest.mark.parametrize("path", ["../a.txt", "/etc/passwd", "sub/../../a.txt", "sub", "", "no"])
def test_no_file_outside_its_root_and_no_folder_is_answered(tmp_path: Path, path: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"outside")
    (tmp_path / "root" / "sub").mkdir(parents=True)
    assert file_response(path, root=tmp_path / "root") is None


def test_a_packages_file_is_answered() -> None:
    response = resource_response("file_responses.py", package="ringsession")
    assert response is not None and b"def resource_response" in response["body"]
    assert response["headers"]["Content-Length"] == str(len(response["body"]))
