"""Draw the picture of docs/background/performance.md from what `peers --json FILE` wrote.

Each peer has a bar for its read and a bar for its write.

    python -m benchmarks plot FILE [--out FILE.svg]

Owns the picture alone; measures nothing. Needs matplotlib (benchmarks/requirements.txt).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

TITLES = {
    "cookie": "in the cookie",
    "cookie, 1 kB": "in the cookie, 1 kB of data",
    "memory": "in memory",
    "redis": "on Redis",
    "disk": "on disk",
    "site": "a whole site's layers",
}
OURS = {"read": "#f4a582", "write": "#b2182b"}
THEIRS = {"read": "#b8c4ce", "write": "#5b6b7a"}
FLOOR = {"read": "#e3e3e3", "write": "#c8c8c8"}
WIDTH, ROW, LEAST = 9.0, 0.27, 1.0  # inches, inches, us: the left end of a scale that has no zero


class Row(NamedTuple):
    """A peer, or the title of its group."""

    label: str
    works: dict[str, float] | None


def rows_of(table: dict[str, dict[str, dict[str, float]]]) -> list[Row]:
    """From the top down; in each group by what a read costs."""
    rows = []
    for group, title in TITLES.items():
        if group in table:
            peers = sorted(table[group].items(), key=lambda item: item[1]["read"])
            rows += [Row(title, None), *(Row(name, works) for name, works in peers)]
    return rows


def colours(name: str) -> dict[str, str]:
    if name == "floor":
        return FLOOR
    return OURS if name.startswith("ringsession") else THEIRS


def _draw_row(axes: Any, place: int, row: Row) -> None:
    if row.works is None:
        axes.text(LEAST, place + 0.1, row.label, weight="bold", size=9, va="center")
        return
    for work, offset in (("read", -0.2), ("write", 0.2)):
        value = max(row.works[work], LEAST)
        colour = colours(row.label)[work]
        axes.barh(place + offset, value - LEAST, 0.38, left=LEAST, color=colour)
        shown = f"{row.works[work]:.1f}" if value < 10 else f"{value:.0f}"
        axes.text(value * 1.03, place + offset, shown, size=6.5, va="center", color="#333333")


def draw(result: dict[str, Any]) -> Any:
    """The figure, as wide as a README shows it."""
    rows = rows_of(result["net_us"])
    figure, axes = pyplot.subplots(figsize=(WIDTH, ROW * len(rows) + 0.9), layout="constrained")
    for place, row in enumerate(rows):
        _draw_row(axes, place, row)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(len(rows) - 0.3, -0.7)
    peers = [(place, row.label) for place, row in enumerate(rows) if row.works is not None]
    axes.set_yticks([place for place, _ in peers], [label for _, label in peers], size=8)
    for tick, (_, label) in zip(axes.get_yticklabels(), peers):
        tick.set_color(OURS["write"] if label.startswith("ringsession") else "#222222")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    _, right = axes.get_xlim()
    axes.set_xlim(LEAST, right * 1.2)
    axes.set_xlabel("microseconds a request over the same stack without sessions (log)", size=8)
    keys = [("ringsession", OURS), ("others", THEIRS), ("floor", FLOOR)]
    patches = [Patch(color=of[work], label=f"{name}, {work}") for name, of in keys for work in OURS]
    figure.legend(handles=patches, loc="outside upper center", ncols=6, fontsize=7, frameon=False)
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Write the picture, equal for equal figures."""
    parser = argparse.ArgumentParser("python -m benchmarks plot", description=__doc__)
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--out", metavar="FILE", type=Path, help="FILE with .svg, if not given")
    options = parser.parse_args(arguments)
    matplotlib.rcParams["svg.hashsalt"] = "ringsession"
    figure = draw(json.loads(options.file.read_text()))
    out = options.out or options.file.with_suffix(".svg")
    figure.savefig(out, metadata={"Date": None}, facecolor="white")
    print(out)
