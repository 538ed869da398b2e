"""How long `import ringsession` takes beside the two libraries that it cannot do without.

    python -m benchmarks imports [--rounds N]

Fresh interpreters in turn: with nothing to import, with werkzeug.http and cryptography's AESGCM,
with ringsession; compiled modules are kept for all of them. What counts is the median of each over
that of the first. The packages' folders are on the path without `site`, since what finds an
editable install has itself imported a part of what is measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from sysconfig import get_path
from time import perf_counter
from typing import NamedTuple

from tests.serving import ROOT

NOTHING = "pass"
LIBRARIES = "import werkzeug.http; from cryptography.hazmat.primitives.ciphers.aead import AESGCM"
OURS = "import ringsession"


class Imports(NamedTuple):
    """Milliseconds over those of an interpreter that imports nothing."""

    libraries: float
    ours: float

    @property
    def ratio(self) -> float:
        return self.ours / self.libraries


def _milliseconds(statement: str, environ: dict[str, str]) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-S", "-c", statement], env=environ, check=True, timeout=60)
    return (perf_counter() - begin) * 1000


def measure(rounds: int) -> Imports:
    """The medians of so many rounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([get_path("purelib"), get_path("platlib"), str(ROOT)])
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONPATH": path}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        times: dict[str, list[float]] = {NOTHING: [], LIBRARIES: [], OURS: []}
        for statement in times:
            _milliseconds(statement, environ)  # compiles
        for _ in range(rounds):
            for statement, column in times.items():
                column.append(_milliseconds(statement, environ))
    nothing, libraries, ours = map(statistics.median, times.values())
    return Imports(libraries - nothing, ours - nothing)


def main(arguments: list[str] | None = None) -> None:
    """Print a line."""
    parser = argparse.ArgumentParser("python -m benchmarks imports", description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    measured = measure(parser.parse_args(arguments).rounds)
    print(
        f"import ringsession: {measured.ours:.0f} ms, {measured.ratio:.2f} x its two libraries'"
        f" {measured.libraries:.0f} ms"
    )
