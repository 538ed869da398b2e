"""Write the measured figures into docs/background/performance.md, and draw docs/performance.svg.

Measure on a quiet machine, once on a Python that was built with profile-guided optimization (PGO),
and once on one that was not. Then write the page:

    PGO/bin/python -m benchmarks peers --json benchmarks/results/pgo.json
    PLAIN/bin/python -m benchmarks peers --json benchmarks/results/plain.json
    python -m benchmarks page

A test holds the page and the picture equal to these two files.
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from benchmarks.commands.plot import draw, shown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE, PICTURE = ROOT / "docs" / "background" / "performance.md", ROOT / "docs" / "performance.svg"
BEGIN = "<!-- figures: `python -m benchmarks page` writes these lines -->"
END = "<!-- end -->"
GROUPS = {
    "cookie": "cookie",
    "memory": "memory",
    "redis": "Redis",
    "disk": "disk",
    "site": "whole site",
}
WORKS = ("untouched", "read", "write")
Result = dict[str, Any]  # what `peers --json` wrote


def _pair(pgo: float, plain: float) -> str:
    return f"{shown(pgo)} ({shown(plain)})"


def table(pgo: Result, plain: Result) -> str:
    """Return the Markdown table: a row for each library, a column for each kind of request."""
    lines = [f"| session in | library | {' | '.join(WORKS)} |", "|---|---|---:|---:|---:|"]
    for group, title in GROUPS.items():
        for name, row in pgo["net_us"][group].items():
            other = plain["net_us"][group][name]
            library = f"**{name}**" if name.startswith("ringsession") else name
            cells = [title, library, *(_pair(row[work], other[work]) for work in WORKS)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def noise(*results: Result) -> float:
    """Return the greatest cost that a stack seemed to have beside itself."""
    controls: list[dict[str, float]] = []
    for result in results:
        controls += result["net_us"]["control"].values()
    return max(abs(net) for row in controls for net in row.values())


def remarks(pgo: Result, plain: Result) -> str:
    """Return the paragraphs after the table: a larger session, the machine, and the versions."""
    large, other = (result["net_us"]["cookie, 1 kB"]["ringsession"] for result in (pgo, plain))
    read, write = (_pair(large[work], other[work]) for work in ("read", "write"))
    dumps = _pair(pgo["reference_us"], plain["reference_us"])
    versions = ", ".join(f"{name} {number}" for name, number in pgo["versions"].items())
    paragraphs = (
        f"The session has about 100 bytes. With 1 kB in the cookie, ringsession costs {read} µs to"
        f" read and {write} to write.",
        f"The machine has {pgo['processor']}. The first figures are of Python {pgo['python']}"
        f" with PGO ({pgo['date']}), those in brackets of Python {plain['python']} without"
        f" ({plain['date']}). `json.dumps` of the same session takes {dumps} µs there. A stack"
        f" beside itself seemed to cost up to {shown(noise(pgo, plain))} µs, so a smaller"
        f" difference means nothing.",
        f"The versions: {versions}.",
    )
    return "\n\n".join(textwrap.fill(words, 100, break_on_hyphens=False) for words in paragraphs)


def write_figures(page: str, pgo: Result, plain: Result) -> str:
    """Return the page with these figures in place of those it has."""
    part = f"{BEGIN}\n{table(pgo, plain)}\n\n{remarks(pgo, plain)}\n{END}"
    written, count = re.subn(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: part, page, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"the page: expected {BEGIN} and {END} once, got {count} times")
    return written


def main(arguments: list[str] | None = None) -> None:
    """Write the page and the picture."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks page",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    pgo, plain = (
        json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in ("pgo", "plain")
    )
    PAGE.write_text(write_figures(PAGE.read_text("utf-8"), pgo, plain), encoding="utf-8")
    PICTURE.write_text(draw(pgo), encoding="utf-8")
    print(PAGE.relative_to(ROOT), PICTURE.relative_to(ROOT), sep="\n")
