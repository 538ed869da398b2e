"""The public names: what is imported at the top is what is offered there."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import ringsession

SOURCE = Path(ringsession.__file__).read_text()


def test_every_name_that_is_imported_at_the_top_is_offered_and_none_is_a_module() -> None:
    imports = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert ringsession.__all__ == names
    assert not [name for name in names if isinstance(getattr(ringsession, name), ModuleType)]


def test_every_public_function_and_class_says_what_it_is() -> None:
    undocumented = [
        name
        for name in ringsession.__all__
        if callable(getattr(ringsession, name)) and not getattr(ringsession, name).__doc__
    ]
    assert undocumented == []
