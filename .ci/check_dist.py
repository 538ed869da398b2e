"""Build the sdist and the wheel of HEAD, check what is in them, and run tests from the sdist.

Run it as `.venv/bin/python .ci/check_dist.py` after `make test`: a new environment gets the sdist
alone, and takes the libraries of the tests from .venv, since to install them anew takes minutes.
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
from pathlib import Path

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

# Tests that read files from every folder, and a tenth of them, so that it takes seconds.
SLICE = ["tests/test_*.py", "tests/docs", "tests/examples", "tests/ring", "tests/session"]
SLOW = ["tests/test_fuzz.py", "tests/test_fuzz_site.py"]
MARKS = "tenth and not server and not browser and not soak"


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
    venv.create(scratch / "tools", with_pip=True)
    python = scratch / "tools/bin/python"
    run(python, "-m", "pip", "install", "-q", "build", "twine", cwd=scratch)
    run(python, "-m", "build", "--outdir", scratch / "dist", scratch / "source", cwd=scratch)
    (sdist,) = (scratch / "dist").glob("*.tar.gz")
    (wheel,) = (scratch / "dist").glob("*.whl")
    run(python, "-m", "twine", "check", "--strict", sdist, wheel, cwd=scratch)
    return sdist, wheel


def compare(name: str, packed: set[str], expected: set[str]) -> None:
    """Exit if an archive holds other files than expected."""
    if packed != expected:
        lines = [f"  lacks {path}" for path in sorted(expected - packed)]
        lines += [f"  has {path}" for path in sorted(packed - expected)]
        raise SystemExit("\n".join([f"{name}:", *lines]))


def check_contents(sdist: Path, wheel: Path, source: Path) -> None:
    """Exit unless the sdist holds the repository, and the wheel holds the package and no more."""
    tracked = set(run("git", "ls-files", "-z", cwd=source).split("\0")) - {""}
    with tarfile.open(sdist) as archive:
        files = {member.name.partition("/")[2] for member in archive if member.isfile()}
    compare("the sdist", files, tracked | METADATA)
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    compare("the wheel", packed, {name for name in tracked if name.startswith("ringsession/")})


def test_sdist(sdist: Path, scratch: Path) -> str:
    """Install the sdist in a new environment, run a part of its tests, return pytest's last line."""
    venv.create(scratch / "fresh", with_pip=True)
    python = scratch / "fresh/bin/python"
    run(python, "-m", "pip", "install", "-q", sdist, cwd=scratch)
    (packages,) = (scratch / "fresh/lib").glob("python3*/site-packages")
    # A folder in a .pth is searched, but its own .pth files, such as that of the checkout, are not.
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib"))
    with tarfile.open(sdist) as archive:
        # The filter exists in the newest patches of each Python only.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(scratch, **safe)  # type: ignore[arg-type]
    root = scratch / sdist.name.removesuffix(".tar.gz")
    paths = sorted({path for pattern in SLICE for path in root.glob(pattern)})
    options = ["-q", "-m", MARKS, "--hypothesis-profile=quick"]
    options += [f"--ignore={path}" for path in SLOW]
    told = run(python, "-m", "pytest", *options, *paths, cwd=root)
    return told.strip().splitlines()[-1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sdist, wheel = build(scratch)
        check_contents(sdist, wheel, scratch / "source")
        print(f"{sdist.name} holds the repository, {wheel.name} the package alone")
        print(f"from the sdist: {test_sdist(sdist, scratch)}")


if __name__ == "__main__":
    if sys.prefix == sys.base_prefix:
        raise SystemExit("run it with the python of .venv, which has what the tests need")
    main()
