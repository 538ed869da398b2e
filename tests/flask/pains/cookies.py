"""Pains 19 to 24: cookies, caches and lifetimes."""

from __future__ import annotations

import secrets
import time
from typing import Any

from flask import session

from tests.flask.pains.site import Pain, Subject, add_pages, set_cookies, site

HTTPS = "https://localhost"


def large(subject: Subject) -> Any:
    """Whether a large session is kept by a browser, which takes 4096 octets, or said to be too
    large.
    """
    app = site(subject)

    @app.get("/large")
    def fill() -> str:
        session["text"] = secrets.token_hex(4000)
        return ""

    try:
        answer = app.test_client().get("/large")
    except ValueError:
        return True
    if answer.status_code == 500:
        return not set_cookies(answer)
    sizes = [len(cookie.split(";")[0]) for cookie in set_cookies(answer)]
    return max(sizes) <= 4097  # with the "="


def attributes(subject: Subject) -> Any:
    """Whether a cookie can be Partitioned, and whether what browsers refuse is refused at the
    start.
    """
    safe = {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_SAMESITE": "None"}
    app = site(subject, SESSION_COOKIE_PARTITIONED=True, **safe)
    (cookie,) = set_cookies(app.test_client().get("/set/a/1", base_url=HTTPS))
    try:
        site(subject, SESSION_COOKIE_SAMESITE="None")
    except ValueError:
        return ["Partitioned" in cookie, "refused"]
    return ["Partitioned" in cookie, "sent"]


def tossed(subject: Subject) -> Any:
    """Whose session a victim is in, whose browser sends an attacker's cookie before its own."""
    app = site(subject)
    attacker, victim = app.test_client(), app.test_client()
    attacker.get("/login/eve")
    victim.get("/login/ann")
    pairs = [f"session={browser.get_cookie('session').value}" for browser in (attacker, victim)]
    answer = app.test_client(use_cookies=False).get("/read", headers={"Cookie": "; ".join(pairs)})
    return answer.json != {"user": "eve"}


def deletion(subject: Subject) -> Any:
    """Whether the cookie is deleted under the attributes that it was set with."""
    app = site(subject, SESSION_COOKIE_NAME="__Host-id", SESSION_COOKIE_SECURE=True)
    browser = app.test_client()
    found = []
    for path in ("/set/a/1", "/logout"):
        (cookie,) = set_cookies(browser.get(path, base_url=HTTPS))
        parts = cookie.lower().split("; ")[1:]
        found.append({part for part in parts if not part.startswith(("expires", "max-age"))})
    return found[0] == found[1]


def shared_cache(subject: Subject) -> Any:
    """Return whether a page that reads the session varies, and one that sets it is private."""
    app = site(subject)
    app.add_url_rule("/in", "in", lambda: str("x" in session))
    app.add_url_rule("/len", "len", lambda: str(len(session)))
    browser = app.test_client()
    answer = browser.get("/set/a/1")
    control = answer.headers.get("Cache-Control", "")
    varying = [browser.get(path).headers.get("Vary") for path in ("/in", "/len")]
    return [varying, "private" in control or "no-store" in control]


def lifetime(subject: Subject) -> Any:
    """What is left at the end of an absolute lifetime, of a session in constant use."""
    browser = add_pages(subject.limited_app(1), subject).test_client()
    browser.get("/login/ann")
    end = time.monotonic() + 2.1  # some stores count whole seconds
    while time.monotonic() < end:
        browser.get("/read")
        time.sleep(0.3)
    return browser.get("/read").json


COOKIES = {
    19: Pain("a session too large for its cookie is an error, not lost", large, True),
    20: Pain("Partitioned; SameSite=None without Secure is refused", attributes, [True, "refused"]),
    21: Pain("another's cookie of the same name signs nobody in", tossed, True),
    22: Pain("a cookie is deleted under its own attributes", deletion, True),
    23: Pain(
        "no shared cache serves one user's page to another",
        shared_cache,
        [["Cookie", "Cookie"], True],
    ),
    24: Pain("sessions can have an absolute lifetime, kept by the server", lifetime, {}),
}
