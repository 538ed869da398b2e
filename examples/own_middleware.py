"""Middleware of one's own: functions from a handler to a handler, between the layers and the app.

python examples/own_middleware.py [PORT]
"""

import sys
import time
from wsgiref.simple_server import make_server

from ringsession import header, see_other, text, to_wsgi, wrap_defaults


def wrap_login_required(handler, *, prefix):
    """Send whoever is not logged in away from everything under a prefix."""

    def login_required(request):
        if request["uri"].startswith(prefix) and "user" not in request["session"]:
            return see_other("/login") | {"flash": "Please log in first."}
        return handler(request)

    return login_required


def wrap_timing(handler):
    """Say in a header how long the handler took."""

    def timing(request):
        start = time.perf_counter()
        answer = handler(request)
        return header(
            answer, "Server-Timing", f"app;dur={(time.perf_counter() - start) * 1000:.3f}"
        )

    return timing


def handler(request):
    match request["uri"]:
        case "/login":
            request["session"]["user"] = "ann"
            body = f"{request['flash'] or 'Hello.'} You are ann now."
        case "/admin":
            body = f"Secrets for {request['session']['user']}"
        case _:
            body = "Try /admin"
    return text(body + "\n")


app = wrap_defaults(to_wsgi(wrap_timing(wrap_login_required(handler, prefix="/admin"))))

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"Try: curl -iL -c jar -b jar http://127.0.0.1:{port}/admin", flush=True)
    make_server("127.0.0.1", port, app).serve_forever()
