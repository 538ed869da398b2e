"""The public names: what is imported at the top is what is offered there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ringsession

SOURCE = Path(ringsession.__file__).read_text()


def test_every_name_that_is_imported_at_the_top_is_offered_and_none_is_a_module() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    aliases = [alias for node in imports if node.level for alias in node.names]
    names = [alias.name for alias in aliases if alias.asname is None]
    assert sorted(ringsession.__all__) == sorted(names)
    assert not [name for name in names if isinstance(getattr(ringsession, name), ModuleType)]


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'ringsession' has no attribute 'sqlit_store'"):
        ringsession.sqlit_store


def test_no_store_brings_its_library_before_it_is_used() -> None:
    program = (
        "import ringsession, sys; print({'sqlite3', 'redis', 'sqlalchemy'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_every_public_function_and_class_says_what_it_is() -> None:
    undocumented = [
        name
        for name in ringsession.__all__
        if callable(getattr(ringsession, name)) and not getattr(ringsession, name).__doc__
    ]
    assert undocumented == []
