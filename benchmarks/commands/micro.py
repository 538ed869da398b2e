"""Instructions a request by Callgrind: figures that do not depend on what else the machine does.

    python -m benchmarks micro [--requests N] [--json FILE]

Each work on each store runs N requests in one process and 2N in another, alike but for that; the
difference divided by N is a request, and from it the bare app's own is taken. What the kernel does
is not in it, nor what a processor waits for memory: compare two commits by this, not two machines.
Needs valgrind (Debian: apt-get install valgrind), and a minute or two.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.serving import ROOT

Runs = dict[str, dict[str, list[int]]]  # store -> work -> the processes of N and 2N


def _collected(folder: Path, process: int) -> int:
    """The instructions of a process, from what Callgrind wrote at its end."""
    found = re.search(r"^totals: (\d+)", (folder / str(process)).read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"callgrind: expected a line 'totals: N' for process {process}, got none")
    return int(found[1])


def run(folder: Path, requests: int) -> Runs:
    """All runs, under Callgrind, which leaves a file for each process in `folder`."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        sys.exit("valgrind: expected on PATH (Debian: apt-get install valgrind), not there")
    command = [
        *(valgrind, "--quiet", "--tool=callgrind", f"--callgrind-out-file={folder}/%p"),
        *(sys.executable, "-m", "benchmarks.measure.micro_runs", str(requests)),
    ]
    # The order of a set of texts, and with it a count, would differ from run to run.
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, timeout=900, check=True
    )
    runs: Runs = json.loads(done.stdout)
    return runs


def measure(requests: int) -> dict[str, dict[str, int]]:
    """store -> work -> instructions a request, those of the bare app under "bare"."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = run(folder, requests)
        gross = {
            store: {
                work: (_collected(folder, twice) - _collected(folder, once)) / requests
                for work, (once, twice) in works.items()
            }
            for store, works in runs.items()
        }
    bare = gross.pop("bare")
    nets = {
        store: {work: round(count - bare[work]) for work, count in works.items()}
        for store, works in gross.items()
    }
    return {"bare": {work: round(count) for work, count in bare.items()}, **nets}


def show(table: dict[str, dict[str, int]]) -> str:
    """Return the table."""
    works = list(table["bare"])
    lines = [
        f"| thousands of instructions | {' | '.join(works)} |",
        "|---" * (len(works) + 1) + "|",
    ]
    for store, row in table.items():
        name = "the bare app, by itself" if store == "bare" else store
        lines.append(f"| {name} | {' | '.join(f'{row[work] / 1000:.1f}' for work in works)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks micro", description=__doc__)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    table = measure(options.requests)
    if options.json:
        options.json.write_text(json.dumps({"instructions": table}, indent=2) + "\n")
    print(show(table))
