"""Django under gunicorn, with its sessions in Valkey or PostgreSQL.

One process has one of them, since Django's settings stand for a whole process.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from benchmarks.apps import peer_apps_django
from benchmarks.apps.peer_apps import KEY
from benchmarks.apps.peer_apps_django import BACKENDS, SESSIONS

_ENGINES = {"Valkey": f"{BACKENDS}.cache", "PostgreSQL": f"{BACKENDS}.db"}


def _configure(server: str, redis_url: str, sql_url: str) -> None:
    parts = urlsplit(sql_url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "NAME": parts.path.strip("/"),
        "CONN_MAX_AGE": None,  # kept open, as the others keep theirs
    }
    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        CACHES={"default": cache},
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.sessions"],
        MIDDLEWARE=SESSIONS,
        ROOT_URLCONF=peer_apps_django.__name__,
        SECRET_KEY=KEY,
        SESSION_ENGINE=_ENGINES[server],
    )
    django.setup()


def make_django(server: str, redis_url: str, sql_url: str) -> Any:
    _configure(server, redis_url, sql_url)
    return WSGIHandler()


def make_table(sql_url: str) -> None:
    """Create the table of Django's sessions."""
    _configure("PostgreSQL", "redis://127.0.0.1:1/0", sql_url)
    from django.contrib.sessions.models import Session  # once the settings stand
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(Session)
    connection.close()
