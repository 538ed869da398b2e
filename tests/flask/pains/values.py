"""Pains 13 to 17: types and formats."""

from __future__ import annotations

import pickle
import tempfile
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import flash, get_flashed_messages, session
from markupsafe import Markup

from tests.flask.pains.site import Pain, Subject, also, site

VALUES = {
    "naive": datetime(2026, 1, 2, 3, 4, 5, 6),
    "aware": datetime(2026, 1, 2, 3, 4, 5, 6, timezone.utc),
    "day": date(2026, 1, 2),
    "span": timedelta(days=1, microseconds=1),
    "price": Decimal("1.10"),
    "pair": (1, "a"),
    "set": {1, 2},
    "octets": b"\x00\xff",
    "id": UUID(int=5),
    "large": 2**70,
    "by number": {1: "a", (2, 3): "b"},
}


def markup(subject: Subject) -> Any:
    app = site(subject)
    found: list[Any] = []

    @app.get("/warn")
    def warn() -> str:
        flash(Markup("<b>saved</b>"))
        return ""

    @app.get("/told")
    def told() -> str:
        found.extend(get_flashed_messages())
        return ""

    browser = app.test_client()
    browser.get("/warn")
    browser.get("/told")
    return [(type(message), str(message)) for message in found]


def types(subject: Subject) -> Any:
    """The values that came back as others, or all where saving them failed."""
    app = site(subject)
    wrong: list[str] = []

    @app.get("/put/<key>")
    def put(key: str) -> str:
        session[key] = VALUES[key]
        return ""

    @app.get("/compare/<key>")
    def compare(key: str) -> str:
        found = session.get(key)
        if (type(found), found) != (type(VALUES[key]), VALUES[key]):
            wrong.append(key)
        return ""

    for key in VALUES:
        browser = app.test_client()
        browser.get(f"/put/{key}")
        browser.get(f"/compare/{key}")
    return wrong


def both_stores(subject: Subject) -> Any:
    """Whether a value that cannot be stored is refused in development as it is in production."""
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for app in (subject.app(), subject.local_app(folder)):

            @app.get("/put")
            def put() -> str:
                session["x"] = {"tags": complex(1, 2)}
                return ""

            answers.append(app.test_client().get("/put").status_code)
    return len(set(answers)) == 1


def garbage(subject: Subject) -> Any:
    """What is answered where the stored session is garbage, and the next time."""
    browser = site(subject).test_client()
    found = []
    for octets in (b"\xff\xfe\xfd", b"{", b"\x91" * 100_000):
        browser.get("/login/ann")
        subject.spoil(browser, octets)
        again = also(browser)
        found += [
            (answer.status_code, answer.json)
            for answer in (browser.get("/read"), again.get("/read"))
        ]
    return found == [(200, {})] * 6


class _Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def planted_pickle(subject: Subject) -> Any:
    """Whether a pickle in the store was executed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "executed")
        browser = site(subject).test_client()
        browser.get("/login/ann")
        subject.spoil(browser, pickle.dumps(_Canary(path)))
        browser.get("/read")
        return path.exists()


VALUES_KEPT = {
    13: Pain("a message may be Markup", markup, [(Markup, "<b>saved</b>")]),
    14: Pain("values come back with their types", types, []),
    15: Pain("what production refuses, development refuses", both_stores, True),
    16: Pain("bad data in the store is an empty session, no error", garbage, True),
    17: Pain("no pickle from the store is executed", planted_pickle, False),
}
