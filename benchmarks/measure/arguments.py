"""An argument of a command that takes some of a list of names."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Collection


def add_names(parser: ArgumentParser, dest: str, metavar: str, names: Collection[str]) -> None:
    """Let a command take any of these names, or none.

    >>> parser = ArgumentParser()
    >>> add_names(parser, "stores", "STORE", ["memory", "sqlite"])
    >>> parser.parse_args(["sqlite"]).stores, parser.parse_args([]).stores
    (['sqlite'], [])
    """
    listed = ", ".join(names)

    def check(text: str) -> str:
        if text not in names:
            raise ArgumentTypeError(f"expected one of {listed}, got {text!r}")
        return text

    parser.add_argument(dest, nargs="*", metavar=metavar, type=check, help=f"of {listed}")
