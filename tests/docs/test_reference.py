"""The reference is what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ringsession
from ringsession import LAYERS, to_wsgi
from ringsession.config import place
from werkzeug.test import Client

DOCS = Path(__file__).parents[2] / "docs"


def config_tree() -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_tree", DOCS / "config_tree.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_config_is_made_from_the_code() -> None:
    page = (DOCS / "reference" / "config.md").read_text("utf-8")
    assert page == config_tree().write_page(), "run: python docs/config_tree.py"


def test_each_option_of_each_layer_has_a_meaning() -> None:
    tree = config_tree()
    for layer in LAYERS:
        names = set(tree.find_options(layer.wrap))
        assert set(tree.read_options(layer.wrap)) == names - {"flash"}, place(layer.path)


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    left_out = [name for name in ringsession.__all__ if not re.search(rf"\b{name}\b", pages)]
    assert left_out == []


def documented_keys() -> list[tuple[str, str]]:
    """Return the rows of both tables of the package's docstring: a key, and what is said of it."""
    lines = (ringsession.__doc__ or "").split("\n")
    bars = [number for number, line in enumerate(lines) if line.startswith("=====")]
    rows: list[tuple[str, str]] = []
    for line in lines[bars[1] + 1 : bars[2]] + lines[bars[4] + 1 : bars[5]]:
        key, said = line[:22].strip(), " ".join(line[22:].split())
        rows.append((key, said) if key else (rows[-1][0], f"{rows.pop()[1]} {said}"))
    return rows


def test_the_keys_of_requests_and_responses_are_those_of_the_package() -> None:
    page = (DOCS / "reference" / "requests-and-responses.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*?) \| (.*) \|$", page, re.MULTILINE)
    said = [
        (key, f"{kind} {meaning}".replace("see the meaning", "see right"))
        for key, kind, meaning in rows
    ]
    assert said == documented_keys()


def test_the_first_handler_of_the_page_answers() -> None:
    page = (DOCS / "reference" / "requests-and-responses.md").read_text("utf-8")
    handler, app = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(handler, names)
    app_names: dict[str, object] = {}
    exec(app, app_names)
    wrapped = ringsession.wrap_defaults(to_wsgi(names["handler"]))  # type: ignore[arg-type]
    assert Client(wrapped).get("/?name=Ann").text == "Hello Ann"
    client = Client(app_names["app"])  # type: ignore[arg-type]
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]


def test_the_app_of_the_start_page_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (app,) = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "start"}
    exec(app, names)
    client = names["app"].test_client()
    assert [client.get("/").text for _ in range(2)] == ["Visit 1\n", "Visit 2\n"]
