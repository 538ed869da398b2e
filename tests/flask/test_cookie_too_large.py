"""A session that is too large for its cookie is an error inside Flask, so that the app sees it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from flask import Flask, flash, session
from flask.signals import got_request_exception

from ringsession import CookieTooLarge
from ringsession.stores.cookie.seal import Keyring, Opened, seal, sealed_length
from tests.flask.apps import make_app, set_cookies

TEXT = "".join(random.Random(5).choices("abcdefghij", k=5000))


def make(act: Any) -> Flask:
    app = make_app(None, TESTING=False)
    app.add_url_rule("/", view_func=lambda: act() or "done")
    return app


@pytest.mark.parametrize(
    "act",
    [
        lambda: session.update(text=TEXT),
        lambda: session.update(own=(TEXT,)),
        lambda: flash(TEXT),
        lambda: [flash(TEXT[:400]) for _ in range(10)][:0],
    ],
    ids=["plain", "tuple", "flash", "messages"],
)
def test_the_apps_error_handlers_answer(act: Any) -> None:
    app, seen = make(act), []

    @app.errorhandler(500)
    def failed(error: Any) -> tuple[str, int]:
        return type(error.original_exception).__name__, 500

    @app.after_request
    def after(response: Any) -> Any:
        seen.append(response.status_code)
        return response

    def heard(sender: Any, exception: BaseException, **_: Any) -> None:
        seen.append(type(exception))

    with got_request_exception.connected_to(heard, app):
        answer = app.test_client().get("/")
    assert (answer.status_code, answer.text, set_cookies(answer)) == (500, "CookieTooLarge", [])
    assert seen == [200, CookieTooLarge, 500]


def test_in_a_test_it_is_raised_and_names_the_largest_key() -> None:
    app = make(lambda: session.update(text=TEXT))
    app.testing = True
    with pytest.raises(CookieTooLarge, match=r"got 6\d{3}; largest keys: 'text' \(5002\)"):
        app.test_client().get("/")


def test_the_largest_session_that_fits_is_sent() -> None:
    sizes = {}
    for size in range(2900, 3000, 4):
        answer = make(lambda: session.update(text=TEXT[:size])).test_client().get("/")
        sizes[size] = answer.status_code
    assert set(sizes.values()) == {200, 500}
    assert sorted(sizes, key=lambda size: (sizes[size], size)) == sorted(sizes)


def test_the_length_of_a_sealed_cookie_is_known_before_it_is_sealed() -> None:
    keyring = Keyring("a key for this test alone")
    for size in range(400):
        opened = Opened(False, bytes(16), 5, 0, 0, 7, 7, 1_800_000, 0, b"x" * size)
        assert len(seal(keyring, "id", opened)) == sealed_length(size)
