"""A Pyramid app. `make()` returns it as a WSGI app."""

from __future__ import annotations

import warnings
from typing import Any

from ringsession import anti_forgery_field


def count(request: Any) -> Any:
    session = request.environ["ringsession.session"]
    session["n"] = session.get("n", 0) + 1
    request.response.text = f"visit {session['n']} of {session.get('user')}"
    return request.response


def form(request: Any) -> Any:
    from pyramid.httpexceptions import HTTPSeeOther

    if request.method == "POST":
        file = request.POST["file"]
        told = f"{request.POST['name']}: {file.filename} {file.file.read()!r}"
        request.environ["ringsession.response"]["flash"] = told
        return HTTPSeeOther("/form")
    ring = request.environ["ringsession.request"]
    request.response.text = f"[{ring['flash']}] {anti_forgery_field(ring)}"
    return request.response


def login(request: Any) -> Any:
    from pyramid.httpexceptions import HTTPSeeOther

    session = request.environ["ringsession.session"]
    session.recreate()
    session["user"] = request.POST["user"]
    return HTTPSeeOther("/")


def stream(request: Any) -> Any:
    request.environ["ringsession.session"]["n"] = 10
    request.response.app_iter = iter([b"a", b"b"])
    return request.response


def error(request: Any) -> Any:
    request.environ["ringsession.session"]["n"] = 99
    raise RuntimeError("an error of the view")


def make() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses pkg_resources, and WebOb uses cgi
        from pyramid.config import Configurator

        with Configurator() as config:
            for view in (count, form, login, stream, error):
                name = view.__name__
                config.add_route(name, "/" if view is count else f"/{name}")
                config.add_view(view, route_name=name)
            return config.make_wsgi_app()
