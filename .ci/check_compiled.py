"""Build the compiled form of HEAD, install it, and run the tests of what must not weaken on it.

Run it as `.venv/bin/python .ci/check_compiled.py` after `make test`; it needs a C compiler and
Python's headers. A new environment gets the wheel, and finds the libraries in .venv.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The promises, the contract of each store, and requests in every order. Of the tests that read
# figures of the interpreter, such as the calls of a request, none is here.
TESTS = (
    "test_promises.py",
    "session",
    "wsgi",
    "middleware/test_session.py",
    "middleware/test_recreate.py",
    "middleware/test_user_sessions.py",
    "stores/test_contract.py",
    "stores/test_memory.py",
    "stores/test_three_functions.py",
    "stores/cookie",
    "stores/sqlite/test_store.py",
)
# Asks the wheel which form runs, and where each compiled module comes from.
PROGRAM = """
import sys
from importlib import import_module
from importlib.machinery import ExtensionFileLoader
from ringsession.commands.form import name_form

for name in sys.argv[1:]:
    module = import_module(name)
    assert isinstance(module.__loader__, ExtensionFileLoader), name
    assert module.__spec__.origin.startswith(sys.prefix), module.__spec__.origin
print(name_form())
"""


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command in a folder, and return what it prints. Show that and exit if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build(scratch: Path) -> Path:
    """Return the compiled wheel of HEAD; pip gets mypy, as it does for a user."""
    # What is committed, not what lies about.
    run("git", "clone", "--quiet", ROOT, "source", cwd=scratch)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    run(*pip, "--wheel-dir", "wheel", "./source", cwd=scratch, RINGSESSION_COMPILED="1")
    (wheel,) = (scratch / "wheel").glob("*.whl")
    return wheel


def install(wheel: Path, scratch: Path) -> Path:
    """Return the Python of a new environment that has the wheel."""
    venv.create(scratch / "fresh")
    python = scratch / "fresh/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", "--no-deps", wheel, cwd=scratch)
    (packages,) = (scratch / "fresh/lib").glob("python3*/site-packages")
    # A folder in a .pth is searched, but its own .pth files, such as that of the checkout, are not.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python


def check_contents(wheel: Path, compiled: list[str]) -> None:
    """Exit unless the wheel holds each compiled module, and each module as Python too."""
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.namelist()
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    expected = {path.removesuffix(".py") + suffix for path in compiled} | set(compiled)
    if lacking := sorted(expected - set(packed)):
        raise SystemExit("\n".join([f"{wheel.name}:", *(f"  lacks {path}" for path in lacking)]))


def name_module(path: str) -> str:
    """Return the name of the module in a file of the package."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def run_tests(python: Path, source: Path) -> str:
    """Run the tests on the installed package, and return the last line of pytest."""
    shutil.rmtree(source / "ringsession")  # or it would be imported in place of the wheel
    paths = [source / "tests" / name for name in TESTS]
    options = ["-q", "-n", "2", "--dist", "loadfile", "-m", "not soak and not browser"]
    options += ["--hypothesis-profile=quick"]
    told = run(python, "-m", "pytest", *options, *paths, cwd=source)
    return told.strip().splitlines()[-1]


def main() -> None:
    compiled = runpy.run_path(str(ROOT / "setup.py"))["COMPILED"]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        wheel = build(scratch)
        check_contents(wheel, compiled)
        python = install(wheel, scratch)
        form = run(python, "-I", "-c", PROGRAM, *map(name_module, compiled), cwd=scratch)
        if not form.endswith(" (compiled)\n"):
            raise SystemExit(f"expected the compiled form, got {form}")
        print(f"{wheel.name} has {len(compiled)} compiled modules")
        print(f"compiled: {run_tests(python, scratch / 'source')}")


if __name__ == "__main__":
    main()
