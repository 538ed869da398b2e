"""The command line: `python -m ringsession key` and `python -m ringsession explain MODULE:APP`.

Owns the words on the terminal only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._seal import new_key
from .explain import CONFIGS, explain, find_config


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; without arguments, the one on the command line."""
    parser = argparse.ArgumentParser(prog="python -m ringsession")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("key", help="print a random key for cookie_store(key)")
    explaining = commands.add_parser(
        "explain", help="print the layers around an app, and what is weak"
    )
    explaining.add_argument("app", help=f"MODULE:APP, or {', '.join(CONFIGS)}")
    given = parser.parse_args(arguments)
    if given.command == "key":
        print(new_key())
        return
    if "" not in sys.path:
        sys.path.insert(0, "")  # MODULE is looked for in the current folder, as servers do
    try:
        print(explain(find_config(given.app)))
    except ValueError as error:
        sys.exit(f"python -m ringsession explain: {error}")


if __name__ == "__main__":
    main()
