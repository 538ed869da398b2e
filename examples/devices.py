"""Your devices: a user sees their sessions and ends them, written as Ring handlers.

    python examples/devices.py [--store URL] [--port N]

Sign in as ann or ben, in two browsers; end one of the sessions in the other. The sessions are in a
SQLite file, which is removed when the example ends. With --store they are in any other store, such
as redis://... or postgresql+psycopg://... The users are in memory.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from devices_accounts import make_accounts
from devices_pages import show_confirm, show_devices, show_login, show_mail

from ringsession import (
    deep_merge,
    header,
    open_store,
    see_other,
    site_defaults,
    status,
    text,
    to_wsgi,
    user_sessions,
    wrap_defaults,
)

HERE = Path(__file__).parent
COOKIE_NAME = "devices-session"
FRESH = timedelta(minutes=10)  # for which a password that was typed counts
POLICY = {
    "default_src": ["'none'"],
    "style_src": ["'self'"],
    "img_src": ["data:"],
    "form_action": ["'self'"],
    "base_uri": ["'none'"],
    "frame_ancestors": ["'none'"],
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


def text_of(request, name: str) -> str:
    """A field of the form. A client may send a list or a dict: `name[]=x`, `name[a]=x`."""
    value = request["params"].get(name)
    return value if isinstance(value, str) else ""


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
        self.pages = {
            "/": self.devices_page,
            "/mail": self.mail_page,
            "/login": lambda request: see_other("/"),
        }

    def __call__(self, request):
        method, uri = request["request_method"], request["uri"]
        routes = self.forms if method == "post" else self.pages
        if uri not in self.forms and uri not in self.pages:
            return status(text("Not found"), 404)
        if uri not in routes or method not in ("get", "head", "post"):
            allow = ["GET, HEAD"] * (uri in self.pages) + ["POST"] * (uri in self.forms)
            return header(status(text("Method not allowed"), 405), "Allow", ", ".join(allow))
        if request["session"].get("user") in self.accounts or (method, uri) == ("post", "/login"):
            return routes[uri](request)
        if method == "post":
            return self.login_page(request, "You are signed out. Please sign in.", 403)
        return self.login_page(request) if uri == "/" else see_other("/")

    def login_page(self, request, error="", code=200):
        # An error is shown at once, not as a flash after a redirect: for 60 seconds nothing is
        # stored for a browser whose session was ended.
        return status(show_login(request, self.accounts, error), code)

    def devices_page(self, request):
        session = request["session"]
        show = ("browser", "address")
        found = self.users.list(session["user"], current=session, show=show)
        return show_devices(request, found)

    def mail_page(self, request):
        session = request["session"]
        if not is_fresh(session):
            return show_confirm(request)
        return show_mail(request, self.accounts[session["user"]].mail)

    def log_in(self, request):
        session, user = request["session"], text_of(request, "user")
        account = self.accounts.get(user)
        if account is None or not account.has_password(text_of(request, "password")):
            message = "That is not the name and password of a user."
            return self.login_page(request, message, 422)
        session.destroy()
        session["user"] = user
        session["browser"] = name_browser(request["headers"].get("user-agent", ""))
        session["address"] = request["remote_addr"]
        session.recreate(remember=text_of(request, "remember") == "1")
        return tell("/", "You are signed in.")

    def log_out(self, request):
        return tell("/", "You are signed out.") | {"session": None}

    def end(self, request):
        ended = self.users.end(request["session"]["user"], text_of(request, "handle"))
        return tell("/", "That device is signed out." if ended else "It was signed out already.")

    def end_others(self, request):
        session = request["session"]
        count = self.users.end_all(session["user"], but=session)
        return tell("/", f"Other devices that were signed out: {count}.")

    def change_password(self, request):
        session, new = request["session"], text_of(request, "new")
        account = self.accounts[session["user"]]
        if not account.has_password(text_of(request, "old")):
            return tell("/", "That is not your password.", "alert")
        if len(new) < 8:
            return tell("/", "A password has at least 8 characters.", "alert")
        account.set_password(new)  # first, so that nobody signs in with the old one any more
        self.users.end_all(session["user"], but=session)
        session.confirm()  # the user has just typed it; this gives a new id, as recreate() does
        return tell("/", "Your password is changed, and other devices are signed out.")

    def confirm(self, request):
        session = request["session"]
        if not self.accounts[session["user"]].has_password(text_of(request, "password")):
            return tell("/mail", "That is not your password.", "alert")
        session.confirm()
        return see_other("/mail")

    def change_mail(self, request):
        session, mail = request["session"], text_of(request, "mail")
        if not is_fresh(session):
            return see_other("/mail")
        if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,255}", mail):
            return tell("/mail", "That is not an e-mail address.", "alert")
        self.accounts[session["user"]].mail = mail
        return tell("/", f"Your e-mail address is {mail} now.")


def make_app(store):
    """The example as a WSGI app. store: a server-side store."""
    config = deep_merge(
        site_defaults,
        {
            "session": {"store": store, "cookie_name": COOKIE_NAME, "user_key": "user"},
            "security": {"content_security_policy": {"policy": POLICY}},
            "static": {"files": {"root": HERE / "devices" / "static"}},
        },
    )
    users = user_sessions(store, cookie_name=COOKIE_NAME)
    return wrap_defaults(to_wsgi(Devices(users)), config)


def serve(url: str, port: int) -> None:
    store = open_store(url)
    print(
        f"Serving your devices on http://127.0.0.1:{port} - sign in with two browsers.\n"
        f"The sessions are in {store!r}. Ctrl-C ends the example.",
        flush=True,
    )
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, make_app(store), threaded=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Your devices, on ringsession.")
    parser.add_argument("--store", help="the store's URL (default: a temporary SQLite file)")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    # A folder of its own, since another user of the machine could make a file of a known name.
    with tempfile.TemporaryDirectory(prefix="ringsession-", ignore_cleanup_errors=True) as folder:
        serve(options.store or f"sqlite:///{folder}/devices.db", options.port)


if __name__ == "__main__":
    main()
