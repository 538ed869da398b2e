"""The command line of the benchmarks: `python -m benchmarks NAME`, with what NAME's own `--help`
says.
"""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    *("goals", "overhead", "steps", "stores", "scale", "parsers"),
    *("peers", "plot", "page", "micro", "throughput", "sizing"),
    *("flask", "pains", "imports", "redis_floor", "sweep"),
)

if __name__ == "__main__":
    name, *arguments = sys.argv[1:] or [""]
    if name not in NAMES:
        sys.exit(f"python -m benchmarks: expected one of {', '.join(NAMES)}, got {name!r}")
    import_module(f"benchmarks.commands.{name}").main(arguments)
