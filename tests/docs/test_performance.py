"""The page on performance shows what was measured, and its picture is readable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from benchmarks.commands.page import table, write_figures
from benchmarks.commands.plot import draw
from ringsession.layer_options import find_value
from tests.docs.test_site import luminance

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/background/performance.md").read_text("utf-8")
PICTURE = (ROOT / "docs/performance.svg").read_text("utf-8")
PGO, PLAIN = (
    json.loads((ROOT / f"benchmarks/results/{name}.json").read_text("utf-8"))
    for name in ("pgo", "plain")
)
SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_and_the_picture_show_what_was_measured() -> None:
    assert write_figures(PAGE, PGO, PLAIN) == PAGE
    assert draw(PGO) == PICTURE


def test_both_results_have_the_same_libraries_in_the_same_versions() -> None:
    assert PGO["versions"] == PLAIN["versions"]
    names = [{group: list(rows) for group, rows in run["net_us"].items()} for run in (PGO, PLAIN)]
    assert names[0] == names[1]


def test_a_row_of_the_table_has_the_figures_without_pgo_in_brackets() -> None:
    groups = ("cookie", "memory", "redis", "disk", "site")
    pgo, plain = (
        {"net_us": {group: {"ringsession": works} for group in groups}}
        for works in (
            {"untouched": 8.04, "read": 38.4, "write": 1070.0},
            {"untouched": 19.96, "read": 78.5, "write": 2132.4},
        )
    )
    assert table(pgo, plain).split("\n")[:3] == [
        "| session in | library | untouched | read | write |",
        "|---|---|---:|---:|---:|",
        "| cookie | **ringsession** | 8.0 (20) | 38 (78) | 1,070 (2,132) |",
    ]


def test_a_page_without_a_place_for_the_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0 times"):
        write_figures("# Performance\n", PGO, PLAIN)


def test_the_page_names_no_goal() -> None:
    assert "goal" not in PAGE.lower()


def test_the_config_on_the_page_has_the_store_and_the_passive_path() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(program, "performance.md", "exec"), namespace)
    session = find_value(namespace["config"], ("session",), {})
    assert (session["store"], session["passive"]) == ("unix:///run/redis.sock?db=0", ["/news"])


def panels(svg: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(svg).findall(f"{SVG}g[@class='panel']")


def peers(panel: ElementTree.Element) -> dict[str, list[tuple[float, float]]]:
    """Return the left end and the width of each library's two bars."""
    found = {}
    for peer in panel.iter(f"{SVG}g"):
        if peer.get("class") == "peer":
            texts = [text for text in peer.iter(f"{SVG}text") if text.get("class") != "figure"]
            bars = [
                (float(bar.get("x", "")), float(bar.get("width", "")))
                for bar in peer.iter(f"{SVG}rect")
            ]
            found[" ".join(text.text or "" for text in texts)] = bars
    return found


def marks(panel: ElementTree.Element) -> dict[str, float]:
    """Return where the marks of a panel's axis stand."""
    return {
        text.text or "": float(text.get("x", ""))
        for text in panel.iter(f"{SVG}text")
        if text.get("class") == "axis"
    }


def test_a_bar_begins_at_zero_and_is_as_long_as_its_figure() -> None:
    rows = {
        "ringsession": {"untouched": 1.0, "read": 10.0, "write": 20.0},
        "Beaker": {"untouched": 1.0, "read": 40.0, "write": 80.0},
    }
    (panel,) = panels(draw({"net_us": {"memory": rows}, "python": "3.11.2", "date": "2026-11-28"}))
    places = marks(panel)
    zero, one = places["0 µs"], (places["80"] - places["0 µs"]) / 80
    assert {mark: round((place - zero) / one) for mark, place in places.items()} == {
        "0 µs": 0,
        "20": 20,
        "40": 40,
        "60": 60,
        "80": 80,
    }
    shown = {
        name: [(left == zero, round(width / one, 1)) for left, width in bars]
        for name, bars in peers(panel).items()
    }
    assert shown == {
        "ringsession": [(True, 10.0), (True, 20.0)],
        "Beaker": [(True, 40.0), (True, 80.0)],
    }


def test_every_panel_begins_at_zero() -> None:
    for panel in panels(PICTURE):
        ends = {left for bars in peers(panel).values() for left, _ in bars}
        assert ends == {marks(panel)["0 µs"]}


def test_every_library_of_the_table_is_in_the_picture() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| \**(.*?)\** \| .*\) \|$", PAGE, re.MULTILINE)
    shown: dict[str, set[str]] = {}
    for group, library in rows:
        shown.setdefault(group, set()).add(library)
    assert len(rows) == 24 and len(shown) == 5
    assert [set(peers(panel)) for panel in panels(PICTURE)] == list(shown.values())


@pytest.fixture
def picture(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.set_content(PICTURE)
    yield page
    context.close()


_COLOURS = """([selector, name]) => [...document.querySelectorAll(selector)].map(
    one => getComputedStyle(one)[name].match(/[0-9.]+/g).map(Number))"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_is_readable_in_a_light_and_in_a_dark_page(picture: Page, scheme: Any) -> None:
    picture.emulate_media(color_scheme=scheme)

    def luminances(selector: str, name: str = "fill") -> set[float]:
        return {luminance(colour) for colour in picture.evaluate(_COLOURS, [selector, name])}

    def contrasts(found: set[float]) -> list[float]:
        return [(max(one, ground) + 0.05) / (min(one, ground) + 0.05) for one in found]

    (ground,) = luminances("rect.ground")
    assert (ground > 0.5) == (scheme == "light")
    assert min(contrasts(luminances("text"))) >= 4.5
    assert min(contrasts(luminances("rect:not(.ground, .floor)"))) >= 3
    assert min(contrasts(luminances("rect.floor", "stroke"))) >= 3


_OVERLAPS = """() => {
    const shared = (a, b, side, size) =>
        Math.min(a[side] + a[size], b[side] + b[size]) - Math.max(a[side], b[side]);
    const view = document.querySelector("svg").viewBox.baseVal;
    const texts = [...document.querySelectorAll("text")];
    const boxes = texts.map(text => [text.textContent, text.getBBox()]);
    return boxes.flatMap(([words, box], place) => {
        const cut = shared(box, view, "x", "width") < box.width;
        const others = boxes.slice(place + 1).filter(([_, other]) =>
            shared(box, other, "x", "width") > 0 && shared(box, other, "y", "height") > 3);
        return [...(cut ? [[words]] : []), ...others.map(([others]) => [words, others])];
    });
}"""


@pytest.mark.browser
def test_no_text_of_the_picture_is_cut_off_or_lies_on_another(picture: Page) -> None:
    assert picture.evaluate(_OVERLAPS) == []
