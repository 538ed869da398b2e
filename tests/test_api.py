"""The public names: what is imported at the top is what is offered there."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ringsession
from ringsession.stores import named

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


def test_the_version_costs_nothing_until_somebody_asks() -> None:
    program = (
        "import sys; before = {*sys.modules}; import ringsession"
        "; print('importlib.metadata' in {*sys.modules} - before, ringsession.__version__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False 0.2.0\n"


def test_a_folder_on_pythonpath_has_an_unknown_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", find_nothing)
    assert ringsession.__version__ == "0+unknown"


BASE_INSTALL = """
import sys

# None makes an import raise ModuleNotFoundError, as on a machine without the package.
blocked = ["redis", "valkey", "sqlalchemy", "flask"] + sys.argv[1:]
sys.modules.update(dict.fromkeys(blocked))
import ringsession
from ringsession import *

assert {name for name in ringsession.__all__ if name not in globals()} == set()
assert wrap_defaults(to_wsgi(lambda request: response("hello")), site_defaults)
for call in (
    lambda: sqlite_store(),
    lambda: redis_store("redis://localhost/0"),
    lambda: sql_store("postgresql+psycopg://host/db"),
):
    try:
        call()
    except (ImportError, TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize(
    "blocked, sqlite",
    [
        ([], "TypeError: sqlite_store() missing 1 required positional argument: 'path'"),
        (
            ["_sqlite3"],
            "ModuleNotFoundError: sqlite_store needs _sqlite3: a Python that has sqlite3",
        ),
    ],
    ids=["with sqlite3", "without sqlite3"],
)
def test_every_name_is_imported_by_a_star_on_a_base_install(
    blocked: list[str], sqlite: str
) -> None:
    command = [sys.executable, "-W", "error", "-c", BASE_INSTALL, *blocked]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.stderr) == (
        [
            sqlite,
            "ValueError: redis_store: redis-py is not installed; pip install 'ringsession[redis]'",
            "ModuleNotFoundError: sql_store needs sqlalchemy: pip install 'ringsession[sql]'",
        ],
        "",
    )


@pytest.mark.parametrize(
    "library, is_ours", [("sqlalchemy", False), ("ringsession.stores.sql.none", True)]
)
def test_only_a_missing_library_waits_for_the_call(
    library: str, is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def import_store(name: str) -> None:
        raise ModuleNotFoundError(f"{name} needs {library}", name=library)

    monkeypatch.setattr(named, "import_store", import_store)
    if is_ours:
        with pytest.raises(ModuleNotFoundError, match=f"sql_store needs {library}"):
            ringsession.sql_store
    else:
        store = ringsession.sql_store
        assert store.__name__ == "sql_store"
        with pytest.raises(ModuleNotFoundError, match=f"sql_store needs {library}") as caught:
            store("postgresql+psycopg://host/db")
        assert caught.value.name == library


def test_every_public_function_and_class_says_what_it_is() -> None:
    undocumented = [
        name
        for name in ringsession.__all__
        if callable(getattr(ringsession, name)) and not getattr(ringsession, name).__doc__
    ]
    assert undocumented == []
