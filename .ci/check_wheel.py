"""Build the wheel of HEAD, install it alone, and serve requests with it, without the checkout.

Run as `python .ci/check_wheel.py`; on the standard library only.
"""

from __future__ import annotations

import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Runs in a fresh environment that has the wheel and what it depends on, and nothing else.
PROGRAM = """
import http.cookiejar, sys, threading, urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import ringsession
from ringsession import response, site_defaults, to_wsgi, wrap_defaults

assert ringsession.__file__.startswith(sys.prefix), ringsession.__file__


def count(request):
    n = request["session"].get("n", 0) + 1
    return response(f"visit {n}") | {"session": {**request["session"], "n": n}}


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


app = wrap_defaults(to_wsgi(count), site_defaults)
server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
# No proxy: the server is on this very machine.
browser, stranger = (
    urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    for _ in range(2)
)
seen = [opener.open(url, timeout=10).read().decode() for opener in (browser, browser, stranger)]
server.shutdown()
server.server_close()
assert seen == ["visit 1", "visit 2", "visit 1"], seen
print(f"{ringsession.__name__} from its wheel alone answered: {', '.join(seen)}")
"""


def run(*command: str | Path, cwd: Path) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        # What is committed, not what lies about: a stale build/ would find its way into the wheel.
        run("git", "clone", "--quiet", ROOT, "source", cwd=scratch)
        venv.create(scratch / "venv", with_pip=True)
        python = scratch / "venv/bin/python"
        run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheel", "./source", cwd=scratch)
        (wheel,) = (scratch / "wheel").glob("*.whl")
        run(python, "-m", "pip", "install", "-q", wheel, cwd=scratch)
        run(python, "-I", "-W", "error", "-c", PROGRAM, cwd=scratch / "wheel")


if __name__ == "__main__":
    main()
