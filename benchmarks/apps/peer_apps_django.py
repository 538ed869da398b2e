"""Django's session middleware on each of its backends, and the middleware of a new project, all
under its own handler.

Settings, URLs and views are all here, so that one process holds every variant. Knows no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.conf import settings
from django.contrib.sessions.backends import cache
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, JsonResponse
from django.test.utils import override_settings
from django.urls import path

from benchmarks.commands.overhead import DATA
from benchmarks.apps.peer_apps import KEY, Peer, Place

BACKENDS = "django.contrib.sessions.backends"
SESSIONS = ["django.contrib.sessions.middleware.SessionMiddleware"]
SITE = [  # what `startproject` writes
    "django.middleware.security.SecurityMiddleware",
    *SESSIONS,
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


class SessionStore(cache.SessionStore):
    """Django's session in the cache named "redis"; its own reads the one name there is in the
    settings.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._cache = caches["redis"]


def untouched(request: Any) -> HttpResponse:
    return HttpResponse("ok")


def read(request: Any) -> HttpResponse:
    if hasattr(request, "session"):
        request.session["user"]
    return HttpResponse("ok")


def write(request: Any) -> HttpResponse:
    if hasattr(request, "session"):
        request.session["n"] += 1
    return HttpResponse("ok")


def new(request: Any) -> HttpResponse:
    request.session.update(DATA)
    return HttpResponse("ok")


def seen(request: Any) -> HttpResponse:
    return JsonResponse({key: request.session[key] for key in DATA})


urlpatterns = [path(view.__name__, view) for view in (untouched, read, write, new, seen)]


def _configure(place: Place) -> None:
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(place.folder / "django.db"),
        "CONN_MAX_AGE": None,  # kept open, as the others keep theirs
        "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"},
    }
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": place.redis_url}
    apps = ("contenttypes", "auth", "sessions", "messages")
    settings.configure(
        ALLOWED_HOSTS=["localhost"],
        CACHES={"default": memory, "redis": redis},
        DATABASES={"default": database},
        INSTALLED_APPS=[f"django.contrib.{name}" for name in apps],
        ROOT_URLCONF=__name__,
        SECRET_KEY=KEY,
    )
    django.setup()


def _handler(middleware: list[str], engine: str = f"{BACKENDS}.cache") -> WSGIHandler:
    with override_settings(MIDDLEWARE=middleware, SESSION_ENGINE=engine):
        return WSGIHandler()


@contextmanager
def open_peers(place: Place) -> Iterator[list[Peer]]:
    """The session middleware on four backends; a new project's whole set on the memory one."""
    _configure(place)
    from django.contrib.sessions.models import Session  # once the settings stand
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(Session)
    base = _handler([])
    apps: list[tuple[str, str, WSGIHandler]] = [
        ("cookie", "Django", _handler(SESSIONS, f"{BACKENDS}.signed_cookies")),
        ("memory", "Django, locmem", _handler(SESSIONS)),
        ("redis", "Django", _handler(SESSIONS, __name__)),
        ("disk", "Django, SQLite", _handler(SESSIONS, f"{BACKENDS}.db")),
        ("site", "Django's default middleware", _handler(SITE)),
        ("control", "bare Django", base),
    ]
    yield [Peer(*app, base) for app in apps]
    connection.close()
