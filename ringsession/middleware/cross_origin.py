"""Add the headers that keep a site's windows and files apart from those of other sites.

The headers are Cross-Origin-Opener-Policy and Cross-Origin-Resource-Policy. A header that the
handler sets itself stays.
"""

from __future__ import annotations

from typing import Any

from ..option_error import wrong_value
from ..request import Handler
from ._one_pass import AddHeaders, join

_OPENER_POLICIES = (  # HTML Standard, cross-origin opener policies
    "unsafe-none",
    "same-origin-allow-popups",
    "same-origin",
    "noopener-allow-popups",
)
_RESOURCE_POLICIES = ("same-site", "same-origin", "cross-origin")  # Fetch section 3.7


def _check_policy(policy: Any, known: tuple[str, ...]) -> None:
    if policy not in known:
        raise wrong_value("policy", f"one of {', '.join(known)}", policy)


def wrap_cross_origin_opener_policy(handler: Handler, *, policy: str = "same-origin") -> Handler:
    """Keep windows of other sites from holding a reference to a page's window.

    policy: "same-origin"; "same-origin-allow-popups" for pages that open another site's window and
        talk to it, such as a login or a payment; "noopener-allow-popups"; "unsafe-none".

    Sets Cross-Origin-Opener-Policy unless the handler did. Browsers read it over https only. Raises
    OptionError for another value.
    Source: HTML Standard, cross-origin opener policies.

    >>> wrap_cross_origin_opener_policy(lambda request: {"status": 200})({})["headers"]
    {'Cross-Origin-Opener-Policy': 'same-origin'}
    """
    _check_policy(policy, _OPENER_POLICIES)
    return join(handler, AddHeaders({"Cross-Origin-Opener-Policy": policy}))


def wrap_cross_origin_resource_policy(handler: Handler, *, policy: str = "same-origin") -> Handler:
    """Keep other sites from loading a response into their pages, as an image or a script.

    policy: "same-origin"; "same-site" also lets other hosts of the domain load it, and
        "cross-origin" lets every site.

    Sets Cross-Origin-Resource-Policy unless the handler did. Raises OptionError for another value.
    Source: Fetch section 3.7.

    >>> wrap_cross_origin_resource_policy(lambda request: {"status": 200})({})["headers"]
    {'Cross-Origin-Resource-Policy': 'same-origin'}
    """
    _check_policy(policy, _RESOURCE_POLICIES)
    return join(handler, AddHeaders({"Cross-Origin-Resource-Policy": policy}))
