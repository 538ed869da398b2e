"""Each rule takes exactly its characters, to the very end of a text, in a time linear in its
length.
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from typing import Any

import pytest

from ringsession.http import grammar as _grammar
from ringsession.middleware.cookies import _finder

if sys.version_info >= (3, 11):
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_parse as parser

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
PRINTABLE = {chr(code) for code in range(0x21, 0x7F)}


@pytest.mark.parametrize(
    ("rule", "characters"),
    [
        ("TOKEN", {*LETTERS, *DIGITS, *"!#$%&'*+-.^_`|~"}),
        ("COOKIE_VALUE", PRINTABLE - {*",;\\"}),
        ("PLAIN_COOKIE_VALUE", PRINTABLE - {*',;\\"%+'}),
        ("AV_OCTETS", (PRINTABLE | {" "}) - {";"}),
    ],
)
def test_a_rule_takes_exactly_its_characters(rule: str, characters: set[str]) -> None:
    pattern: re.Pattern[str] = getattr(_grammar, rule)
    taken = {chr(code) for code in range(0x3000) if pattern.match(chr(code))}
    assert taken == characters


@pytest.mark.parametrize(
    ("rule", "text", "fits"),
    [
        ("TOKEN", "", False),
        ("TOKEN", "abc", True),
        ("TOKEN", "abc\n", False),
        ("COOKIE_VALUE", "", True),
        ("COOKIE_VALUE", "abc\n", False),
        ("PLAIN_COOKIE_VALUE", "", True),
        ("PLAIN_COOKIE_VALUE", "abc\n", False),
        ("AV_OCTETS", "", True),
        ("AV_OCTETS", "/\n", False),
        ("COOKIE_PATH", "/", True),
        ("COOKIE_PATH", "", False),
        ("COOKIE_PATH", "/a\n", False),
        ("SESSION_ID", "aZ0-_" + 38 * "x", True),
        ("SESSION_ID", 42 * "x", False),
        ("SESSION_ID", 44 * "x", False),
        ("SESSION_ID", 43 * "x" + "\n", False),
        ("SESSION_ID", 42 * "x" + "=", False),
        ("SESSION_ID", 42 * "x" + "ä", False),
        ("SESSION_ID", 42 * "x" + "١", False),  # a digit, but not of ASCII
    ],
)
def test_a_rule_holds_to_the_very_end(rule: str, text: str, fits: bool) -> None:
    pattern: re.Pattern[str] = getattr(_grammar, rule)
    assert bool(pattern.match(text)) == fits


def parts(pattern: str) -> list[tuple[str, Any]]:
    """The parts of a regular expression one after another, groups opened."""
    flat: list[tuple[str, Any]] = []
    for op, argument in parser.parse(pattern):
        inner = argument[-1] if str(op) == "SUBPATTERN" else [(op, argument)]
        flat += [(str(op), argument) for op, argument in inner]
    return flat


def takes(part: tuple[str, Any], code: int) -> bool:
    match part:
        case "LITERAL", literal:
            return bool(code == literal)
        case "NOT_LITERAL", literal:
            return bool(code != literal)
        case "RANGE", (low, high):
            return bool(low <= code <= high)
        case "IN", members:
            return any(takes((str(op), argument), code) for op, argument in members)
        case "AT", _:
            return False
    raise AssertionError(f"nothing is known of {part}")


RULES = [rule for rule in vars(_grammar).values() if isinstance(rule, re.Pattern)]
FINDER: re.Pattern[str] = getattr(_finder("id"), "__self__")


@pytest.mark.parametrize("pattern", [*RULES, FINDER], ids=lambda pattern: str(pattern.pattern))
def test_a_rule_is_linear_as_what_follows_a_repeat_is_none_of_its_characters(
    pattern: re.Pattern[str],
) -> None:
    for (op, argument), following in pairwise(parts(pattern.pattern)):
        if op == "MAX_REPEAT":
            [(inner, members)] = argument[-1]
            item = (str(inner), members)
            assert not any(takes(item, code) and takes(following, code) for code in range(256))


def test_a_search_that_fails_is_never_tried_again_over_the_same_characters() -> None:
    first, *others = parts(FINDER.pattern)
    assert first == ("LITERAL", ord(";"))
    for op, argument in others:
        [(inner, members)] = argument[-1] if op == "MAX_REPEAT" else [(op, argument)]
        assert not takes((str(inner), members), ord(";"))
