"""Pains 25 to 31: logins, logouts and secrets."""

from __future__ import annotations

from typing import Any

from tests.flask.pains.site import SECRET, Pain, Subject, also, site

NEW = "another secret of at least 16 bytes"


def fixation(subject: Subject) -> Any:
    """Whether an id that an attacker made up is taken, and what a visitor's old cookie opens after
    the login.
    """
    app = site(subject)
    made_up = "A" * 43
    fixed = app.test_client()
    fixed.set_cookie("session", made_up)
    fixed.get("/login/ann")
    victim = app.test_client()
    victim.get("/set/theme/dark")
    attacker = also(victim)
    victim.get("/login/ann")
    return [fixed.get_cookie("session").value == made_up, "user" in attacker.get("/read").json]


def replay(subject: Subject) -> Any:
    browser = site(subject).test_client()
    browser.get("/login/ann")
    copied = also(browser)
    browser.get("/logout")
    return copied.get("/read").json


def leak(subject: Subject) -> Any:
    """Whether what is stored holds the cookie of a live session."""
    browser = site(subject).test_client()
    browser.get("/login/ann")
    value = browser.get_cookie("session").value.encode()
    return any(value in part for part in subject.records())


def rotation(subject: Subject) -> Any:
    """What a session from before a change of keys holds after it, and once more without the old
    key.
    """
    old = site(subject).test_client()
    old.get("/set/a/1")
    found, browser = [], old
    for keys in ({"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": [SECRET]}, {"SECRET_KEY": NEW}):
        then = site(subject, **keys).test_client()
        then.set_cookie("session", browser.get_cookie("session").value)
        found.append(then.get("/read").json)
        then.get("/set/b/2")
        browser = then
    return found


def no_key(subject: Subject) -> Any:
    """Whether an app without a key works, or is refused before the first user comes."""
    try:
        app = site(subject, SECRET_KEY=None)
    except ValueError:
        return True
    return app.test_client().get("/set/a/1").status_code == 200


def moving_user(subject: Subject) -> Any:
    browser = site(subject).test_client()
    browser.get("/login/ann")
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    agent = {"User-Agent": "another", "X-Forwarded-For": "198.51.100.1"}
    return browser.get("/read", environ_base=elsewhere, headers=agent).json


LOGIN = {
    25: Pain(
        "the login renews the id, and none is taken that was made up", fixation, [False, False]
    ),
    26: Pain("a copied cookie opens nothing after the logout", replay, {}),
    28: Pain("who reads the store cannot use its sessions", leak, False),
    29: Pain("keys can be changed", rotation, [{"a": "1"}, {"a": "1", "b": "2"}]),
    30: Pain("an app that lacks its key does not start", no_key, True),
    31: Pain("a change of address or browser signs nobody out", moving_user, {"user": "ann"}),
}
