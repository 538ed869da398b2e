"""Pains 9 to 12: what is stored and sent for nothing, and never goes."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy

from tests.flask.pains.site import Pain, Subject, add_pages, set_cookies, site

_OLD, _NEW = 40, 140


def robots(subject: Subject) -> Any:
    app = site(subject)
    answers = [app.test_client().get("/look") for _ in range(50)]
    return [len(subject.records()), sum(len(set_cookies(answer)) for answer in answers)]


def untouched(subject: Subject) -> Any:
    """The commands that ten requests cost which leave a session alone, and their cookies."""
    browser = site(subject).test_client()
    browser.get("/login/ann")

    def commands() -> int:
        return subject.redis.info("stats")["total_commands_processed"] if subject.redis else 0

    before, own = commands(), 1 if subject.redis else 0
    answers = [browser.get("/plain") for _ in range(10)]
    return [commands() - before - own, sum(len(set_cookies(answer)) for answer in answers)]


def expired_rows(subject: Subject, engine: sqlalchemy.Engine) -> Any:
    """Whether the rows of sessions that have ended are gone when new ones have come."""
    app, _ = subject.sql_app(engine, PERMANENT_SESSION_LIFETIME=1)
    add_pages(app, subject)
    for _ in range(_OLD):
        app.test_client().get("/login/ann")
    time.sleep(1.1)
    for _ in range(_NEW):
        app.test_client().get("/login/ann")
    with engine.connect() as connection:
        (table,) = [
            name for name in sqlalchemy.inspect(connection).get_table_names() if "session" in name
        ]
        rows = connection.execute(sqlalchemy.text(f"SELECT count(*) FROM {table}")).scalar_one()
    return rows <= _NEW


def public_page(subject: Subject) -> Any:
    browser = site(subject).test_client()
    browser.get("/stay")
    answer = browser.get("/plain")
    return [set_cookies(answer), answer.headers.get("Vary")]


GROWTH = {
    9: Pain("a robot leaves no record and gets no cookie", robots, [0, 0]),
    10: Pain("a request that leaves the session alone costs no command", untouched, [0, 0]),
    11: Pain("rows of sessions that ended go by themselves", expired_rows, True),
    12: Pain(
        "a page without a session can be cached, also for who has one", public_page, [[], None]
    ),
}
