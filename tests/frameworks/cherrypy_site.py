"""A CherryPy app. `make()` returns it as a WSGI app."""

from __future__ import annotations

from typing import Any

from ringsession import anti_forgery_field


def make() -> Any:
    import cherrypy

    def environ() -> Any:
        return cherrypy.request.wsgi_environ

    class Site:
        @cherrypy.expose
        def index(self) -> str:
            session = environ()["ringsession.session"]
            session["n"] = session.get("n", 0) + 1
            return f"visit {session['n']} of {session.get('user')}"

        @cherrypy.expose
        def form(self, name: Any = None, file: Any = None, **more: Any) -> str:
            if cherrypy.request.method == "POST":
                with file.file:
                    told = f"{name}: {file.filename} {file.file.read()!r}"
                environ()["ringsession.response"]["flash"] = told
                raise cherrypy.HTTPRedirect("/form", 303)
            ring = environ()["ringsession.request"]
            return f"[{ring['flash']}] {anti_forgery_field(ring)}"

        @cherrypy.expose
        def login(self, user: str) -> None:
            session = environ()["ringsession.session"]
            session.recreate()
            session["user"] = user
            raise cherrypy.HTTPRedirect("/", 303)

        @cherrypy.expose
        @cherrypy.config(**{"response.stream": True})
        def stream(self) -> Any:
            environ()["ringsession.session"]["n"] = 10
            return iter(["a", "b"])

        @cherrypy.expose
        def error(self) -> None:
            environ()["ringsession.session"]["n"] = 99
            raise RuntimeError("an error of the view")

    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    return cherrypy.Application(Site(), "", {"/": {}})
