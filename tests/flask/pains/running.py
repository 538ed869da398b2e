"""Pains 34 to 39: running an app, and fitting in."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import redis
import sqlalchemy
import valkey
from flask import flash, session
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.flask.pains.site import Pain, Subject, add_pages, overlap, site
from tests.serving import free_port


def store_down(subject: Subject) -> Any:
    """A page without a session, and one with it, where no server answers."""
    client = redis.Redis(port=free_port(), socket_timeout=1, retry=Retry(NoBackoff(), 0))
    browser = add_pages(subject.app_on(client), subject).test_client()
    browser.set_cookie("session", "A" * 43)
    return [browser.get(path).status_code for path in ("/plain", "/read")]


def other_client(subject: Subject) -> Any:
    """What is kept by a client of valkey-py."""
    settings = subject.redis.connection_pool.connection_kwargs if subject.redis else {}
    with valkey.Valkey(
        port=settings.get("port"), db=settings.get("db"), socket_timeout=2
    ) as client:
        browser = add_pages(subject.app_on(client), subject).test_client()
        browser.get("/set/a/1")
        return browser.get("/read").json


def own_transaction(subject: Subject, engine: sqlalchemy.Engine) -> Any:
    """The rows that a view added and never committed, and what a second app on the same database
    answers.
    """
    metadata = sqlalchemy.MetaData()
    orders = sqlalchemy.Table("orders", metadata, sqlalchemy.Column("id", sqlalchemy.Integer))
    metadata.create_all(engine)
    app, view_session = subject.sql_app(engine)
    add_pages(app, subject)

    @app.get("/order")
    def order() -> str:
        view_session.execute(orders.insert().values(id=1))
        session["ordered"] = "1"
        return ""

    app.test_client().get("/order")
    second, _ = subject.sql_app(engine)
    answer = add_pages(second, subject).test_client().get("/set/a/1")
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(orders)).all()
    return [len(rows), answer.status_code]


def tries(subject: Subject, engine: sqlalchemy.Engine) -> Any:
    """How often a statement is tried that fails for a reason which stays."""
    browser = add_pages(subject.sql_app(engine)[0], subject).test_client()
    browser.get("/set/a/1")
    statements: list[str] = []

    def fail(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        statements.append(statement)
        raise TypeError("an argument of the wrong type")

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", fail)
    try:
        browser.get("/read")
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", fail)
    return len(statements)


def messages(subject: Subject) -> Any:
    browser = site(subject).test_client()
    slow = overlap(browser, "/flash/b", lambda: flash("c"))
    browser.get("/set/a/1")
    slow()
    return browser.get("/messages").json


def testing(subject: Subject) -> Any:
    """What a test sets and sees, and whether the package has its types."""
    browser = site(subject).test_client()
    with browser.session_transaction() as before:
        before["a"] = "1"
    answer = browser.get("/read").json
    browser.get("/set/b/2")
    with browser.session_transaction() as after:
        found = after["b"]
    (folder,) = importlib.import_module(subject.package).__path__
    return [answer, found, Path(folder, "py.typed").exists()]


RUNNING = {
    34: Pain("a store that is down stops only who needs it, by a 503", store_down, [200, 503]),
    35: Pain("a client of valkey-py is used, never another server", other_client, {"a": "1"}),
    36: Pain(
        "the view's transaction is its own; two apps share a database", own_transaction, [0, 200]
    ),
    37: Pain("what cannot succeed is not tried again", tries, 1),
    38: Pain("messages of requests at the same time all come", messages, ["b", "c"]),
    39: Pain("tests set and see the session; types are there", testing, [{"a": "1"}, "2", True]),
}
