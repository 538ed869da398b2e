"""A Falcon app. `make()` returns it as a WSGI app."""

from __future__ import annotations

from typing import Any

from ringsession import anti_forgery_field


def make() -> Any:
    import falcon

    class Count:
        def on_get(self, req: Any, resp: Any) -> None:
            session = req.env["ringsession.session"]
            session["n"] = session.get("n", 0) + 1
            resp.text = f"visit {session['n']} of {session.get('user')}"

    class Form:
        def on_get(self, req: Any, resp: Any) -> None:
            ring = req.env["ringsession.request"]
            resp.content_type = falcon.MEDIA_HTML
            resp.text = f"[{ring['flash']}] {anti_forgery_field(ring)}"

        def on_post(self, req: Any, resp: Any) -> None:
            parts = {part.name: (part.filename, part.get_data()) for part in req.get_media()}
            (file, data), (_, name) = parts["file"], parts["name"]
            told = f"{name.decode()}: {file} {data!r}"
            req.env["ringsession.response"]["flash"] = told
            raise falcon.HTTPSeeOther("/form")

    class Login:
        def on_post(self, req: Any, resp: Any) -> None:
            session = req.env["ringsession.session"]
            session.recreate()
            session["user"] = req.get_media()["user"]
            raise falcon.HTTPSeeOther("/")

    class Stream:
        def on_get(self, req: Any, resp: Any) -> None:
            req.env["ringsession.session"]["n"] = 10
            resp.stream = iter([b"a", b"b"])

    class Error:
        def on_get(self, req: Any, resp: Any) -> None:
            req.env["ringsession.session"]["n"] = 99
            raise RuntimeError("an error of the view")

    app = falcon.App()
    for path, resource in {
        "/": Count(),
        "/form": Form(),
        "/login": Login(),
        "/stream": Stream(),
        "/error": Error(),
    }.items():
        app.add_route(path, resource)
    return app
