"""Run `python -m ringsession`: key, explain MODULE:APP, create-table STORE and sweep STORE.

This module reads the command line and prints; the work is done by `explain.py` and the stores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .stores.cookie.seal import new_key
from .explain import explain, find_weaknesses
from .find_config import CONFIGS, find_config
from .session.failure import say
from .stores import StoreUnavailable
from .stores.calling import ask
from .stores.creating import MAY_CREATE
from .stores.named import open_store


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    arguments: None; the words of the command. None means those of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m ringsession")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("key", help="print a random key for cookie_store(key)")
    explaining = commands.add_parser(
        "explain", help="print the layers around an app, and its weak points"
    )
    explaining.add_argument("app", help=f"MODULE:APP, or {', '.join(CONFIGS)}")
    explaining.add_argument(
        "--warn-only", action="store_true", help="end with exit code 0 in spite of weak points"
    )
    for name, text in (
        ("create-table", "create the table for sessions in a database"),
        ("sweep", "remove expired sessions from a store"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "store", help="the store's URL, as in the config: postgresql+psycopg://..."
        )
    options = parser.parse_args(arguments)
    token = MAY_CREATE.set(False)  # the app could not open a file that root has made
    try:
        if options.command == "key":
            print(new_key())
        elif options.command in ("create-table", "sweep"):
            _maintain(options.command, options.store)
        else:
            _explain(options.app, options.warn_only)
    finally:
        MAY_CREATE.reset(token)


def _explain(name: str, warn_only: bool) -> None:
    """Exit with 1 for a config with weak points, so that a deployment can stop there."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # find MODULE in the current folder, as servers do
    try:
        config = find_config(name)
    except ValueError as error:
        print(f"python -m ringsession explain: {error}", file=sys.stderr)
        sys.exit(2)
    print(explain(config))
    if find_weaknesses(config) and not warn_only:
        sys.exit(1)


def _maintain(command: str, text: str) -> None:
    """Exit with 1 and one line if the store cannot be opened or does not answer."""
    try:
        store = open_store(text)
        if command == "sweep":
            check = getattr(store, "check", None)
            if check is not None:
                check()  # Redis needs no sweep, so only this tells whether it answers
            print(f"removed {ask(store.sweep)} expired sessions")
        elif not hasattr(store, "create_table"):
            print("this store needs no create-table: it has no table, or creates it when it opens")
        else:
            store.create_table()
            print("the table exists and has all columns")
    except (ValueError, StoreUnavailable) as error:
        sys.exit(f"python -m ringsession {command}: {say(error)}")


if __name__ == "__main__":
    main()
