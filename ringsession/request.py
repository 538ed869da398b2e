"""Define the request: a dict whose costly keys are computed when they are first read.

The keys themselves come from elsewhere: SPEC's from `wsgi/`, the others from the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from typing import Any, TypeAlias

from .expanded_requests import is_expanded, warn_of_expanded

Provider: TypeAlias = "Callable[[Request], Any]"
FindHeader: TypeAlias = "Callable[[Request, str], str | None]"
Response: TypeAlias = dict[str, Any]
Handler: TypeAlias = "Callable[[Request], Response]"


class Request(dict[str, Any]):
    """Hold a request. `provide` adds a key that is computed when it is first read.

    `in`, `get`, iteration, `len`, `==`, `copy`, `|` and `{**request}` see every key, computed or
    not. `|` and `copy` compute no key; `{**request}` computes all of them.

    >>> request = Request({"request_method": "get"})
    >>> request.provide("double", lambda request: request["request_method"] * 2)
    >>> request["double"], sorted(request | {"uri": "/"})
    ('getget', ['double', 'request_method', 'uri'])
    """

    __slots__ = ("_providers", "_find_header", "_fresh", "__weakref__")

    def __init__(
        self,
        values: Mapping[str, Any] = {},
        providers: Mapping[str, Provider] = {},
        find_header: FindHeader | None = None,
    ) -> None:
        if values:
            dict.__init__(self, values)
        self._providers = dict(providers)
        self._find_header = find_header
        self._fresh: tuple[str, ...] = ()  # keys that are computed at each read

    def provide(self, key: str, provider: Provider) -> None:
        """Add `key`, whose value is `provider(request)` when it is first read.

        An existing value is replaced.
        """
        self._providers[key] = provider
        dict.pop(self, key, None)

    def provide_fresh(self, key: str, provider: Provider) -> None:
        """Add `key` as `provide` does, but compute it at each read, because its value may change.

        >>> request, numbers = Request(), iter((1, 2))
        >>> request.provide_fresh("n", lambda request: next(numbers))
        >>> request["n"], request["n"]
        (1, 2)
        """
        self._providers[key] = provider
        dict.pop(self, key, None)
        self._fresh += (key,)

    def provide_all(self, providers: Mapping[str, Provider], kept: Collection[str] = ()) -> None:
        """Add several keys at once, as `provide` does. The values of `kept` stay if they are there.

        >>> request = Request({"a": 1, "b": 2})
        >>> request.provide_all({"a": lambda request: 3, "b": lambda request: 4}, kept=["b"])
        >>> request["a"], request["b"]
        (3, 2)
        """
        self._providers.update(providers)
        for key in [*dict.keys(self)]:
            if key in providers and key not in kept:
                dict.pop(self, key)

    def revise(self, key: str, change: Callable[[Request, Any], Any]) -> None:
        """Replace the value of `key` by `change(request, value)` when it is first read.

        >>> request = Request({"n": 1})
        >>> request.revise("n", lambda request, n: n + 1)
        >>> request["n"]
        2
        """
        provider = self._providers.get(key)
        if provider is None or dict.__contains__(self, key):
            value = dict.pop(self, key, None)
            self._providers[key] = lambda request: change(request, value)
        else:
            old = provider
            self._providers[key] = lambda request: change(request, old(request))

    def get_header(self, name: str) -> str | None:
        """Return one header by its lower-case name, without computing all of `headers`.

        >>> Request({"headers": {"host": "localhost"}}).get_header("host")
        'localhost'
        """
        find = self._find_header
        if find is None or dict.__contains__(self, "headers"):
            headers: Mapping[str, str] = self.get("headers") or {}
            return headers.get(name)
        return find(self, name)

    def __missing__(self, key: str) -> Any:
        provider = self._providers.get(key)
        if provider is None:
            raise KeyError(key)
        value = provider(self)
        if key not in self._fresh:
            self[key] = value
        return value

    def __delitem__(self, key: str) -> None:
        if self._providers.pop(key, None) is None or super().__contains__(key):
            super().__delitem__(key)

    def __iter__(self) -> Iterator[str]:
        computed = super().keys()
        yield from [*computed, *(key for key in self._providers if key not in computed)]

    def __len__(self) -> int:
        return len(self._providers.keys() | super().keys())

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._providers

    # dict's own methods, in C, would miss the providers. These use the methods above.
    get = Mapping.get  # type: ignore[assignment]
    keys = Mapping.keys  # type: ignore[assignment]
    items = Mapping.items  # type: ignore[assignment]
    values = Mapping.values  # type: ignore[assignment]
    __eq__ = Mapping.__eq__
    pop = MutableMapping.pop
    popitem = MutableMapping.popitem
    clear = MutableMapping.clear
    update = MutableMapping.update
    setdefault = MutableMapping.setdefault

    def copy(self) -> Request:
        """Return a request with the same keys, and compute none of them."""
        copy = Request(dict(super().items()), self._providers, self._find_header)
        copy._fresh = self._fresh
        return copy

    __copy__ = copy

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        copy = self.copy()
        copy.update(other)
        return copy

    def __ror__(self, other: Any) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        copy = self.copy()
        copy.update((key, other[key]) for key in other if key not in self)
        return copy

    def __ior__(self, other: Any) -> Request:  # type: ignore[override]
        self.update(other)
        return self

    def __repr__(self) -> str:
        # Cookies and session keys are secrets, so only the names of the keys are shown.
        return f"<Request {', '.join(self)}>"


class AppRequest(Mapping[str, Any]):
    """Show a WSGI app its request, without the environ in which the app finds it.

    Error pages walk the environ, so this is no dict, and its repr computes no key. It holds only
    the request, whose environ must be another dict than the app's: otherwise each request would be
    a reference cycle.

    >>> shown = AppRequest(Request({"environ": {}, "uri": "/"}))
    >>> shown["uri"], "environ" in shown, shown
    ('/', False, <AppRequest uri>)
    """

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def __getitem__(self, key: str) -> Any:
        if key == "environ":
            raise KeyError(key)
        return self._request[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._request if key != "environ")

    def __len__(self) -> int:
        return len(self._request) - ("environ" in self._request)

    def __contains__(self, key: object) -> bool:
        return key != "environ" and key in self._request

    def __or__(self, other: Any) -> Any:
        return self._request | other

    def __repr__(self) -> str:
        return f"<AppRequest {', '.join(self)}>"


def as_request(request: Mapping[str, Any]) -> Request:
    """Return a Request as it is, also from inside an AppRequest, and any other mapping as one.

    Warn, once, of a plain dict that somebody made of a server's request (RuntimeWarning).

    >>> as_request({"uri": "/"})["uri"]
    '/'
    """
    if isinstance(request, Request):
        return request
    if isinstance(request, AppRequest):
        return request._request
    if is_expanded(request):
        warn_of_expanded()
    return Request(request)
