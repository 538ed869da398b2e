"""What a real browser does where another site posts a form: a payment's or a single sign-on's
return.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, flash, get_flashed_messages, session

from ringsession import site_defaults
from ringsession.flask import RingSession
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def make_shop(attrs: dict[str, Any], port: int) -> Flask:
    app = Flask(__name__)
    security = {"anti_forgery": {"trusted_origins": [f"http://pay.test:{port}"]}}
    config = {**site_defaults, "security": security}
    config["session"] = {**site_defaults["session"], "store": "memory:", "cookie_attrs": attrs}
    RingSession(app, config)

    @app.get("/login")
    def login() -> str:
        session["user"] = "ann"
        return "in"

    @app.get("/")
    def home() -> str:
        return f"{session.get('user', 'nobody')} {get_flashed_messages()}"

    @app.post("/paid")
    def paid() -> str:
        flash("paid")
        return f"paid by {session.get('user', 'nobody')}"

    @app.get("/form")  # on the site of the payment service
    def form() -> str:
        return f"<form method=post action=http://www.shop.test:{port}/paid><button>Pay</button>"

    return app


@pytest.fixture
def shop() -> Iterator[Any]:
    apps: dict[str, Any] = {}
    with serving(lambda *call: apps["shop"](*call)) as port:

        def serve(attrs: dict[str, Any]) -> int:
            apps["shop"] = make_shop(attrs, port)
            return port

        yield serve


@pytest.mark.parametrize(
    ("attrs", "paid", "home"),
    [
        ({}, "paid by nobody", "ann []"),
        ({"same_site": None}, "paid by ann", "ann ['paid']"),
    ],
    ids=["Lax", "no attribute"],
)
def test_a_post_from_another_site_signs_nobody_out_and_carries_a_young_cookie_without_samesite(
    chromium: Browser, shop: Any, attrs: dict[str, Any], paid: str, home: str
) -> None:
    port = shop(attrs)
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(f"http://www.shop.test:{port}/login")
        page.goto(f"http://pay.test:{port}/form")
        with page.expect_navigation():
            page.get_by_role("button").click()
        assert page.inner_text("body") == paid
        page.goto(f"http://www.shop.test:{port}/")
        assert page.inner_text("body") == home
    finally:
        context.close()
