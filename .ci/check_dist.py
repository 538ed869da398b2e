"""Build the sdist and the wheel of HEAD, check what is in them, and run tests from the sdist.

Run it as `.venv/bin/python .ci/check_dist.py` after `make test` and `make lint`. A new environment
gets the sdist, and finds the libraries in .venv, since to install those anew takes minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

from trove_classifiers import classifiers

ROOT = Path(__file__).resolve().parent.parent

# `sdist` adds these to the repository's files.
METADATA = {"PKG-INFO"} | {
    f"ringsession.egg-info/{name}"
    for name in (
        "PKG-INFO",
        "SOURCES.txt",
        "dependency_links.txt",
        "entry_points.txt",
        "requires.txt",
        "top_level.txt",
    )
}

# A tenth of the tests that read files, so that it takes seconds. Left out are the slow ones.
MARKS = "tenth and not server and not browser and not soak"
SLICE = ("test_*.py", "docs", "examples", "ring", "session/test_same_outcomes.py")
SLOW = ("test_fuzz.py", "test_fuzz_site.py", "test_main.py")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command in a folder, and return what it prints. Show that and exit if it fails."""
    # In a fresh clone CI=true would make a test fail that cannot find a program.
    environ = {key: value for key, value in os.environ.items() if key != "CI"}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build(scratch: Path) -> tuple[Path, Path]:
    """Return the sdist of HEAD, and the wheel that is built from it."""
    # What is committed, not what lies about.
    run("git", "clone", "--quiet", ROOT, "source", cwd=scratch)
    run(sys.executable, "-m", "build", "--outdir", "../dist", cwd=scratch / "source")
    (sdist,) = (scratch / "dist").glob("*.tar.gz")
    (wheel,) = (scratch / "dist").glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, cwd=scratch)
    return sdist, wheel


def compare(name: str, packed: set[str], expected: set[str]) -> None:
    """Exit if an archive holds other files than expected."""
    if packed != expected:
        lines = [f"  lacks {path}" for path in sorted(expected - packed)]
        lines += [f"  has {path}" for path in sorted(packed - expected)]
        raise SystemExit("\n".join([f"{name}:", *lines]))


def check_contents(sdist: Path, wheel: Path, source: Path) -> None:
    """Exit unless the sdist holds the repository, and the wheel the package alone.

    The classifiers of the wheel have to be among those that a package index knows.
    """
    tracked = set(run("git", "ls-files", "-z", cwd=source).split("\0")) - {""}
    with tarfile.open(sdist) as archive:
        files = {member.name.partition("/")[2] for member in archive if member.isfile()}
    compare("the sdist", files, tracked | METADATA)
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        named = set(Parser().parsestr(archive.read(metadata).decode()).get_all("Classifier", []))
    compare("the wheel", packed, {name for name in tracked if name.startswith("ringsession/")})
    compare("the classifiers", named, named & classifiers)


def run_tests(sdist: Path, scratch: Path) -> str:
    """Install the sdist in a new environment, run its tests, and return the last line of pytest."""
    venv.create(scratch / "fresh")
    python = scratch / "fresh/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    run(*pip, "install", "--quiet", "--no-deps", sdist, cwd=scratch)
    (packages,) = (scratch / "fresh/lib").glob("python3*/site-packages")
    # A folder in a .pth is searched, but its own .pth files, such as that of the checkout, are not.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    with tarfile.open(sdist) as archive:
        archive.extractall(scratch)
    tests = scratch / sdist.name.removesuffix(".tar.gz") / "tests"
    paths = sorted({path for pattern in SLICE for path in tests.glob(pattern)})
    paths = [path for path in paths if path.name not in SLOW]
    options = ["-q", "-m", MARKS, "--hypothesis-profile=quick"]
    told = run(python, "-m", "pytest", *options, *paths, cwd=tests.parent)
    return told.strip().splitlines()[-1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sdist, wheel = build(scratch)
        check_contents(sdist, wheel, scratch / "source")
        print(f"{sdist.name} holds the repository, {wheel.name} the package alone")
        print(f"from the sdist: {run_tests(sdist, scratch)}")


if __name__ == "__main__":
    main()
