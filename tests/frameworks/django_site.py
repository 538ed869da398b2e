"""A Django project in one file: views, a form with a file, the admin, messages, its own sessions.

`start(folder)` configures Django, once in a process, and makes the tables in a SQLite file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.http import HttpRequest, HttpResponse
from django.urls import path

_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Django 6 deprecates the old forms of these settings, and earlier versions lack the new ones.
_MAIL: dict[str, Any] = (
    {"EMAIL_BACKEND": _BACKEND, "ADMINS": [("Ann", "ann@example.org")]}
    if django.VERSION < (6, 1)
    else {"MAILERS": {"default": {"BACKEND": _BACKEND}}, "ADMINS": ["ann@example.org"]}
)


def start(folder: Path) -> Any:
    """Return the project as a WSGI app."""
    from django.conf import settings  # pytest looks for doctests in a module's settings too

    settings.configure(
        ROOT_URLCONF=__name__,
        SECRET_KEY="a secret of Django's own",
        ALLOWED_HOSTS=["localhost"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db"}},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # a quick one
        **_MAIL,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "mail": {"class": "django.utils.log.AdminEmailHandler", "include_html": True}
            },
            "loggers": {
                "django.request": {"handlers": ["mail"], "level": "ERROR", "propagate": False}
            },
        },
    )
    django.setup()

    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("ann", password="good")
    return get_wsgi_application()


def home(request: HttpRequest) -> HttpResponse:
    """Count in both sessions."""
    ours, its = request.environ["ringsession.session"], request.session
    ours["n"] = ours.get("n", 0) + 1
    its["n"] = its.get("n", 0) + 10
    return HttpResponse(f"ours {ours['n']}, Django's {its['n']}")


def form(request: HttpRequest) -> HttpResponse:
    """Show a form with the tokens of both, and what came in it."""
    from django import forms
    from django.contrib import messages
    from django.shortcuts import redirect
    from django.template import engines

    from ringsession import anti_forgery_field

    class Entry(forms.Form):
        name = forms.CharField(max_length=10)
        picture = forms.FileField()

    entry = Entry(request.POST or None, request.FILES or None)
    if entry.is_valid():
        file = entry.cleaned_data["picture"]
        messages.success(request, f"{entry.cleaned_data['name']}: {file.name} {file.read()!r}")
        return redirect("/form")
    page = "{% for message in messages %}[{{ message }}]{% endfor %}{% csrf_token %}{{ field }}"
    field = anti_forgery_field(request.environ["ringsession.request"])
    template = engines["django"].from_string(page + "{{ entry.errors.as_json }}")
    return HttpResponse(template.render({"field": field, "entry": entry}, request))


def error(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("an error of the view")


def flashed(request: HttpRequest) -> HttpResponse:
    """Show a message of ours, and leave one."""
    ring = request.environ["ringsession.request"]
    request.environ["ringsession.response"]["flash"] = "saved"
    return HttpResponse(str(ring["flash"]))


def urls() -> list[Any]:
    from django.contrib import admin

    return [
        path("", home),
        path("form", form),
        path("error", error),
        path("flashed", flashed),
        path("admin/", admin.site.urls),
    ]


class _Patterns(list[Any]):
    """The URLs, made when Django asks for them: the admin's need a configured Django."""

    def __iter__(self) -> Any:
        if not len(self):
            self.extend(urls())
        return super().__iter__()


urlpatterns = _Patterns()
