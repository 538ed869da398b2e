"""Print the part of CHANGELOG.md that a tag releases: `python .ci/release_notes.py v1.2.3`.

Exit with a reason if the tag, pyproject.toml and the changelog do not name the same version.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def find_notes(tag: str, pyproject: str, changelog: str) -> str:
    """Return the newest released part of the changelog, without its heading."""
    version = re.search(r'^version = "(.+)"$', pyproject, re.MULTILINE)
    if version is None or tag != f"v{version[1]}":
        found = version[1] if version else "none"
        raise SystemExit(f"pyproject.toml: expected the version of the tag {tag}, found {found}")
    heading = rf"^## \[{re.escape(version[1])}\] - \d{{4}}-\d\d-\d\d\n"
    parts = re.split(heading, changelog, maxsplit=1, flags=re.MULTILINE)
    if len(parts) == 1:
        raise SystemExit(f"CHANGELOG.md: expected a heading `## [{version[1]}] - YYYY-MM-DD`")
    unreleased = parts[0].partition("## [Unreleased]\n")[2].strip()
    if unreleased:
        raise SystemExit("CHANGELOG.md: move what is under [Unreleased] to the version")
    return re.split(r"^## ", parts[1], maxsplit=1, flags=re.MULTILINE)[0].strip()


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit("expected one argument, the tag")
    texts = ((ROOT / name).read_text("utf-8") for name in ("pyproject.toml", "CHANGELOG.md"))
    print(find_notes(arguments[0], *texts))


if __name__ == "__main__":
    main(sys.argv[1:])
