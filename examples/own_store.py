"""A store of one's own: Ring's three functions, here over a folder of JSON files.

python examples/own_store.py [PORT]
"""

import json
import os
import sys
import tempfile
import uuid
from hashlib import sha256
from pathlib import Path
from wsgiref.simple_server import make_server

from ringsession import assoc_in, site_defaults, wrap_defaults


class FolderStore:
    """One file for each session. Of two requests at the same time, the last one's session stays."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def _path(self, key):
        # The key is whatever a client sent, so it never names a file itself.
        return self.folder / sha256(key.encode("utf-8", "replace")).hexdigest()

    def read_session(self, key):
        try:
            return json.loads(self._path(key).read_text())
        except FileNotFoundError:
            return None

    def write_session(self, key, data):
        key = key or uuid.uuid4().hex
        handle, name = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "w") as file:
            json.dump(data, file)
        os.replace(name, self._path(key))  # nobody ever reads half a file
        return key

    def delete_session(self, key):
        self._path(key).unlink(missing_ok=True)


def counter(environ, start_response):
    if environ["PATH_INFO"] == "/favicon.ico":  # which browsers ask for, and which is no visit
        start_response("204 No Content", [])
        return []
    session = environ["ringsession.session"]
    session["visits"] = session.get("visits", 0) + 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Visit %d, kept in a file\n" % session["visits"]]


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    with tempfile.TemporaryDirectory() as folder:
        config = assoc_in(site_defaults, ["session", "store"], FolderStore(folder))
        print(f"Try: curl -c jar -b jar http://127.0.0.1:{port}/", flush=True)
        make_server("127.0.0.1", port, wrap_defaults(counter, config)).serve_forever()
