"""The command line: `python -m ringsession key`, `explain MODULE:APP`, `create-table STORE` and `sweep STORE`.

Owns the words on the terminal only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .stores.cookie.seal import new_key
from .explain import CONFIGS, explain, find_config
from .stores import StoreUnavailable
from .stores.named import open_store


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; without arguments, the one on the command line."""
    parser = argparse.ArgumentParser(prog="python -m ringsession")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("key", help="print a random key for cookie_store(key)")
    explaining = commands.add_parser(
        "explain", help="print the layers around an app, and what is weak"
    )
    explaining.add_argument("app", help=f"MODULE:APP, or {', '.join(CONFIGS)}")
    for name, text in (
        ("create-table", "make the table of a database for sessions"),
        ("sweep", "remove the sessions that have expired"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("store", help="as in the config: postgresql+psycopg://...")
    given = parser.parse_args(arguments)
    if given.command == "key":
        print(new_key())
        return
    if given.command in ("create-table", "sweep"):
        _maintain(given.command, given.store)
        return
    if "" not in sys.path:
        sys.path.insert(0, "")  # MODULE is looked for in the current folder, as servers do
    try:
        print(explain(find_config(given.app)))
    except ValueError as error:
        sys.exit(f"python -m ringsession explain: {error}")


def _maintain(command: str, text: str) -> None:
    try:
        store = open_store(text)
        if command == "sweep":
            print(f"{store.sweep()} expired sessions removed")
        elif not hasattr(store, "create_table"):
            print("this store makes its own table, or needs none")
        else:
            store.create_table()
            print("the table is there")
    except (ValueError, StoreUnavailable) as error:
        sys.exit(f"python -m ringsession {command}: {error}")


if __name__ == "__main__":
    main()
