"""Run `python -m ringsession`. The package `commands` has the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .commands.answer import Answer, Place, WrongUsage
from .commands.arguments import PROGRAM, read_arguments
from .commands.logins import end_everyone, end_session, end_user, list_sessions
from .commands.run import NOT_AGREED, agrees_to_end, failing_in_one_line, run
from .commands.upkeep import check, count_sessions, create_table, explain_config, sweep
from .find_config import find_config
from .stores.cookie.seal import new_key
from .stores.creating import MAY_CREATE
from .stores.named import open_store
from .stores.shown_url import show_url


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    arguments: None; the words of the command. None means those of the command line.
    """
    options = read_arguments(arguments, os.environ)
    token = MAY_CREATE.set(False)  # the app could not open a file that root has made
    try:
        if options.command == "key":
            print(new_key())
        elif options.command == "explain":
            _explain(options.app, options.warn_only)
        else:
            _run(options)
    finally:
        MAY_CREATE.reset(token)


def _explain(name: str, warn_only: bool) -> None:
    """Exit with 1 for a config with weak points, so that a deployment can stop there."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # find MODULE in the current folder, as servers do
    try:
        config = find_config(name)
    except ValueError as error:
        print(f"{PROGRAM} explain: {error}", file=sys.stderr)
        sys.exit(2)
    run(f"{PROGRAM} explain", lambda: explain_config(config, warn_only=warn_only))


_UPKEEP: dict[str, Callable[[Any], Answer]] = {
    "sweep": sweep,
    "check": check,
    "create-table": create_table,
}


def _run(options: Any) -> None:
    title = f"{PROGRAM} {options.command}"
    with failing_in_one_line(title):
        work = _end(options) if options.command == "end" else _find_work(options)
    as_json = getattr(options, "json", False)
    run(title, lambda: work(open_store(options.store)), as_json=as_json)


def _find_work(options: Any) -> Callable[[Any], Answer]:
    """Return what a command does with its store."""
    if options.command == "sessions":
        name, (user,) = options.cookie_name, options.words
        return lambda store: list_sessions(Place(store, name), user, options.show)
    if options.command == "count":
        return lambda store: count_sessions(Place(store, ""))
    return _UPKEEP[options.command]


def _end(options: Any) -> Callable[[Any], Answer]:
    name = options.cookie_name
    if options.all:
        return lambda store: end_user(Place(store, name), *options.words)
    if not options.everyone:
        return lambda store: end_session(Place(store, name), *options.words)
    try:
        agrees = options.yes or agrees_to_end(name, show_url(options.store))
    except WrongUsage as error:
        options.parser.error(str(error))
    if not agrees:
        return lambda store: NOT_AGREED
    return lambda store: end_everyone(Place(store, name))


if __name__ == "__main__":
    main()
