"""Make ordinary handlers of handlers with three arguments: `(request, respond, raise_)`.

The thread waits for the response; no event loop is involved.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any

from .wsgi.body import close_body
from .option_error import to_seconds
from .request import Handler, Request, Response

Respond = Callable[[Response], None]
Raise = Callable[[BaseException], None]
AsyncHandler = Callable[[Request, Respond, Raise], object]


def blocking(handler: AsyncHandler, timeout: float | timedelta = 30) -> Handler:
    """Make an ordinary handler of one that calls `respond(response)` or `raise_(error)`.

    timeout: 30; seconds, or a timedelta, to wait for either call. Only the first call counts; the
        body of a later response is closed.
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
        first: list[Response | BaseException] = []
        is_over = False

        def answer(given: Response | BaseException) -> None:
            answers.put(given)
            if is_over:
                _drop(answers, first)

        try:
            handler(request, answer, answer)
            first.append(_wait(answers, seconds))
        finally:
            is_over = True
            _drop(answers, first)
        if isinstance(first[0], BaseException):
            raise first[0]
        return first[0]

    return blocked


def _wait(answers: SimpleQueue[Any], timeout: float) -> Response | BaseException:
    try:
        found: Response | BaseException = answers.get(timeout=timeout)
    except Empty:
        raise TimeoutError(
            f"blocking: the handler called neither respond nor raise_ within {timeout} s"
        ) from None
    return found


def _drop(answers: SimpleQueue[Any], first: list[Any]) -> None:
    """Close the bodies of the answers that do not count, unless the first has the same body."""
    bodies = [answer.get("body") for answer in first if isinstance(answer, dict)]
    while not answers.empty():
        try:
            late = answers.get_nowait()
        except Empty:  # the handler's own thread was faster
            return
        if isinstance(late, dict) and not any(late.get("body") is body for body in bodies):
            close_body(late.get("body"))
