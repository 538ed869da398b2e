"""Run the same visits on ringsession and its peers, and print what each library makes of them.

    python -m tests.docs.compared

Each app has the same routes: log in, change a key, change a list in place, log out, and one route
that waits in the middle of its request. The output is JSON: library -> row -> answer.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from flask import session as flask_session
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from ringsession.flask import RingSession
from tests.machine import import_part

beaker = import_part("beaker.middleware")
cachelib = import_part("cachelib.file")
flask_session_package = import_part("flask_session")

VALUES = {"tuple": (1, 2), "set": {1, 2}, "decimal": Decimal("1.10")}
STORED_AS = {"tuple": tuple, "set": set, "decimal": Decimal}
_reached, _go_on = threading.Event(), threading.Event()


def visit(session: Any, path: str, log_out: Callable[[], Any]) -> str:
    """Do what a path says with a session; the same for every library."""
    match path.strip("/").split("/"):
        case ["login"]:
            session["user"], session["cart"] = "ann", ["book"]
        case ["set", key]:
            session[key] = 1
        case ["slow", key]:
            session.get("user")
            _reached.set()
            assert _go_on.wait(10)
            session[key] = 1
        case ["append"]:
            session["cart"].append("lamp")
        case ["value", name]:
            session["value"] = VALUES[name]
        case ["type", name]:
            return str(type(session.get("value")) is STORED_AS[name])
        case ["logout"]:
            log_out()
        case _:
            return json.dumps(
                {key: session[key] for key in sorted(session.keys()) if key[0] != "_"}
            )
    return ""


def in_flask(add: Callable[[Flask], Any]) -> Any:
    app = Flask(__name__)
    app.secret_key = "a secret of the comparison"
    add(app)
    app.add_url_rule(
        "/<path:path>", view_func=lambda path: visit(flask_session, path, flask_session.clear)
    )
    return app


def of_flask_session(app: Flask) -> None:
    folder = tempfile.mkdtemp()
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cachelib.FileSystemCache(folder))
    flask_session_package.Session(app)


def in_beaker() -> Any:
    @Request.application
    def app(request: Request) -> Response:
        session = request.environ["beaker.session"]
        answer = visit(session, request.path, session.delete)
        if request.path != "/logout":
            session.save()
        return Response(answer)

    options = {"session.type": "file", "session.data_dir": tempfile.mkdtemp()}
    return beaker.SessionMiddleware(app, options)


def in_django() -> Any:
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import re_path

    urls = [
        re_path(
            "(.*)",
            lambda request, path: HttpResponse(visit(request.session, path, request.session.flush)),
        )
    ]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(tempfile.mkdtemp()) / "db"}
    settings.configure(
        ROOT_URLCONF=tuple(urls),
        SECRET_KEY="a secret of the comparison",
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.sessions"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    )
    django.setup()
    call_command("migrate", verbosity=0)
    return get_wsgi_application()


def browser(app: Any) -> Client:
    client = Client(app)
    client.get("/login")
    return client


def copy_of(client: Client, app: Any) -> Client:
    """The same browser, for a second request at the same time."""
    copy = Client(app)
    for cookie in client._cookies.values():  # type: ignore[union-attr]
        copy.set_cookie(cookie.key, cookie.value)
    return copy


def during_a_slow_request(app: Any, client: Client, path: str) -> None:
    """Ask for another path while a request that changes the key "slow" is in the middle."""
    slow = copy_of(client, app)
    _reached.clear()
    _go_on.clear()
    thread = threading.Thread(target=slow.get, args=("/slow/slow",))
    thread.start()
    assert _reached.wait(10)
    client.get(path)
    _go_on.set()
    thread.join(10)
    # The browser keeps the cookie of the response that came last.
    for cookie in slow._cookies.values():  # type: ignore[union-attr]
        client.set_cookie(cookie.key, cookie.value)


def compare(app: Any) -> dict[str, Any]:
    both = browser(app)
    during_a_slow_request(app, both, "/set/quick")
    session = json.loads(both.get("/show").text)
    gone = browser(app)
    stolen = copy_of(gone, app)
    during_a_slow_request(app, gone, "/logout")
    nested = browser(app)
    nested.get("/append")
    kinds = {}
    for name in VALUES:
        typed = browser(app)
        try:
            stored = typed.get(f"/value/{name}").status_code < 400
            kinds[name] = stored and typed.get(f"/type/{name}").text == "True"
        except Exception:  # what a value that cannot be stored raises differs from peer to peer
            kinds[name] = False
    return {
        "keeps both writes": {"quick", "slow"} <= set(session),
        "stays logged out": "user" not in json.loads(stolen.get("/show").text),
        "stores a change inside a list": json.loads(nested.get("/show").text)["cart"][1:]
        == ["lamp"],
        "types": [name for name in VALUES if kinds[name]],
    }


def main() -> None:
    apps = {
        "ringsession": in_flask(lambda app: RingSession(app, {"session": {"store": "memory:"}})),
        "Flask-Session": in_flask(of_flask_session),
        "Beaker": in_beaker(),
        "Django sessions": in_django(),
        "Flask's cookie": in_flask(lambda app: None),
    }
    print(json.dumps({name: compare(app) for name, app in apps.items()}, indent=1))


if __name__ == "__main__":
    main()
