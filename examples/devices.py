"""Your devices: a user sees their sessions and ends them, written as Ring handlers.

    python examples/devices.py [--store URL] [--port N]

Sign in as ann or ben, in two browsers; end one of the sessions in the other. The store is a SQLite
file in the temporary folder; with --store it is any other: redis://..., postgresql+psycopg://...
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import re
import secrets
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from devices_pages import show_confirm, show_devices, show_login, show_mail

from ringsession import (
    deep_merge,
    open_store,
    see_other,
    site_defaults,
    to_wsgi,
    user_sessions,
    wrap_defaults,
)

COOKIE_NAME = "devices-session"
FRESH = timedelta(minutes=10)  # for which a password that was typed counts
POLICY = {
    "default_src": ["'none'"],
    "style_src": ["{nonce}"],
    "img_src": ["data:"],
    "form_action": ["'self'"],
    "base_uri": ["'none'"],
    "frame_ancestors": ["'none'"],
}


class Account:
    """A user of this example. A real app has a table of them."""

    def __init__(self, password: str, mail: str) -> None:
        self.mail = mail
        self.set_password(password)

    def set_password(self, password: str) -> None:
        self._salt = secrets.token_bytes(16)
        self._hash = self._digest(password)

    def has_password(self, password: object) -> bool:
        return isinstance(password, str) and hmac.compare_digest(self._hash, self._digest(password))

    def _digest(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode(), salt=self._salt, n=2**14, r=8, p=1)


def make_accounts() -> dict[str, Account]:
    return {
        "ann": Account("anns password", "ann@example.org"),
        "ben": Account("bens password", "ben@example.org"),
    }


def name_browser(agent: str) -> str:
    """A short name for a browser, such as "Firefox on Linux". A client may send any text."""
    browsers = ("Edg", "OPR", "Firefox", "Chrome", "Safari", "curl")
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    browser = next((name for name in browsers if name in agent), "A browser")
    system = next((name for name in systems if name in agent), None)
    browser = {"Edg": "Edge", "OPR": "Opera"}.get(browser, browser)
    return browser if system is None else f"{browser} on {system}"


def is_fresh(session) -> bool:
    """Whether the user has typed the password in the last ten minutes."""
    confirmed = session.confirmed
    return confirmed is not None and datetime.now(timezone.utc) - confirmed < FRESH


def tell(url: str, message: str, role: str = "status"):
    return see_other(url) | {"flash": (role, message)}


class Devices:
    """The pages and forms of the example."""

    def __init__(self, users) -> None:
        self.users = users
        self.accounts = make_accounts()
        self.forms = {
            "/login": self.log_in,
            "/logout": self.log_out,
            "/end": self.end,
            "/end-others": self.end_others,
            "/password": self.change_password,
            "/confirm": self.confirm,
            "/mail": self.change_mail,
        }

    def __call__(self, request):
        method, uri = request["request_method"], request["uri"]
        user = request["session"].get("user")
        if method == "post" and uri in self.forms and (user in self.accounts or uri == "/login"):
            return self.forms[uri](request)
        if user not in self.accounts:
            return show_login(request, self.accounts)
        return self.mail_page(request) if uri == "/mail" else self.devices_page(request)

    def devices_page(self, request):
        session = request["session"]
        show = ("browser", "address")
        found = self.users.list(session["user"], current=session, show=show)
        return show_devices(request, session["user"], found)

    def mail_page(self, request):
        session = request["session"]
        if not is_fresh(session):
            return show_confirm(request)
        return show_mail(request, self.accounts[session["user"]].mail)

    def log_in(self, request):
        params, session = request["params"], request["session"]
        account = self.accounts.get(str(params.get("user")))
        if account is None or not account.has_password(params.get("password")):
            return tell("/", "That is not the name and password of a user.", "alert")
        session.destroy()
        session["user"] = params["user"]
        session["browser"] = name_browser(request["headers"].get("user-agent", ""))
        session["address"] = request["remote_addr"]
        session.recreate(remember=params.get("remember") == "1")
        return tell("/", "You are signed in.")

    def log_out(self, request):
        return tell("/", "You are signed out.") | {"session": None}

    def end(self, request):
        ended = self.users.end(request["session"]["user"], request["params"].get("handle"))
        return tell("/", "That device is signed out." if ended else "It was signed out already.")

    def end_others(self, request):
        session = request["session"]
        count = self.users.end_all(session["user"], but=session)
        return tell("/", f"Other devices that were signed out: {count}.")

    def change_password(self, request):
        params, session = request["params"], request["session"]
        account = self.accounts[session["user"]]
        if not account.has_password(params.get("old")):
            return tell("/", "That is not your password.", "alert")
        if len(new := str(params.get("new"))) < 8:
            return tell("/", "A password has at least 8 characters.", "alert")
        account.set_password(new)  # first, so that nobody signs in with the old one any more
        self.users.end_all(session["user"], but=session)
        session.confirm()
        return tell("/", "Your password is changed, and other devices are signed out.")

    def confirm(self, request):
        session = request["session"]
        if not self.accounts[session["user"]].has_password(request["params"].get("password")):
            return tell("/mail", "That is not your password.", "alert")
        session.confirm()
        return see_other("/mail")

    def change_mail(self, request):
        session, mail = request["session"], str(request["params"].get("mail"))
        if not is_fresh(session):
            return see_other("/mail")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", mail):
            return tell("/mail", "That is no e-mail address.", "alert")
        self.accounts[session["user"]].mail = mail
        return tell("/", f"Your e-mail address is {mail} now.")


def make_app(store: str):
    """The example as a WSGI app. store: a store's URL."""
    opened = open_store(store)
    config = deep_merge(
        site_defaults,
        {
            "session": {"store": opened, "cookie_name": COOKIE_NAME, "user_key": "user"},
            "security": {"content_security_policy": {"policy": POLICY}},
        },
    )
    users = user_sessions(opened, cookie_name=COOKIE_NAME)
    return wrap_defaults(to_wsgi(Devices(users)), config)


def main() -> None:
    file = Path(tempfile.gettempdir()) / "ringsession-devices.db"
    parser = argparse.ArgumentParser(description="Your devices, on ringsession.")
    parser.add_argument("--store", default=f"sqlite:///{file}", help="the store's URL")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    app = make_app(options.store)
    print(
        f"Serving your devices on http://127.0.0.1:{options.port} - sign in with two browsers.\n"
        "Ctrl-C ends it.",
        flush=True,
    )
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", options.port, app, threaded=True)


if __name__ == "__main__":
    main()
