"""The suites of `suites.json`: fetch one, run it, and read which of its tests passed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
WORK = HERE.parents[1] / ".compat"  # what is fetched, and what the runs write
PYTHON = WORK / "venv" / "bin" / "python"
STORES = ("memory", "cookie")
LONGEST_RUN = 1800  # seconds

Outcomes = dict[str, str]
"""The name of each test, and "passed", "failed" or "skipped"."""


class CompatError(Exception):
    """A suite cannot be fetched, or its run gave no result."""


class Suite(NamedTuple):
    """One package, where its tests are, and the plugin that puts ringsession on them."""

    name: str
    package: str
    version: str
    file: str
    sha256: str
    plugin: str
    tests: list[str]
    short: list[str]
    note: str = ""


SUITES = [Suite(**row) for row in json.loads((HERE / "suites.json").read_text("utf-8"))]


def _run(command: list[str | Path], problem: str) -> None:
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise CompatError(f"{problem}\n{done.stdout[-2000:]}")


def make_environment(requirements: Path) -> None:
    """Install the packages under test and what their suites need, unless that is done."""
    installed = WORK / f"{requirements.stem}.installed"
    pinned = "".join(path.read_text() for path in sorted(HERE.glob("*.txt")))
    if installed.exists() and installed.read_text() == pinned:
        return
    if not PYTHON.exists():
        _run([sys.executable, "-m", "venv", WORK / "venv"], "cannot make an environment")
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet"]
    problem = f"cannot install {requirements.name}: is the package index reachable?"
    _run([*pip, "--requirement", requirements], problem)
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", HERE.parents[1]], problem)
    installed.write_text(pinned)


def fetch(suite: Suite) -> Path:
    """Return the source package of a suite, which is fetched once and checked."""
    archive = WORK / "sdists" / suite.file
    if not archive.exists():
        pin = WORK / f"{suite.package}.txt"
        pin.write_text(f"{suite.package}=={suite.version} --hash=sha256:{suite.sha256}\n")
        pip: list[str | Path] = [PYTHON, "-m", "pip", "download", "--quiet", "--require-hashes"]
        how = ["--no-deps", "--no-build-isolation", f"--no-binary={suite.package}", "--dest"]
        problem = f"cannot fetch the source package of {suite.package} {suite.version}"
        _run([*pip, *how, archive.parent, "--requirement", pin], problem)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != suite.sha256:
        raise CompatError(f"{archive} has another hash than in suites.json: remove it")
    return archive


def _unpack(archive: Path, sources: Path) -> Path:
    """Return the folder of a package, unpacked anew, since suites write into their own folders."""
    shutil.rmtree(sources / archive.name, ignore_errors=True)
    with tarfile.open(archive) as package:
        # Its hash is known. Before 3.11.4 there are no filters, and this is not read.
        package.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        package.extractall(sources / archive.name)
    # A suite without settings of its own would find those of this project further up.
    (sources / "pytest.ini").touch()
    (folder,) = (sources / archive.name).iterdir()
    return folder


def _command(suite: Suite, folder: Path, tests: list[str], store: str | None) -> list[str | Path]:
    if suite.package == "django":
        settings = "--settings=ringsession_django_settings"
        return [PYTHON, folder / "tests" / "runtests.py", settings, "--parallel=1", *tests]
    plugin = ["-p", suite.plugin] if store else []
    places = [f"--rootdir={folder}", "-o", f"cache_dir={folder / '.pytest_cache'}"]
    result = f"--junitxml={_result(suite, store)}"
    return [PYTHON, "-m", "pytest", "-q", *places, result, *plugin, *tests]


def _result(suite: Suite, store: str | None) -> Path:
    return WORK / "results" / f"{suite.package}-{store or 'without'}.xml"


def run_suite(suite: Suite, tests: list[str], store: str | None) -> Outcomes:
    """Run tests of a suite on a store, or without ringsession if the store is None."""
    folder = _unpack(fetch(suite), WORK / "sources" / (store or "without"))
    result = _result(suite, store)
    result.parent.mkdir(exist_ok=True)
    result.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environ |= {"PYTHONPATH": str(HERE / "plugins"), "RINGSESSION_RESULT": str(result)}
    environ |= {"RINGSESSION_STORE": store} if store else {}
    log = result.with_suffix(".log")
    command = _command(suite, folder, tests, store)
    with log.open("wb") as output:
        try:
            subprocess.run(
                command, cwd=folder, env=environ, stdout=output, stderr=output, timeout=LONGEST_RUN
            )
        except subprocess.TimeoutExpired:
            raise CompatError(f"{suite.name} did not end in {LONGEST_RUN} s: see {log}") from None
    if not result.exists() or not (outcomes := read_outcomes(result.read_text("utf-8"))):
        raise CompatError(f"{suite.name} ran no test: see {log}")
    return outcomes


def read_outcomes(xml: str) -> Outcomes:
    """Read a file of JUnit's format. A test with an error in a fixture failed.

    >>> read_outcomes('<testsuite><testcase classname="a.B" name="c"><skipped/></testcase>'
    ...               '<testcase classname="a.B" name="d"/></testsuite>')
    {'a.B::c': 'skipped', 'a.B::d': 'passed'}
    """
    outcomes: Outcomes = {}
    for case in ElementTree.fromstring(xml).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        found = {child.tag for child in case}
        outcome = "failed" if found & {"failure", "error"} else "passed"
        outcome = "skipped" if outcome == "passed" and "skipped" in found else outcome
        if outcomes.get(name) != "failed":
            outcomes[name] = outcome
    return outcomes
