"""Run `flask ringsession`: the commands of `python -m ringsession` on the app's own store.

The app is loaded without a check of its store, since the table may be missing that `create-table`
creates. The commands are imported when one runs, so that an app that serves never imports them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from flask import Flask
from flask.cli import ScriptInfo

from ..stores.creating import opened_by_operator
from ..stores.shown_url import show_store
from .logins import SITE

if TYPE_CHECKING:
    from ..commands.answer import Answer, Place

_TITLE = "flask ringsession"
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")


@click.group("ringsession")
@click.version_option(package_name="ringsession", prog_name="ringsession")
def ringsession_commands() -> None:
    """Look after the sessions of the app."""


class _Opened(NamedTuple):
    """The app that `flask` has loaded, its `Site`, and its store."""

    app: Flask
    site: Any
    store: Any

    def find_place(self, *, needs_user: bool = True) -> Place:
        """Return where the sessions are. Raises ValueError for an app without users."""
        from ..commands.answer import Place

        place = Place(self.store, self.site.cookie_name)
        place.find_user_store()
        if needs_user and self.site.config["session"].get("user_key") is None:
            raise ValueError(
                'this app has no ["session"]["user_key"]. Set it to the session key that names the'
                ' user, such as "user"'
            )
        return place


def _load(command: str) -> _Opened:
    """Load the app. Exit with one line if its config is wrong."""
    from ..commands.run import failing_in_one_line

    with failing_in_one_line(f"{_TITLE} {command}"), opened_by_operator():
        app = click.get_current_context().ensure_object(ScriptInfo).load_app()
        site: Any = app.extensions.get(SITE)
        if site is None:
            raise ValueError("this app has no RingSession. Call RingSession(app) first")
        store = site.config["session"]["store"]  # which may build the layers again
        return _Opened(app, site, store)


def _run(
    command: str,
    work: Callable[[_Opened], Answer],
    *,
    as_json: bool = False,
    opened: _Opened | None = None,
) -> None:
    """Load the app, unless it is loaded, call `work` with it, and print the answer."""
    from ..commands.run import run

    found = _load(command) if opened is None else opened
    with found.app.app_context():
        run(f"{_TITLE} {command}", lambda: work(found), as_json=as_json)


@ringsession_commands.command()
def key() -> None:
    """Print a random key for cookie_store(key)."""
    from ..stores.cookie.seal import new_key

    click.echo(new_key())


@ringsession_commands.command()
@click.option("--warn-only", is_flag=True, help="End with exit code 0 in spite of weak points.")
def explain(warn_only: bool) -> None:
    """Print the layers around the app, and its weak points."""
    from ..commands.upkeep import explain_config

    _run("explain", lambda opened: explain_config(opened.site.config, warn_only=warn_only))


@ringsession_commands.command()
@click.argument("user")
@click.option("--show", metavar="KEY", multiple=True, help="A session key to show. Repeatable.")
@_json
def sessions(user: str, show: tuple[str, ...], as_json: bool) -> None:
    """List the sessions of a user."""
    from ..commands.logins import list_sessions

    _run("sessions", lambda opened: list_sessions(opened.find_place(), user, show), as_json=as_json)


@ringsession_commands.command()
@click.argument("user", required=False)
@click.argument("handle", required=False)
@click.option("--all", is_flag=True, help="End all sessions of the user.")
@click.option("--everyone", is_flag=True, help="End all sessions, also those without a user.")
@click.option("--yes", is_flag=True, help="Do not ask before --everyone.")
@_json
def end(user: str | None, handle: str | None, as_json: bool, **switches: bool) -> None:
    """End one session (USER HANDLE), all of a user (USER --all) or those of --everyone."""
    from ..commands.arguments import find_problem

    words = [word for word in (user, handle) if word is not None]
    problem = find_problem("end", SimpleNamespace(store="", words=words, **switches), len(words))
    if problem:
        raise click.UsageError(problem)
    opened = _load("end")
    agrees = not switches["everyone"] or switches["yes"] or _agrees(opened)
    _run("end", lambda _: _end(opened, words, switches, agrees), as_json=as_json, opened=opened)


def _agrees(opened: _Opened) -> bool:
    from ..commands.answer import WrongUsage
    from ..commands.run import agrees_to_end, failing_in_one_line

    try:
        with failing_in_one_line(f"{_TITLE} end"):
            place = opened.find_place(needs_user=False)
            return agrees_to_end(place.cookie_name, show_store(place.store))
    except WrongUsage as error:
        raise click.UsageError(str(error)) from None


def _end(opened: _Opened, words: list[str], switches: dict[str, bool], agrees: bool) -> Answer:
    from ..commands.logins import end_everyone, end_session, end_user
    from ..commands.run import NOT_AGREED

    if not agrees:
        return NOT_AGREED
    place = opened.find_place(needs_user=not switches["everyone"])
    if switches["everyone"]:
        return end_everyone(place)
    return end_user(place, *words) if switches["all"] else end_session(place, *words)


@ringsession_commands.command()
@_json
def count(as_json: bool) -> None:
    """Count the live sessions of the store; no request waits for it."""
    from ..commands.upkeep import count_sessions

    _run(
        "count",
        lambda opened: count_sessions(opened.find_place(needs_user=False)),
        as_json=as_json,
    )


@ringsession_commands.command()
@_json
def sweep(as_json: bool) -> None:
    """Remove expired sessions from the store."""
    from ..commands import upkeep

    _run("sweep", lambda opened: upkeep.sweep(opened.store), as_json=as_json)


@ringsession_commands.command()
@_json
def check(as_json: bool) -> None:
    """Check the store and its server. The exit code is 1 for an error."""
    from ..commands import upkeep

    _run("check", lambda opened: upkeep.check(opened.store), as_json=as_json)


@ringsession_commands.command("create-table")
def create_table() -> None:
    """Create the table for sessions in a database."""
    from ..commands import upkeep

    _run("create-table", lambda opened: upkeep.create_table(opened.store))
