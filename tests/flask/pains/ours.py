"""This package as a subject: on a server, and in the cookie.

Owns what `Subject` asks for, in the words of `ringsession.flask`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy
from flask import Flask, session
from sqlalchemy.orm import scoped_session, sessionmaker

from ringsession import redis_store, sql_store, sqlite_store
from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate
from tests.flask.pains.site import Subject


class InTheCookie(Subject):
    """Sealed under SECRET_KEY."""

    package = "ringsession"

    def app(self, **values: Any) -> Flask:
        app = super().app(**values)
        RingSession(app)
        return app

    def limited_app(self, seconds: float) -> Flask:
        app = super().app()
        RingSession(app, {"session": {"absolute_timeout": seconds}})
        return app

    def renew(self) -> None:
        recreate()

    def save_now(self, key: str, value: Any) -> None:
        session.swap(key, lambda _: value)  # type: ignore[attr-defined]


class OnAServer(InTheCookie):
    """In Redis or Valkey."""

    def _app(self, store: Any, **values: Any) -> Flask:
        app = Subject.app(self, **values)
        RingSession(app, {"session": {"store": store}})
        return app

    def app(self, **values: Any) -> Flask:
        return self._app(redis_store(self.redis), **values)

    def local_app(self, folder: Any) -> Flask:
        return self._app(sqlite_store(Path(folder, "sessions.db")))

    def limited_app(self, seconds: float) -> Flask:
        app = Subject.app(self)
        given = {"store": redis_store(self.redis), "absolute_timeout": seconds}
        RingSession(app, {"session": given})
        return app

    def app_on(self, client: Any) -> Flask:
        return self._app(redis_store(client))

    def sql_app(self, engine: sqlalchemy.Engine, **values: Any) -> tuple[Flask, Any]:
        view_session = scoped_session(sessionmaker(engine))
        store = sql_store(engine)
        store.create_table()
        app = self._app(store, **values)
        app.teardown_appcontext(lambda error: view_session.remove())
        return app, view_session
