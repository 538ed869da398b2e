"""An OAuth provider on loopback that checks each parameter it gets."""

from __future__ import annotations

import base64
import hashlib
import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

from werkzeug.wrappers import Request, Response

from tests.serving import serving


class Provider:
    """A provider of logins for one client: each code is good once, for whoever knows the verifier
    it was asked for with.
    """

    def __init__(self) -> None:
        self.codes: dict[str, tuple[str, str]] = {}

    @Request.application
    def __call__(self, request: Request) -> Response:
        answers = {"/authorize": self.authorize, "/token": self.token, "/me": self.me}
        return answers[request.path](request)

    def authorize(self, request: Request) -> Response:
        """Whoever comes is Ann, and agrees."""
        asked = request.args
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked["redirect_uri"], asked["code_challenge"]
        query = urlencode({"code": code, "state": asked["state"]})
        return Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{query}"})

    def token(self, request: Request) -> Response:
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        kept = self.codes.pop(request.form["code"], None)
        if kept != (request.form["redirect_uri"], challenge):
            return _json('{"error": "invalid_grant"}', 400)
        return _json('{"access_token": "of ann", "token_type": "Bearer", "expires_in": 3600}')

    def me(self, request: Request) -> Response:
        known = request.headers.get("Authorization") == "Bearer of ann"
        return _json('{"name": "ann"}') if known else _json("{}", 401)


def _json(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="application/json")


@contextmanager
def running_provider() -> Iterator[str]:
    """Where a running provider is."""
    with serving(Provider()) as port:
        yield f"http://127.0.0.1:{port}"


def ask(location: str) -> str:
    """Where the provider sends a browser back to: the callback's path and query."""
    url = urlsplit(location)
    assert url.port is not None
    connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=10)
    try:
        connection.request("GET", f"{url.path}?{url.query}")
        return str(connection.getresponse().headers["Location"]).removeprefix("http://localhost")
    finally:
        connection.close()
