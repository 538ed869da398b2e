"""Draw the import graph of ringsession from its code, and hold the rules of the house.

The order of the packages is a table. Imports only go down in it, so a reader can start at the end.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

import ringsession

ROOT = Path(ringsession.__file__).parent

# Outermost first. A module imports from its own package and from the rows below.
ORDER = (
    ("__main__", "the command line"),
    ("__init__", "the public names"),
    ("flask", "the Flask extension"),
    ("commands", "the commands for operators"),
    ("explain", "a config in words"),
    ("find_config", "the config of an app, also inside other middleware"),
    ("lint", "a layer that checks requests and responses"),
    ("testing", "the contract of a store, for who writes one"),
    ("defaults", "the four configs, and the stack of layers"),
    ("layers", "the order of the layers"),
    ("layer_options", "an entry of a config as keyword arguments"),
    ("config", "configs as nested dicts"),
    ("middleware", "the layers"),
    ("users", "the sessions of a user"),
    ("session", "the session of one request"),
    ("blocking_handlers", "handlers of three arguments"),
    ("wsgi", "everything that knows WSGI"),
    ("late_names", "names that are looked up when somebody uses them"),
    ("stores", "where sessions are kept"),
    ("codec", "sessions as text"),
    ("typed_responses", "pages, texts and values as responses"),
    ("file_responses", "files as responses"),
    ("responses", "response dicts"),
    ("http", "rules of HTTP"),
    ("response_shape", "what every response must have"),
    ("request", "request dicts"),
    ("expanded_requests", "requests that became plain dicts"),
    ("option_error", "a wrong option of a layer"),
)

MOST_LINES = 230
MEDIAN_LINES = 110
MOST_FUNCTION_LINES = 35


class Import(NamedTuple):
    """One import of `target` by `source`. An eager one runs when `source` is imported."""

    source: str
    target: str
    is_eager: bool


@lru_cache
def modules() -> dict[str, Path]:
    """Return each module by its name, `stores.memory`. The root of the package has the name ""."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def parse(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text())


