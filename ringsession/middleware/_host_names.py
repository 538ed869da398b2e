"""Check the names of hosts in an option, and compare a request's host with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..http.origin import split_host
from ..option_error import Path, list_items, wrong_value
from ..request import Request


def find_host(request: Request) -> str | None:
    """Return the name that a request was sent to, without a port; None if it is not valid.

    >>> find_host(Request({"headers": {"host": "Example.org:8080"}}))
    'example.org'
    """
    found = split_host(request.get_header("host") or request["server_name"])
    return found and found[0]


def is_listed(host: str, names: Collection[str]) -> bool:
    """Return whether a host is one of the names. ".example.org" stands for its subdomains too.

    >>> names = ["example.org", ".example.net"]
    >>> [is_listed(host, names) for host in ("example.org", "a.example.org", "a.example.net")]
    [True, False, True]
    """
    if host.startswith(".") or ".." in host:  # a label is not empty (RFC 1035 section 2.3.1)
        return False
    return host in names or any(
        name[0] == "." and (host == name[1:] or host.endswith(name)) for name in names
    )


def check_name(option: Path, name: Any, *, domains: bool = False) -> None:
    """Raise OptionError for a name that no request's host can be equal to.

    domains: False; True allows names such as ".example.org".

    >>> check_name(("host",), "Example.org")
    Traceback (most recent call last):
    ...
    ringsession.option_error.OptionError: host: expected a name in lower case, without a port, got \
'Example.org'
    """
    what = "a name in lower case, without a port"
    what += ', such as "example.org" or ".example.org"' if domains else ""
    is_domain = domains and isinstance(name, str) and name.startswith(".")
    host = name[1:] if is_domain else name
    found = split_host(host) if isinstance(host, str) else None
    if found is None or found != (host, None) or host.startswith("."):
        raise wrong_value(option, what, name)


def check_names(option: str, names: Any, *, domains: bool = False) -> None:
    """Raise OptionError unless `names` is a list of names that `check_name` passes."""
    if not isinstance(names, Collection) or isinstance(names, (str, bytes, Mapping)) or not names:
        raise wrong_value(option, "a list of names", names)
    for place, name in list_items(option, names):
        check_name(place, name, domains=domains)
