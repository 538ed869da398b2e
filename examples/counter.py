"""A bare WSGI app that counts its visits in the session, changed in place.

python examples/counter.py [PORT]
"""

import sys
from wsgiref.simple_server import make_server

from ringsession import wrap_defaults


def counter(environ, start_response):
    if environ["PATH_INFO"] == "/favicon.ico":  # which browsers ask for, and which is no visit
        start_response("204 No Content", [])
        return []
    session = environ["ringsession.session"]
    session["visits"] = session.get("visits", 0) + 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Visit %d\n" % session["visits"]]


app = wrap_defaults(counter)

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"Try: curl -c jar -b jar http://127.0.0.1:{port}/", flush=True)
    make_server("127.0.0.1", port, app).serve_forever()
