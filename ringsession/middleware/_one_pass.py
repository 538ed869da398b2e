"""Run neighbouring layers in one pass.

Most layers only give the request new keys, or only change the response. When such a layer is put
around another one, `join` makes one handler of both. So the order of the layers is decided once,
and a request calls one function instead of one for each layer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from ..http.fields import USUAL_NAMES, write_field
from ..http.refusals import answer_unreadable
from ..request import Handler, Provider, Request, Response, as_request
from ..responses import check_response, find_header, header
from ..wsgi.body import close_body

Change: TypeAlias = Callable[[Response, Request], Response]
Revision: TypeAlias = Callable[[Request, Any], Any]


class Keys:
    """What layers add to each request.

    provided: keys that are computed when they are first read, in place of a value that is there.
    revised: keys whose value is changed when it is first read.
    kept: those of `provided` that leave a value which is there.
    """

    __slots__ = ("provided", "revised", "kept")

    def __init__(
        self,
        provided: Mapping[str, Provider] = {},
        revised: Mapping[str, Revision] = {},
        kept: Collection[str] = (),
    ) -> None:
        self.provided = provided
        self.revised = revised
        self.kept = kept

    def add_to(self, request: Request) -> Request:
        """Return the request with these keys. None of them is computed."""
        if not isinstance(request, Request):  # of which most calls have one
            request = as_request(request)
        request.provide_all(self.provided, self.kept)
        for key, revise in self.revised.items():
            request.revise(key, revise)
        return request

    def around(self, inner: Keys | None) -> Keys:
        """Return the keys of this layer and of a layer inside it."""
        if inner is None:
            return self
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


class AddHeaders:
    """Add headers to a response, except those that it has in any case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = {name: write_field(name, value) for name, value in fields.items()}
        self._names = frozenset(self.fields)
        self._are_usual = USUAL_NAMES.issuperset(self.fields)

    def __call__(self, response: Response, request: Request) -> Response:
        headers = response.get("headers") or {}
        # Usual names have one spelling each.
        are_usual = self._are_usual and USUAL_NAMES.issuperset(headers)
        if are_usual and self._names.isdisjoint(headers):
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
        self, handler: Handler, keys: Keys | None, changes: tuple[Change, ...], reads_forms: bool
    ) -> None:
        self.handler = handler
        self.keys = keys
        self.changes = changes  # innermost first
        self.reads_forms = reads_forms

    def handle(self, request: Request) -> Response:
        request = as_request(request) if self.keys is None else self.keys.add_to(request)
        if self.reads_forms:
            response = check_response(answer_unreadable(self.handler, request))
        else:
            response = check_response(self.handler(request))
        try:
            for change in self.changes:
                response = change(response, request)
        except BaseException:
            close_body(response.get("body"))
            raise
        return response


def join(
    handler: Handler,
    change: Change | None = None,
    *,
    keys: Keys | None = None,
    reads_forms: bool = False,
) -> Handler:
    """Put a layer around a handler, in one pass with the layers that are around it already.

    change: None; a function that returns the response for the client. If it raises, the body of the
        response is closed.
    keys: None; what the layer adds to the request.
    reads_forms: False; True answers in place of a handler that read an unreadable form.
    """
    # The answer to an unreadable form is for the layers further out, not for those further in.
    inner = getattr(handler, "__self__", None)
    if not isinstance(inner, OnePass) or (reads_forms and inner.changes):
        inner = OnePass(handler, None, (), False)
    return OnePass(
        inner.handler,
        inner.keys if keys is None else keys.around(inner.keys),
        inner.changes if change is None else _with(inner.changes, change),
        reads_forms or inner.reads_forms,
    ).handle


def _with(changes: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    last = changes[-1] if changes else None
    if isinstance(change, AddHeaders) and isinstance(last, AddHeaders):
        return (*changes[:-1], last.then(change))
    return (*changes, change)
