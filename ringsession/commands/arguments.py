"""Read the command line of `python -m ringsession`.

STORE is the first word of a command, unless `--store` or the environment variable
`RINGSESSION_STORE` names the store. So the number of the words says what they are, and an error
never shows one of them: a store's URL may hold a password.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from ..find_config import CONFIGS
from .form import name_form

PROGRAM = "python -m ringsession"
VARIABLE = "RINGSESSION_STORE"
_END = "USER HANDLE", "USER --all", "--everyone"
# Each command that works on a store: the words after STORE, and what it does.
_ON_STORE = {
    "sessions": (("USER",), "list the sessions of a user"),
    "end": (_END, "end one or all sessions of a user, or those of everyone"),
    "count": (("",), "count the live sessions; no request waits for it"),
    "sweep": (("",), "remove expired sessions from a store"),
    "check": (("",), "check a store and its server; exit code 1 for an error"),
    "create-table": (("",), "create the table for sessions in a database"),
}
_NAMED = f". {VARIABLE} or --store names the store, so leave STORE out"
_STORE = (
    "STORE is the store's URL, as in the config, such as postgresql+psycopg://... or redis://..."
    f" Leave STORE out if {VARIABLE} or --store names it: a password in {VARIABLE} stands on no"
    " command line."
)


def read_arguments(arguments: Sequence[str] | None, environ: Mapping[str, str]) -> Any:
    """Return the options of a command. Exit with code 2 and how it is used if they are wrong.

    `store` is the URL, and `words` has the words after STORE.
    """
    parser = _make_parser()
    options, extra = parser.parse_known_args(arguments)
    if options.command not in _ON_STORE:
        _refuse_options(parser, extra, extra)
        return options
    dashes = extra.index("--") if "--" in extra else len(extra)
    # `words` is empty if an option stands before the first word; then all words are extra.
    words = [*(options.words or ()), *extra[:dashes], *extra[dashes + 1 :]]
    _refuse_options(options.parser, extra[:dashes], [])
    named = options.store or environ.get(VARIABLE)
    options.store = named or (words[0] if words else None)
    options.words = words if named else words[1:]
    before, hint = ("", _NAMED) if named else ("STORE ", "")
    problem = find_problem(options.command, options, len(words), before=before, hint=hint)
    if problem:
        options.parser.error(problem)
    return options


def _refuse_options(
    parser: argparse.ArgumentParser, extra: Sequence[str], words: Sequence[str]
) -> None:
    unknown = [word.partition("=")[0] for word in extra if word.startswith("-")]
    if unknown:
        parser.error(f"unknown option {' '.join(unknown)}")
    if words:
        parser.error(f"{len(words)} argument{'' if len(words) == 1 else 's'} too many")


def find_problem(
    command: str, options: Any, given: int, *, before: str = "", hint: str = ""
) -> str | None:
    """Return what is wrong with the words of a command, or None.

    options: `store`, `words`, and for "end" the switches. given: the number of words, with STORE.
    before: what stands before the words. hint: a sentence for a wrong number of words.
    """
    if command == "end" and options.yes and not options.everyone:
        return "--yes belongs to --everyone"
    if command == "end" and options.all and options.everyone:
        return "expected --all or --everyone, not both"
    forms = _ON_STORE[command][0]
    form = forms[0]
    if command == "end":
        form = _END[1] if options.all else _END[2] if options.everyone else _END[0]
    expected = sum(word.isupper() for word in form.split())
    if len(options.words) == expected and options.store is not None:
        return None
    shown = " or ".join(f"{before}{each}".strip() for each in forms) or "no argument"
    return f"expected {shown}, got {given} argument{'' if given == 1 else 's'}{hint}"


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, allow_abbrev=False, epilog=_STORE)
    parser.add_argument("--version", action="version", version=name_form())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("key", help="print a random key for cookie_store(key)")
    explaining = commands.add_parser(
        "explain", help="print the layers around an app, and its weak points", allow_abbrev=False
    )
    explaining.add_argument("app", help=f"MODULE:APP, or {', '.join(CONFIGS)}")
    explaining.add_argument(
        "--warn-only", action="store_true", help="end with exit code 0 in spite of weak points"
    )
    for name in _ON_STORE:
        _add_store_command(commands, name)
    return parser


def _add_store_command(commands: Any, name: str) -> None:
    forms, text = _ON_STORE[name]
    usage = "\n       ".join(
        f"{PROGRAM} {name} STORE {form}".rstrip() + " [options]" for form in forms
    )
    command = commands.add_parser(
        name, help=text, usage=usage, description=_STORE, allow_abbrev=False
    )
    command.set_defaults(parser=command)
    command.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    command.add_argument("--store", metavar="URL", help="the store, in place of STORE")
    if name != "create-table":
        command.add_argument("--json", action="store_true", help="print JSON, for a script")
    if name in ("sessions", "end"):
        command.add_argument(
            "--cookie-name",
            metavar="NAME",
            default="ring-session",
            help="that of the app's config; the default is ring-session",
        )
    if name == "sessions":
        show = "a session key to show; may be repeated"
        command.add_argument("--show", metavar="KEY", action="append", default=[], help=show)
    if name == "end":
        command.add_argument("--all", action="store_true", help="end all sessions of the user")
        everyone = "end all sessions of the app, also those without a user"
        command.add_argument("--everyone", action="store_true", help=everyone)
        command.add_argument("--yes", action="store_true", help="do not ask before --everyone")
