"""Hand a request that the anti-forgery layer refused to Flask, so that the app answers it.

The layer decides, outside of Flask. Flask only raises its decision, before any function of the app
has run, and the app's error handlers make the page.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Request as FlaskRequest, request as current_request
from flask.signals import request_started
from werkzeug.exceptions import Forbidden

from ..config import Config
from ..defaults import site_defaults
from ..http.refusals import Negotiated
from ..layer_options import find_value, layer_options
from ..middleware.anti_forgery import REFUSED
from ..request import Handler, Request, Response
from ..session.mapping import request_state
from ..wsgi import WSGIApp, from_wsgi

_REFUSED = "ringsession.is_refused"


class CSRFError(Negotiated, Forbidden):
    """The anti-forgery layer refused the request. Its log line says why; the client gets a 403.

    Register `@app.errorhandler(CSRFError)` to answer with a page of your own. Whatever that page
    changes in the session is dropped.
    """

    description = REFUSED


def _raise_refusal(app: Flask, **_: Any) -> None:
    if _REFUSED in current_request.environ:
        raise CSRFError


def hold_refused(request: FlaskRequest) -> None:
    """Keep a refused request from every view, also where nobody hears Flask's signal.

    A subclass of Flask may send none, and `request_started.muted()` holds it back.
    """
    if _REFUSED in request.environ:
        request.routing_exception = CSRFError()


def _answer_in_flask(app: Flask, own: WSGIApp) -> Handler | None:
    """Return an `error_handler` for the anti-forgery layer, or None where Flask must not answer.

    Only an app whose `wsgi_app` nobody has wrapped gets one. Other middleware around Flask could
    send a refused request to another app, which would not know that it was refused.
    """
    if getattr(own, "__func__", None) is not Flask.wsgi_app:
        return None
    # This signal is sent before the URL preprocessors and `before_request` functions run.
    request_started.connect(_raise_refusal, app)
    handler = from_wsgi(own)

    def answer(request: Request) -> Response:
        state = request_state(request)
        assert state is not None
        state.is_refused = True
        request["environ"][_REFUSED] = True
        return handler(request)

    return answer


def with_csrf_errors(config: Config, app: Flask, own: WSGIApp) -> Config:
    """Let the app's own error handlers answer a refused request, unless the config says how.

    own: the app's `wsgi_app`, before the layers.
    """
    path = ("security", "anti_forgery")
    options = layer_options(find_value(config, path, site_defaults), None)
    if options is None or options.get("error_response") or options.get("error_handler"):
        return config
    answer = _answer_in_flask(app, own)
    if answer is None:
        return config
    security = site_defaults["security"] if config["security"] is True else config["security"]
    options["error_handler"] = answer
    return {**config, "security": {**security, "anti_forgery": options}}
