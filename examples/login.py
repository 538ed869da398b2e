"""A login, written as Ring handlers: functions from a request dict to a response dict.

    python examples/login.py [--store memory|cookie] [--key KEY] [--max-age S] [--timeout S]
                             [--cookie-name NAME] [--port N]

For gunicorn: `gunicorn "examples.login:make_app(store='cookie', key='...')"`.
"""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import unquote

from ringsession import (
    cookie_store,
    deep_merge,
    header,
    html,
    memory_store,
    recreate,
    see_other,
    site_defaults,
    status,
    text,
    to_wsgi,
    wrap_defaults,
)

PAGE = Template((Path(__file__).parent / "login.html").read_text())


# -- for curl, which sends no form: a browser's own forms use POST


def login(request, user):
    # A new id at each login: whoever knew the old one is left with nothing.
    return text(f"User set to: {user}") | {
        "session": recreate({**request["session"], "user": user})
    }


def remove(request):
    session = request["session"]
    return text("User removed") | {"session": {k: v for k, v in session.items() if k != "user"}}


def logout(request):
    return text("Session cleared") | {"session": None}


# -- for people


def login_form(request):
    user = request["params"].get("user")
    if not isinstance(user, str) or not user.strip():
        return see_other("/") | {"flash": ("alert", "Please give a name.")}
    user = user.strip()[:40]
    session = recreate({**request["session"], "user": user})
    return see_other("/") | {"session": session, "flash": ("status", f"Welcome, {user}!")}


def remove_form(request):
    return see_other("/") | {
        "session": remove(request)["session"],
        "flash": ("status", "Your name is removed."),
    }


def logout_form(request):
    return see_other("/") | {"session": None, "flash": ("status", "You are logged out.")}


def home(request, cookie):
    session = request["session"]
    user, left = session.get("user"), session.expires_in
    role, message = request["flash"] or ("", "")
    told = f'<p class="{role}" role="{role}">{escape(message)}</p>' if message else ""
    rows = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(repr(value))}</td></tr>"
        for name, value in session.items()
    )
    page = PAGE.substitute(
        who=f"Logged in as <b>{escape(user)}</b>" if user else "Nobody is logged in",
        told=told,
        state="in" if user else "out",
        session=rows or '<tr><td colspan="2">empty</td></tr>',
        cookie="".join(f"<li>{escape(part)}</li>" for part in cookie),
        left="" if left is None else int(left),
    )
    # Not kept by the browser either: the back button must not show what a logout has ended.
    return header(html(page), "Cache-Control", "no-store")


def not_allowed(methods):
    return header(status(text("Method not allowed"), 405), "Allow", methods)


def is_of_another_site(request):
    """Whether a page of another site made a browser ask, by a link or a picture."""
    return request["headers"].get("sec-fetch-site") in ("cross-site", "same-site")


FORMS = {"/login": login_form, "/remove": remove_form, "/logout": logout_form}
PAGES = {"/remove": remove, "/logout": logout}


def make_handler(cookie):
    """The routes; `cookie` is what the page says of the cookie."""

    def handler(request):
        method, uri = request["request_method"], request["uri"]
        if method == "post" and uri in FORMS:
            return FORMS[uri](request)
        if method not in ("get", "head"):
            return not_allowed("GET, HEAD")
        if uri == "/":
            return home(request, cookie)
        if is_of_another_site(request):
            return not_allowed("POST")
        if uri in PAGES:
            return PAGES[uri](request)
        if uri.startswith("/login/") and len(uri) > len("/login/"):
            return login(request, unquote(uri.removeprefix("/login/")))
        return status(text("Not found"), 404)

    return handler


def make_store(name, key):
    if name == "memory":
        return memory_store()
    return cookie_store(key) if key else cookie_store()


def make_app(
    store="memory", key=None, max_age=None, timeout=1800, cookie_name="example-app-sessions"
):
    """The login as a WSGI app."""
    attrs = {} if max_age is None else {"max_age": max_age}
    config = deep_merge(
        site_defaults,
        {
            "session": {
                "store": make_store(store, key),
                "cookie_name": cookie_name,
                "cookie_attrs": attrs,
                "timeout": timeout,
            }
        },
    )
    session = config["session"]
    cookie = [f"name: {session['cookie_name']}", "path: /"]
    cookie += [f"{name}: {value}" for name, value in session["cookie_attrs"].items()]
    return wrap_defaults(to_wsgi(make_handler(cookie)), config)


def main():
    parser = argparse.ArgumentParser(description="A login on ringsession.")
    parser.add_argument("--store", choices=["memory", "cookie"], default="memory")
    parser.add_argument("--key", help="for the cookie store; a random one without it")
    parser.add_argument(
        "--max-age", type=int, help="seconds for which the browser keeps the cookie"
    )
    parser.add_argument("--timeout", type=int, default=1800, help="seconds without a request")
    parser.add_argument("--cookie-name", default="example-app-sessions")
    parser.add_argument("--port", type=int, default=8000)
    options = vars(parser.parse_args())
    port = options.pop("port")
    app = make_app(**options)
    print(
        f"Serving a login on http://127.0.0.1:{port} - open it, log in, reload, log out, go back.\n"
        "Or in another terminal:\n"
        f"  curl -c jar -b jar http://127.0.0.1:{port}/login/ann\n"
        f"  curl -c jar -b jar http://127.0.0.1:{port}/remove\n"
        f"  curl -c jar -b jar http://127.0.0.1:{port}/logout\n"
        "Ctrl-C ends it.",
        flush=True,
    )
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    main()
