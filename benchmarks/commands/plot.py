"""Draw what `peers --json FILE` wrote: a panel for each kind of store, two bars for each library.

    python -m benchmarks plot FILE [--out FILE.svg]

The picture is written as SVG text, with a light and a dark set of colours. A browser chooses the
set, and each set has its own background, so the text is readable on any page.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

TITLES = {
    "cookie": "Session in the cookie",
    "memory": "Session in memory",
    "redis": "Session on Redis",
    "disk": "Session on disk",
    "site": "The whole site: sessions, CSRF, headers",
}
WORKS = ("read", "write")
LIGHT = {
    **{"ground": "#ffffff", "ink": "#1f2328", "soft": "#57606a", "grid": "#d8dee4"},
    **{"ours-read": "#e0703f", "ours-write": "#a8321a"},
    **{"theirs-read": "#8595a5", "theirs-write": "#4f6173"},
}
DARK = {
    **{"ground": "#131416", "ink": "#e6edf3", "soft": "#9da7b1", "grid": "#2d333b"},
    **{"ours-read": "#ffb08a", "ours-write": "#e8602c"},
    **{"theirs-read": "#a9b7c4", "theirs-write": "#6b7f92"},
}
WIDTH, MARGIN, GAP = 760, 12, 24  # pixels, as all below
PANEL = (WIDTH - 2 * MARGIN - GAP) / 2
NAMES, FIGURES = 114, 42  # room beside the bars
BARS = PANEL - NAMES - FIGURES
ROW, BAR = 32, 12
HEAD, FOOT = 34, 26  # of a panel
TOP = 44
KEY = {"ringsession": "ringsession", "other": "another library", "floor": "floor: the least code"}
KEY_ROWS = range(4)  # as many rows of a panel as the key takes

Works = dict[str, float]
STYLE = """
.ground { fill: var(--ground) }
text { font: 12px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: var(--ink) }
.title { font-weight: 600; font-size: 13px }
.figure { paint-order: stroke; stroke: var(--ground); stroke-width: 3px }
.soft { fill: var(--soft) }
.axis { fill: var(--soft); font-size: 11px }
.ours { font-weight: 600 }
.grid { stroke: var(--grid) }
.floor { fill: var(--ground); stroke: var(--soft) }
"""


def _style() -> str:
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in colours.items())
        for colours in (LIGHT, DARK)
    )
    bars = "\n".join(f".{name} {{ fill: var(--{name}) }}" for name in LIGHT if "-" in name)
    return (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
        f"{STYLE}{bars}\n"
    )


def step_of(most: float) -> float:
    """Return the round number between the marks of an axis that reaches `most`."""
    size = 1.0
    while size * 50 < most:
        size *= 10
    return next(size * part for part in (1, 2, 5, 10) if size * part * 5 >= most)


def shown(figure: float) -> str:
    """Return a figure as a reader needs it."""
    return f"{figure:,.0f}" if figure >= 10 else f"{abs(figure):.1f}"


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    side = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{name}{side}>{escape(words)}</text>'


def _bar(x: float, y: float, width: float, name: str, work: str) -> str:
    whose = "ours" if name.startswith("ringsession") else "theirs"
    kind = "floor" if name == "floor" else f"{whose}-{work}"
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:.2f}" height="{BAR}"/>'


def _peer(x: float, y: float, name: str, works: Works, per_us: float) -> Iterator[str]:
    lines = textwrap.wrap(name, 16)
    middle = y + BAR + 4
    yield '<g class="peer">'
    for number, line in enumerate(lines):
        place = middle + 14 * (number - (len(lines) - 1) / 2)
        kind = "ours" if name.startswith("ringsession") else ""
        yield _text(x + NAMES - 8, place, line, kind, "end")
    for number, work in enumerate(WORKS):
        top, width = y + number * (BAR + 1), max(works[work], 0) * per_us
        yield _bar(x + NAMES, top, width, name, work)
        yield _text(x + NAMES + width + 5, top + BAR - 2, shown(works[work]), "figure")
    yield "</g>"


def _axis(x: float, y: float, height: float, most: float) -> Iterator[str]:
    step, per_us = step_of(most), BARS / most
    for mark in range(int(most / step) + 1):
        place = x + NAMES + mark * step * per_us
        yield f'<line class="grid" x1="{place:g}" x2="{place:g}" y1="{y:g}" y2="{y + height:g}"/>'
        unit = " µs" if mark == 0 else ""
        yield _text(place, y + height + 14, f"{mark * step:,.0f}{unit}", "axis", "middle")


def _panel(x: float, y: float, title: str, peers: dict[str, Works]) -> Iterator[str]:
    """Yield the parts of a panel, whose libraries are in the order of what a read costs."""
    most = max(works[work] for works in peers.values() for work in WORKS)
    yield '<g class="panel">'
    yield _text(x, y + 14, title, "title")
    yield from _axis(x, y + HEAD - 8, ROW * len(peers) + 4, most)
    rows = sorted(peers.items(), key=lambda row: row[1]["read"])
    for number, (name, works) in enumerate(rows):
        yield from _peer(x, y + HEAD + number * ROW, name, works, BARS / most)
    yield "</g>"


def _key(x: float, y: float, result: dict[str, Any]) -> Iterator[str]:
    """Yield what the colours mean, and what was measured where."""
    for number, (name, words) in enumerate(KEY.items()):
        top = y + HEAD + number * 24
        for place, work in enumerate(WORKS):
            yield _bar(x + place * 80, top, 20, name, work)
            yield _text(x + place * 80 + 26, top + 10, work)
        yield _text(x + 164, top + 10, words, "ours" if name == "ringsession" else "")
    when = f"Python {result['python']}, {result['date']}"
    for number, note in enumerate(("Each panel has its own scale, from zero.", when)):
        yield _text(x, y + HEAD + len(KEY) * 24 + 18 + number * 17, note, "soft")


def draw(result: dict[str, Any]) -> str:
    """Return the picture as SVG: two panels beside each other, and the key after the last one."""
    table = {group: result["net_us"][group] for group in TITLES if group in result["net_us"]}
    places = [*table, "key"]
    parts, y = list[str](), float(TOP)
    for pair in (places[at : at + 2] for at in range(0, len(places), 2)):
        for x, group in zip((MARGIN, MARGIN + PANEL + GAP), pair):
            if group == "key":
                parts += _key(x, y, result)
            else:
                parts += _panel(x, y, TITLES[group], table[group])
        y += HEAD + ROW * max(len(table.get(group, KEY_ROWS)) for group in pair) + FOOT
    title = "What a session adds to a request, in microseconds (a shorter bar is better)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:g}" width="{WIDTH}"'
            f' height="{y:g}" role="img" aria-label="{title}">',
            f"<style>\n{_style()}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{y:g}" rx="6"/>',
            _text(MARGIN, 26, title, "title"),
            *parts,
            "</svg>\n",
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the picture. Equal figures give an equal picture."""
    parser = argparse.ArgumentParser("python -m benchmarks plot", description=__doc__)
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--out", metavar="FILE", type=Path, help="FILE with .svg, if not given")
    options = parser.parse_args(arguments)
    out = options.out or options.file.with_suffix(".svg")
    out.write_text(draw(json.loads(options.file.read_text())), encoding="utf-8")
    print(out)
