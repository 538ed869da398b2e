"""Every vector gives Ring's answer, or stands under a named rule that the docs explain."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ringsession import secure_site_defaults
from ringsession.layer_options import find_value
from tests.ring.configs import RING_SECURE
from tests.ring.replay import is_equal, vectors

RULES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "differences.json").read_text())
UNDER = {vector: rule["name"] for rule in RULES for vector in rule["vectors"]}
DOCS = Path(__file__).parents[2] / "docs" / "background" / "differences-from-ring.md"
VECTORS = {vector["id"]: vector for vector in vectors()}
AREAS = list(dict.fromkeys(vector["area"] for vector in VECTORS.values()))


@cache
def equal(name: str) -> bool:
    return is_equal(VECTORS[name])


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_is_equal_or_under_a_rule_that_still_applies(name: str) -> None:
    if name in UNDER:
        assert not equal(name), f"equal to Ring now: take it out of the rule {UNDER[name]!r}"
    else:
        assert equal(name), "differs from Ring, and no rule says why"


def test_every_rule_names_vectors_that_exist_and_no_vector_has_two() -> None:
    named = [vector for rule in RULES for vector in rule["vectors"]]
    assert set(named) <= VECTORS.keys()
    assert [vector for vector, count in Counter(named).items() if count > 1] == []


def counts() -> dict[str, tuple[int, int]]:
    """Area -> equal, and different by decision."""
    return {
        area: (sum(map(equal, names)), len(names) - sum(map(equal, names)))
        for area in AREAS
        for names in [[name for name in VECTORS if VECTORS[name]["area"] == area]]
    }


def test_at_least_75_percent_are_equal() -> None:
    table = counts()
    same = sum(row[0] for row in table.values())
    core = [
        table[area]
        for area in ("cookie-parse", "cookie-write", "session", "flash", "store", "body")
    ]
    assert same / len(VECTORS) >= 0.75
    assert sum(row[0] for row in core) / sum(map(sum, core)) >= 0.70


def test_the_page_has_every_rule_with_its_reason_and_its_count() -> None:
    section = DOCS.read_text().split("## The rules")[1]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (\d+) \|$", section, re.MULTILINE)
    assert [(name, reason, int(count)) for name, reason, count in rows] == [
        (rule["name"], rule["reason"], len(rule["vectors"])) for rule in RULES
    ]


@pytest.mark.parametrize("path", [("session", "cookie_name"), ("security", "referrer_policy")])
def test_the_page_names_the_values_of_the_secure_config_that_ring_has_otherwise(
    path: tuple[str, ...],
) -> None:
    own, ring = (find_value(config, path, {}) for config in (secure_site_defaults, RING_SECURE))
    section = DOCS.read_text().split("## How a Ring program reads here")[1]
    assert own != ring and f"`{own}`" in section


def test_the_page_has_the_counts_of_every_area() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| (\d+) \| (\d+) \|$", DOCS.read_text(), re.MULTILINE)
    assert {area: tuple(map(int, row)) for area, *row in rows} == counts()
    equal, decided = (sum(column) for column in zip(*counts().values()))
    share = f"{equal} of {equal + decided} exchanges equal ({equal / (equal + decided):.0%})"
    assert f"That is {share}." in DOCS.read_text()