def children(node: ast.AST, is_eager: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node below one, with whether it runs when the module is imported.

    The body of a function and of `if TYPE_CHECKING` does not.
    """
    guarded: list[ast.stmt] = []
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        is_eager = False
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        guarded = node.body
    for child in ast.iter_child_nodes(node):
        runs = is_eager and child not in guarded
        yield child, runs
        yield from children(child, runs)


def imported_names(name: str, node: ast.AST) -> list[str]:
    """Return what an import statement takes from ringsession: `stores.memory.memory_store`."""
    if isinstance(node, ast.Import):
        full = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        parts = ["ringsession", *filter(None, name.split("."))]
        if modules()[name].name != "__init__.py":
            parts.pop()
        base = ".".join(parts[: len(parts) + 1 - node.level]) if node.level else ""
        origin = ".".join(filter(None, (base, node.module)))
        full = [f"{origin}.{alias.name}" for alias in node.names]
    else:
        return []
    return [text.partition(".")[2] for text in full if text.partition(".")[0] == "ringsession"]


@lru_cache
def imports() -> frozenset[Import]:
    """Return every import of one module of ringsession by another."""
    found = set()
    for source in modules():
        for node, is_eager in children(parse(source), True):
            for text in imported_names(source, node):
                target = text if text in modules() else text.rpartition(".")[0]
                assert target in modules(), f"{source} imports {text}, which this test cannot find"
                found.add(Import(source, target, is_eager))
    return frozenset(found)


def room(name: str) -> str:
    return name.partition(".")[0] or "__init__"


def find_cycle(arrows: dict[str, set[str]]) -> list[str] | None:
    """Return the nodes of one cycle, in order, or None."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        for target in sorted(arrows.get(node, ())):
            cycle = walk(target, [*path, node])
            if cycle:
                return cycle
        done.add(node)
        return None

    for node in sorted(arrows):
        cycle = walk(node, [])
        if cycle:
            return cycle
    return None


def draw(arrows: list[tuple[str, str]]) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for source, target in arrows:
        if source != target:
            graph.setdefault(source, set()).add(target)
    return graph


@pytest.mark.parametrize(
    "arrows, cycle",
    [
        ([("a", "b"), ("b", "c"), ("a", "c")], None),
        ([("a", "b"), ("b", "c"), ("c", "b")], ["b", "c", "b"]),
        ([("a", "a")], None),
    ],
)
def test_the_search_for_a_cycle_finds_one(
    arrows: list[tuple[str, str]], cycle: list[str] | None
) -> None:
    assert find_cycle(draw(arrows)) == cycle


def test_the_graph_holds_the_imports_of_a_module_that_has_every_kind() -> None:
    found = {(arrow.target, arrow.is_eager) for arrow in imports() if arrow.source == ""}
    assert {("wsgi", True), ("stores.memory", True), ("stores.redis.store", False)} <= found


def test_no_packages_import_each_other_in_a_cycle() -> None:
    # Imports inside a function or under TYPE_CHECKING are left out: they do not run at import.
    eager = [arrow for arrow in imports() if arrow.is_eager]
    assert find_cycle(draw([(room(a.source), room(a.target)) for a in eager])) is None


def test_no_modules_import_each_other_in_a_cycle() -> None:
    # As above. An import also runs the packages around its target, so a module outside needs them.
    arrows = []
    for source, target, is_eager in imports():
        parts = target.split(".")
        around = [".".join(parts[:length]) for length in range(1, len(parts))]
        outer = [name for name in around if not f"{source}.".startswith(f"{name}.")]
        arrows += [(source, name) for name in (*outer, target)] if is_eager else []
    # A module may use what its own package defines before the package imports the module.
    arrows = [(a, b) for a, b in arrows if not a.startswith(f"{b}.")]
    assert find_cycle(draw(arrows)) is None


def test_the_table_names_every_package_and_every_module_of_the_root() -> None:
    assert sorted(name for name, _ in ORDER) == sorted({room(name) for name in modules()})


def test_no_import_goes_up() -> None:
    rank = {name: index for index, (name, _) in enumerate(ORDER)}
    assert [
        f"{arrow.source} imports {arrow.target}"
        for arrow in sorted(imports())
        if room(arrow.source) != room(arrow.target)
        and rank[room(arrow.source)] >= rank[room(arrow.target)]
    ] == []


def test_a_private_module_is_used_in_its_own_package_only() -> None:
    used = set()
    for source, target, _ in imports():
        package, _, module = target.rpartition(".")
        if module.startswith("_") and not f"{source}.".startswith(f"{package}."):
            used.add((source, target))
    assert used == set()


def test_no_module_of_the_root_is_private() -> None:
    names = [path.stem for path in ROOT.glob("*.py")]
    assert sorted(name for name in names if name.startswith("_")) == ["__init__", "__main__"]


def names_of(package: str) -> set[str]:
    """Return the names that a package's `__init__` defines or imports, except modules."""
    found: set[str] = set()
    for node in ast.walk(parse(package)):
        if isinstance(node, ast.ImportFrom):
            targets = [text for text in imported_names(package, node) if text in modules()]
            as_modules = {text.rpartition(".")[2] for text in targets}
            found |= {alias.asname or alias.name for alias in node.names} - as_modules
    for node in parse(package).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


PACKAGES = sorted(name for name, path in modules().items() if path.name == "__init__.py")


def test_the_names_of_a_package_are_those_that_it_offers() -> None:
    assert set(ringsession.__all__) <= names_of("")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_submodule_bears_the_name_of_something_its_package_offers(package: str) -> None:
    # `import ringsession.response as r` would give the function, and not the module.
    inside = {name.rpartition(".")[2] for name in modules() if name.rpartition(".")[0] == package}
    assert names_of(package) & inside - {""} == set()


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_module_is_too_large() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): lines_of(path) for path in modules().values()}
    large = {name: size for name, size in sizes.items() if size > MOST_LINES}
    assert large == {}


def test_half_of_the_modules_are_small() -> None:
    assert median(map(lines_of, modules().values())) <= MEDIAN_LINES


def functions_of(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield each function with its number of lines, without docstring and decorators."""
    for child in ast.iter_child_nodes(node):
        name = f"{prefix}{getattr(child, 'name', '')}"
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert child.end_lineno is not None
            size = child.end_lineno - child.lineno + 1
            if ast.get_docstring(child) is not None:
                words = child.body[0]
                assert words.end_lineno is not None
                size -= words.end_lineno - words.lineno + 1
            yield name, size
        is_named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        yield from functions_of(child, f"{name}." if is_named else prefix)


def test_no_function_is_too_large() -> None:
    sizes = {
        (source, name): size for source in modules() for name, size in functions_of(parse(source))
    }
    large = {
        f"{source}.{name}": size
        for (source, name), size in sizes.items()
        if size > MOST_FUNCTION_LINES
    }
    assert large == {}
