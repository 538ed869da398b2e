"""Conditions and ranges of requests, read without the functions that leave Werkzeug."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ringsession
from ringsession.http.conditions import read_byte_range, read_entity_tags, read_strong_tags

# Werkzeug 3.2 deprecates these functions, and 3.3 removes them.
LEAVING = {
    "dump_csp_header",
    "parse_accept_header",
    "parse_cache_control_header",
    "parse_content_range_header",
    "parse_csp_header",
    "parse_etags",
    "parse_if_range_header",
    "parse_range_header",
    "parse_set_header",
    "unquote_etag",
}


def imported_names(path: Path) -> set[str]:
    imports = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
    ]
    return {name.name for node in imports for name in node.names}


def test_no_module_imports_a_function_that_leaves_werkzeug() -> None:
    paths = list(Path(ringsession.__file__).parent.rglob("*.py"))
    used = {path.name: imported_names(path) & LEAVING for path in paths}
    assert len(paths) > 40
    assert {name: names for name, names in used.items() if names} == {}


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', ["a"]),
        ('W/"a"', ["a"]),
        ('w/"a"', ["a"]),
        ('"a", W/"b" ,\t"c"', ["a", "b", "c"]),
        ('"a,b", "c"', ["a,b", "c"]),
        ('""', [""]),
        ("a, b", ["a", "b"]),
        ("*", ["*"]),
        ('"a" "b", "c"', ["c"]),
        ('"a, "b"', ["b"]),
        ("", []),
        (" , ,", []),
    ],
)
def test_entity_tags_are_read_without_their_weakness(header: str, tags: list[str]) -> None:
    assert read_entity_tags(header) == tags


def test_weak_tags_are_left_out_of_a_strong_comparison() -> None:
    assert read_strong_tags('"a", W/"b" ,w/"c", d, W/e, ""') == ["a", "d", ""]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=5-", (5, None)),
        ("bytes=-2", (-2, None)),
        ("Bytes = 1 - 1", (1, 2)),
        ("bytes=3-2", None),
        ("bytes=-0", (0, 0)),
        ("bytes=-000", (0, 0)),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("bytes=0-1,", None),
        ("items=0-3", None),
        ("bytes=\u0661-\u0663", None),
        ("bytes=+1-3", None),
        ("bytes", None),
        ("", None),
        ("bytes=" + "9" * 100 + "-", None),
    ],
)
def test_one_range_of_bytes_is_read_and_every_other_header_is_none(
    header: str, wanted: tuple[int, int | None] | None
) -> None:
    assert read_byte_range(header) == wanted


@pytest.mark.parametrize("part", [" ", ",", ", ", '"', '"a,', "a", "W/", '"a" ', ', "', "\t,"])
def test_reading_entity_tags_takes_linear_time(part: str) -> None:
    # A pattern that backtracks would need hours for this text; the bound is generous.
    assert len(read_entity_tags(part * 200_000)) <= 200_000


def test_the_pattern_of_a_range_is_only_tried_on_short_headers() -> None:
    assert read_byte_range("bytes=" + " " * 200_000 + "x") is None
