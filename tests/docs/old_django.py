"""A Django project, in a process of its own: what configures Django does so once in a process."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.docs.programs import run_program

PAGE = "move-from-django"
KEY = "a secret of the Django project alone"


def configure(folder: Path, middleware: list[str], **more: Any) -> None:
    """Configure Django with its own sessions and users in a SQLite file, and make Ann."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY=KEY,
        ALLOWED_HOSTS=["localhost"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"}
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            *middleware,
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # a quick one
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        **more,
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.create_user("ann", password="good")


def make_sessions(folder: Path) -> dict[str, str]:
    """Return the cookies of some sessions of the old project, each with a book in its cart."""
    configure(folder, [])
    from django.contrib.auth.models import User
    from django.test import Client

    def fill_cart(name: str, age: int = 99) -> str:
        client = Client()
        if name:
            client.force_login(User.objects.get_or_create(username=name)[0])
        session = client.session
        session.update({"cart": ["book"], "other": 1})
        session.set_expiry(age)
        session.save()
        return str(session.session_key)

    cookies = {"ann": fill_cart("ann"), "nobody": fill_cart(""), "expired": fill_cart("ann", -1)}
    cookies |= {"new password": fill_cart("bob"), "disabled": fill_cart("cyd")}
    User.objects.filter(username="bob").update(password="another hash")
    User.objects.filter(username="cyd").update(is_active=False)
    return cookies


def _module(name: str, names: dict[str, Any]) -> str:
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(names)
    return name


def browse(folder: Path) -> list[Any]:
    """Serve the wrapped project of the page; return what a browser saw, and both its sessions."""
    from werkzeug.test import Client

    moving = _module("shop_middleware", run_program(PAGE, "middleware.py"))
    configure(folder, [f"{moving}.move_session"], ROOT_URLCONF="shop_urls")
    from django.contrib.auth import authenticate, login, logout
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def log_in(request: HttpRequest) -> HttpResponse:
        login(request, authenticate(request, username="ann", password="good"))
        return HttpResponse("in")

    def log_out(request: HttpRequest) -> HttpResponse:
        logout(request)
        return HttpResponse("out")

    views = run_program(PAGE, "views.py")
    urls = [path("", views["cart"]), path("in", log_in), path("out", log_out)]
    _module("shop_urls", {"urlpatterns": urls})
    signals = run_program(PAGE, "signals.py")  # Django holds receivers by weak references
    old = SessionStore()
    old["cart"] = ["book"]
    old.create()
    client = Client(run_program(PAGE, "wsgi.py")["application"])
    client.set_cookie("sessionid", str(old.session_key))
    seen: list[Any] = [client.get(uri).json for uri in ("/", "/?add=lamp", "/")]
    seen.append(SessionStore(old.session_key).load())
    for uri in ("/in", "/", "/out", "/"):
        cookie = client.get_cookie("shop")
        seen.append(client.get(uri).json)
        seen.append(cookie == client.get_cookie("shop"))
    assert signals
    return seen
