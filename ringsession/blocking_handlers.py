"""Handlers of three arguments, `(request, respond, raise_)`, as ordinary ones.

Owns the waiting only.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue

from .request import Handler, Request, Response

Respond = Callable[[Response], None]
Raise = Callable[[BaseException], None]
AsyncHandler = Callable[[Request, Respond, Raise], object]


def blocking(handler: AsyncHandler, timeout: float = 30) -> Handler:
    """Make an ordinary handler of one that answers by calling `respond(response)` or `raise_(error)`.

    timeout: 30; seconds to wait for either. Only the first call counts.
    Raises TimeoutError, and what the handler raises or gives to `raise_`.
    Source: Ring's SPEC, asynchronous handlers.

    >>> def handler(request, respond, raise_):
    ...     respond({"status": 200, "headers": {}, "body": request["uri"]})
    >>> blocking(handler)({"uri": "/"})["body"]
    '/'
    """

    def blocked(request: Request) -> Response:
        answers: SimpleQueue[Response | BaseException] = SimpleQueue()
        handler(request, answers.put, answers.put)
        try:
            answer = answers.get(timeout=timeout)
        except Empty:
            raise TimeoutError(
                f"blocking: expected an answer within {timeout} s, got none"
            ) from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return blocked
