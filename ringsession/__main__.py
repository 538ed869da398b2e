"""The command line: `python -m ringsession key`.

Owns the words on the terminal only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ._seal import new_key


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; without arguments, the one on the command line."""
    parser = argparse.ArgumentParser(prog="python -m ringsession")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("key", help="print a random key for cookie_store(key)")
    parser.parse_args(arguments)
    print(new_key())


if __name__ == "__main__":
    main()
