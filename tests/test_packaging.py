"""What the repository's files say of each other holds: one version, one list of Pythons, a whole
wheel.

Reads files and builds the wheel; knows no more of the package than its public names.
"""

from __future__ import annotations

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ringsession

ROOT = Path(__file__).parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def search(pattern: str, text: str) -> str:
    """The first group's first match, as tomllib came only with Python 3.11."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"expected {pattern!r}"
    return match[1]


def test_setup_cfg_holds_flake8_and_nothing_else() -> None:
    setup_cfg = configparser.ConfigParser()
    setup_cfg.read(ROOT / "setup.cfg", "utf-8")
    # setuptools adds a section of its own to the copy in an sdist.
    assert [name for name in setup_cfg.sections() if name != "egg_info"] == ["flake8"]


def test_the_version_is_the_changelogs_newest() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = search(r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$", changelog)
    assert search(r'^version = "(.+)"$', PYPROJECT) == newest


def test_the_links_on_a_package_index_name_one_repository_as_the_readme_does() -> None:
    (table,) = re.findall(r"^\[project\.urls\]\n((?:\w+ = .+\n)+)", PYPROJECT, re.MULTILINE)
    repository = "https://github.com/ringsession/ringsession"
    assert dict(re.findall(r'(\w+) = "(.+)"', table)) == {
        "Homepage": repository,
        "Documentation": "https://ringsession.readthedocs.io",
        "Source": repository,
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    assert f"{repository}/blob/main/CHANGELOG.md" in (ROOT / "README.md").read_text("utf-8")


def test_the_classifiers_begin_at_requires_python_and_leave_no_gap() -> None:
    oldest = int(search(r'^requires-python = ">=3\.(\d+)"$', PYPROJECT))
    listed = [int(minor) for minor in re.findall(r'"[\w ]+ :: Python :: 3\.(\d+)"', PYPROJECT)]
    assert listed == list(range(oldest, oldest + len(listed)))
    assert sys.version_info[:2] <= (3, listed[-1])


def test_the_wheel_holds_every_module_its_data_and_py_typed(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ringsession", tmp_path / "ringsession", ignore=ignore)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "ringsession").rglob("*.py")}
    assert packed == modules | {"ringsession/py.typed", "ringsession/http/media_types.txt"}


def test_the_compiled_form_is_asked_for_by_one_variable(tmp_path: Path) -> None:
    """Only then does the build need mypy, and never for an sdist, which holds no C."""
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    ask = "from setuptools.build_meta import *; print(get_requires_for_build_wheel())"
    needed = {}
    for value in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", f"{ask}; build_sdist('dist')"],
            **{"cwd": tmp_path, "env": {**os.environ, "RINGSESSION_COMPILED": value}},
            **{"check": True, "capture_output": True, "text": True},
        )
        (needed[value],) = [line for line in done.stdout.splitlines() if line.startswith("[")]
        assert list(tmp_path.rglob("*.c")) == []
    assert needed == {"0": "[]", "1": "['mypy>=2.4']"}


def test_no_compiled_module_defines_a_public_name() -> None:
    """Compiled code would refuse a wrong argument before our own errors, which say more."""
    paths = runpy.run_path(str(ROOT / "setup.py"))["COMPILED"]
    assert paths == sorted(paths) and [path for path in paths if not (ROOT / path).exists()] == []
    compiled = {path.removesuffix(".py").replace("/", ".") for path in paths}
    assert "ringsession.session.contents" in compiled  # `name_form` asks it
    public = {name: getattr(ringsession, name) for name in ringsession.__all__}
    found = [name for name, value in public.items() if is_made_in(value, compiled)]
    assert found == []


def is_made_in(value: object, modules: set[str]) -> bool:
    return getattr(value, "__module__", None) in modules


def test_the_readmes_make_commands_are_in_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"(?:^|`|\$ )make ([a-z]+)", readme, re.MULTILINE))
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert named >= {"demo", "test"}
    assert named <= set(targets)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_no_file_names_a_path_of_one_machine() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    tracked = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    a_machines_own = re.compile(r"(?<![\w.])/(root|home|work)/")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked
        if path.is_file()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if a_machines_own.search(line)
    ]
    assert found == []
