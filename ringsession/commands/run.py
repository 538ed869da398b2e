"""Run a command: print its answer, or one line about what went wrong, and exit."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..http.log_text import escape
from ..session.failure import say
from ..stores import StoreUnavailable
from .answer import Answer, WrongUsage
from .waiting import waiting

_INTERRUPTED = 130  # as shells say for Ctrl-C


@contextmanager
def failing_in_one_line(title: str) -> Iterator[None]:
    """Exit with 1 and one line if the store or a config is wrong, or the store does not answer.

    title: the command, such as "flask ringsession sweep".
    """
    try:
        yield
    except (ValueError, StoreUnavailable) as error:
        sys.exit(f"{title}: {say(error)}")
    except KeyboardInterrupt:
        print(f"{title}: interrupted before its end; run it again", file=sys.stderr)
        sys.exit(_INTERRUPTED)


def run(title: str, work: Callable[[], Answer], *, as_json: bool = False) -> None:
    """Print the answer of a command, and exit with its code if that is not 0."""
    with failing_in_one_line(title), waiting(title):
        answer = work()
    _show(json.dumps(answer.data) if as_json else answer.text)
    if answer.code:
        sys.exit(answer.code)


def _show(text: str) -> None:
    """Print a text. It is no error if its reader, such as `head`, has seen enough."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python would write the rest when it exits, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def agrees_to_end(cookie_name: str, where: str) -> bool:
    """Ask on the terminal whether to end the sessions of everyone.

    where: the store, without its secrets. Raises WrongUsage if there is no terminal.
    """
    if not sys.stdin.isatty():
        raise WrongUsage("--everyone: there is no terminal to ask on; write --yes to agree")
    name = escape(cookie_name)
    question = f"End every session of the cookie '{name}' in {where}? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


NOT_AGREED = Answer({"ended": 0}, "ended 0 sessions", 1)
