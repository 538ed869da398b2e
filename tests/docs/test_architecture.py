"""The page on the architecture has the layers of the package."""

from __future__ import annotations

import re
from pathlib import Path

import ringsession
from ringsession import LAYERS
from ringsession.config import place

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "background" / "architecture.md").read_text("utf-8")


def test_the_layer_table_is_the_stack() -> None:
    table = PAGE.split("<!-- layers")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| `(\[.*?)` \| `(\w+)` \| (.*?) \|$", table, re.MULTILINE)
    assert rows == [(place(layer.path), layer.wrap.__name__, layer.reason) for layer in LAYERS]


def test_the_table_of_packages_is_the_folder() -> None:
    folder = Path(ringsession.__file__).parent
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert set(re.findall(r"^\| `ringsession\.(\w+)` \|", PAGE, re.MULTILINE)) == packages
