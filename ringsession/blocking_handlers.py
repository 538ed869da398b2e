"""Make ordinary handlers of handlers with three arguments: `(request, respond, raise_)`.

The thread waits for the response; no event loop is involved.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue

from .option_error import to_seconds
from .request import Handler, Request, Response

Respond = Callable[[Response], None]
Raise = Callable[[BaseException], None]
AsyncHandler = Callable[[Request, Respond, Raise], object]


def blocking(handler: AsyncHandler, timeout: float | timedelta = 30) -> Handler:
    """Make an ordinary handler of one that calls `respond(response)` or `raise_(error)`.

    timeout: 30; seconds, or a timedelta, to wait for either call. Only the first call counts.
    Raises TimeoutError, whatever the handler raises, and whatever it passes to `raise_`.
    Source: Ring's SPEC, asynchronous handlers.

    >>> def handler(request, respond, raise_):
    ...     respond({"status": 200, "headers": {}, "body": request["uri"]})
    >>> blocking(handler)({"uri": "/"})["body"]
    '/'
    """
    seconds: float = to_seconds(timeout)

    def blocked(request: Request) -> Response:
        answers: SimpleQueue[Response | BaseException] = SimpleQueue()
        handler(request, answers.put, answers.put)
        try:
            answer = answers.get(timeout=seconds)
        except Empty:
            raise TimeoutError(
                f"blocking: the handler called neither respond nor raise_ within {seconds} s"
            ) from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return blocked
