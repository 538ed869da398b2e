"""A Bottle app. `make()` returns it as a WSGI app."""

from __future__ import annotations

from typing import Any

from ringsession import anti_forgery_field


def make() -> Any:
    from bottle import Bottle, redirect, request

    app = Bottle()

    @app.get("/")
    def count() -> str:
        session = request.environ["ringsession.session"]
        session["n"] = session.get("n", 0) + 1
        return f"visit {session['n']} of {session.get('user')}"

    @app.get("/form")
    def show() -> str:
        ring = request.environ["ringsession.request"]
        return f"[{ring['flash']}] {anti_forgery_field(ring)}"

    @app.post("/form")
    def take() -> None:
        file = request.files["file"]
        told = f"{request.forms['name']}: {file.filename} {file.file.read()!r}"
        request.environ["ringsession.response"]["flash"] = told
        redirect("/form", 303)

    @app.post("/login")
    def login() -> None:
        session = request.environ["ringsession.session"]
        session.recreate()
        session["user"] = request.forms["user"]
        redirect("/", 303)

    @app.get("/stream")
    def stream() -> Any:
        request.environ["ringsession.session"]["n"] = 10
        yield "a"
        yield "b"

    @app.get("/error")
    def error() -> None:
        request.environ["ringsession.session"]["n"] = 99
        raise RuntimeError("an error of the view")

    return app
