"""The exception of a store that cannot answer."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import ServiceUnavailable

from ..http.refusals import Negotiated

RETRY_AFTER = 5  # seconds
# A key of environ: a function of environ that makes the app's page where its response cannot be
# sent, since the session could not be stored. It returns a response dict or None.
MAKE_PAGE = "ringsession.make_503"


class StoreUnavailable(Negotiated, ServiceUnavailable):
    """The store could not answer.

    The client gets a 503, even if the handler catches this exception. It is Werkzeug's exception
    for that status, so that the error handlers of a Flask app make its page. The message is for the
    log; the page that Werkzeug makes does not show it.

    >>> str(StoreUnavailable("no answer in time")), StoreUnavailable().code
    ('no answer in time', 503)
    """

    description = "The site cannot answer right now. Try again soon."

    def __init__(self, *message: object) -> None:
        super().__init__()
        self.args = message

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        headers = super().get_headers(environ, scope)
        return [*headers, ("Retry-After", str(RETRY_AFTER)), ("Cache-Control", "no-store")]

    __str__ = Exception.__str__
    __repr__ = Exception.__repr__
