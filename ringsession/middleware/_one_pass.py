"""Run neighbouring layers in one pass.

Most layers only give the request new keys, or only change the response. When such a layer is put
around another one, `join` makes one handler of both. So the order of the layers is decided once,
and a request calls one function instead of one for each layer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

from ..http.fields import write_field
from ..http.refusals import answer_unreadable
from ..request import Handler, Provider, Request, Response, as_request
from ..responses import check_response, find_header, header
from ..wsgi.body import close_body

Change: TypeAlias = Callable[[Response, Request], Response]
Revision: TypeAlias = Callable[[Request, Any], Any]


class Keys(NamedTuple):
    """What layers add to each request.

    provided: keys that are computed when they are first read, in place of a value that is there.
    revised: keys whose value is changed when it is first read.
    kept: those of `provided` that leave a value which is there.
    """

    provided: Mapping[str, Provider] = {}
    revised: Mapping[str, Revision] = {}
    kept: Collection[str] = ()

    def add_to(self, request: Request) -> Request:
        """Return the request with these keys. None of them is computed."""
        request = as_request(request)
        request.provide_all(self.provided, self.kept)
        for key, revise in self.revised.items():
            request.revise(key, revise)
        return request

    def around(self, inner: Keys) -> Keys:
        """Return the keys of this layer and of a layer inside it."""
        provided = {**self.provided, **inner.provided}
        revised = {key: self.revised[key] for key in self.revised if key not in inner.provided}
        for key, revise in inner.revised.items():
            if key in provided:
                provided[key] = _provide_revised(provided[key], revise)
            elif key in revised:
                revised[key] = _revise_twice(revised[key], revise)
            else:
                revised[key] = revise
        return Keys(provided, revised, {*self.kept, *inner.kept})


def _provide_revised(provide: Provider, revise: Revision) -> Provider:
    return lambda request: revise(request, provide(request))


def _revise_twice(first: Revision, second: Revision) -> Revision:
    return lambda request, value: second(request, first(request, value))


NO_KEYS = Keys()


class AddHeaders:
    """Add headers to a response, except those that it has in any case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = {name: write_field(name, value) for name, value in fields.items()}
        self._names = frozenset(map(str.lower, fields))

    def __call__(self, response: Response, request: Request) -> Response:
        headers = response.get("headers") or {}
        if self._names.isdisjoint(map(str.lower, headers)):
            return {**response, "headers": {**headers, **self.fields}}
        for name, value in self.fields.items():
            response = response if find_header(response, name) else header(response, name, value)
        return response

    def then(self, outer: AddHeaders) -> AddHeaders:
        """Return the change that adds these headers and then those of a layer further out."""
        new = {name: outer.fields[name] for name in outer.fields if name not in self.fields}
        return AddHeaders({**self.fields, **new})


class OnePass:
    """Call a handler between the steps of the layers that `join` has put around it."""

    __slots__ = ("handler", "keys", "changes", "reads_forms")

    def __init__(
        self, handler: Handler, keys: Keys, changes: tuple[Change, ...], reads_forms: bool
    ) -> None:
        self.handler = handler
        self.keys = keys
        self.changes = changes  # innermost first
        self.reads_forms = reads_forms

    def __call__(self, request: Request) -> Response:
        request = self.keys.add_to(request)
        call = answer_unreadable if self.reads_forms else _call
        response = check_response(call(self.handler, request))
        try:
            for change in self.changes:
                response = change(response, request)
        except BaseException:
            close_body(response.get("body"))
            raise
        return response


def _call(handler: Handler, request: Request) -> Response:
    return handler(request)


def join(
    handler: Handler,
    change: Change | None = None,
    *,
    keys: Keys = NO_KEYS,
    reads_forms: bool = False,
) -> Handler:
    """Put a layer around a handler, in one pass with the layers that are around it already.

    change: None; a function that returns the response for the client. If it raises, the body of the
        response is closed.
    keys: none; what the layer adds to the request.
    reads_forms: False; True answers in place of a handler that read an unreadable form.
    """
    # The answer to an unreadable form is for the layers further out, not for those further in.
    if not isinstance(handler, OnePass) or (reads_forms and handler.changes):
        return OnePass(handler, keys, () if change is None else (change,), reads_forms)
    changes = handler.changes if change is None else _with(handler.changes, change)
    keys = keys.around(handler.keys)
    return OnePass(handler.handler, keys, changes, reads_forms or handler.reads_forms)


def _with(changes: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    last = changes[-1] if changes else None
    if isinstance(change, AddHeaders) and isinstance(last, AddHeaders):
        return (*changes[:-1], last.then(change))
    return (*changes, change)
