"""Which pains of those who use sessions are spared by Flask's own, Flask-Session and this package,
each by running it.

    python -m benchmarks pains [NUMBER ...]

The programs are those of `tests/flask/test_pains.py`, which says which pains have none.
Flask-Session keeps sessions as its documentation has it, in Redis, in a database or, for
development, in files. Servers are started for this, on loopback.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import sqlalchemy
from cachelib import FileSystemCache
from flask import Flask, current_app, session
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy

from tests import servers
from tests.flask.pains import PAINS
from tests.flask.pains.ours import InTheCookie, OnAServer
from tests.flask.pains.site import NoStore, Subject

ON_SQL = (11, 36, 37)


class FlaskSession(Subject):
    """Flask-Session with its defaults."""

    package = "flask_session"

    def app(self, **values: Any) -> Flask:
        return self._app(SESSION_TYPE="redis", SESSION_REDIS=self.redis, **values)

    def local_app(self, folder: Any) -> Flask:
        return self._app(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(folder)))

    def limited_app(self, seconds: float) -> Flask:
        return self.app()  # it has no such limit

    def app_on(self, client: Any) -> Flask:
        return self._app(SESSION_TYPE="redis", SESSION_REDIS=client)

    def sql_app(self, engine: sqlalchemy.Engine, **values: Any) -> tuple[Flask, Any]:
        app = super().app(**values)
        app.config["SQLALCHEMY_DATABASE_URI"] = engine.url
        database = SQLAlchemy(app)
        app.config.update({"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": database})
        Session(app)
        return app, database.session

    def renew(self) -> None:
        current_app.session_interface.regenerate(session)

    def _app(self, **values: Any) -> Flask:
        app = super().app(**values)
        Session(app)
        return app


def judge(number: int, subject: Subject, *arguments: Any) -> str:
    """Whether a pain is spared; "-" where it does not arise."""
    _, program, holds = PAINS[number]
    try:
        return "holds" if program(subject, *arguments) == holds else "**fails**"
    except NoStore:
        return "-"
    except Exception as error:  # an extension may break in any way
        return f"**fails** ({type(error).__name__})"


@contextmanager
def _emptied(url: str) -> Iterator[sqlalchemy.Engine]:
    engine = sqlalchemy.create_engine(url)
    try:
        yield engine
    finally:
        with engine.begin() as connection:
            for name in sqlalchemy.inspect(connection).get_table_names():
                connection.execute(sqlalchemy.text(f"DROP TABLE {name}"))
        engine.dispose()


def compare(numbers: list[int], port: int, url: str) -> Iterator[list[str]]:
    """A row for each pain: its number, the claim, and what holds where."""
    with redis.Redis(port=port, socket_timeout=2) as client:
        for number in numbers:
            row = [str(number), PAINS[number].claim]
            for subject in (Subject(), FlaskSession(client), InTheCookie(), OnAServer(client)):
                client.flushdb()
                if number in ON_SQL:
                    with _emptied(url) as engine:
                        row.append(judge(number, subject, engine))
                else:
                    row.append(judge(number, subject))
            yield row


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks pains", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="all without one")
    options = parser.parse_args(arguments)
    logging.disable()
    warnings.simplefilter("ignore")
    valkey, postgresql = servers.valkey(), servers.postgresql()
    try:
        valkey.start()
        postgresql.start()
        print("| | | Flask's own | Flask-Session | ringsession, cookie | ringsession, server |")
        print("|---" * 6 + "|")
        for row in compare(options.numbers or list(PAINS), valkey.port, postgresql.url):
            print(f"| {' | '.join(row)} |", flush=True)
    finally:
        valkey.stop()
        postgresql.stop()


if __name__ == "__main__":
    main()
