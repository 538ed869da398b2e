"""Add the header that says which features of a browser a page and its frames may use.

The header is Permissions-Policy. A browser drops a policy with a mistake without a word, so a
mistake is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..option_error import OptionError, wrong_value
from ..request import Handler
from ._one_pass import AddHeaders, join

# W3C Permissions Policy section 5.2: the policy is a dictionary of structured fields (RFC 9651
# section 3.2). A member is a feature with "*", self, a scheme or an origin in quotes (CSP section
# 2.3.1: no IPv6 address), or a list of these. An origin without a scheme is an error here, since
# "self" in quotes would be one, and no browser takes it.
_FEATURE = r"[a-z][a-z0-9-]*"
_ORIGIN = r'"[a-z][a-z0-9+.-]*:(?://(?:\*\.)?[A-Za-z0-9.-]+(?::(?:[0-9]+|\*))?)?"'
_SOURCE = rf"(?:\*|self|{_ORIGIN})"
_LIST = rf"\( *(?:{_SOURCE}(?: +{_SOURCE})* *)?\)"
_REPORT = r'(?:; *report-to="[A-Za-z0-9_.-]+")?'
_MEMBER = re.compile(rf"({_FEATURE})=(?:{_SOURCE}|{_LIST}){_REPORT}")
_IS_FEATURE, _IS_SOURCE = re.compile(_FEATURE), re.compile(_SOURCE)


def _member(name: Any, sources: Any) -> str:
    """Return a feature of a dict with its sources as they stand in the header."""
    option = ("policy", name)
    feature = name.replace("_", "-") if isinstance(name, str) else ""
    if not _IS_FEATURE.fullmatch(feature):
        raise OptionError(option, "expected the name of a feature as the key, in lower case")
    values = [sources] if isinstance(sources, str) else sources
    is_list = isinstance(values, Iterable) and not isinstance(values, (bytes, Mapping))
    texts = [
        value if value in ("*", "self") else f'"{value}"' for value in (values if is_list else [""])
    ]
    if not all(_IS_SOURCE.fullmatch(text) for text in texts):
        what = '"*", "self", an origin such as "https://a.example", or a list of them'
        raise wrong_value(option, what, sources)
    return f"{feature}=({' '.join(texts)})"


def _policy(policy: Any) -> str:
    """Return a policy as text. In a dict each key is a feature and each value its sources."""
    text = policy
    if isinstance(policy, Mapping):
        text = ", ".join([_member(*item) for item in policy.items()])
    members = [part.strip(" \t") for part in text.split(",")] if isinstance(text, str) else [""]
    found = [_MEMBER.fullmatch(member) for member in members]
    names = [match[1] for match in found if match]
    if len(names) < len(members):
        example = 'features such as camera=() or camera=(self "https://a.example")'
        raise wrong_value("policy", f"{example}, separated by commas", policy)
    if len(set(names)) < len(names):  # RFC 9651 section 3.2: only the last one counts
        raise OptionError("policy", "expected each feature once, since only the last one counts")
    return str(text)


def wrap_permissions_policy(handler: Handler, *, policy: str | Mapping[str, Any]) -> Handler:
    """Tell browsers which of their features a page and its frames may use.

    policy: a str, or a dict of features to sources: {"geolocation": [], "camera": ["self",
        "https://a.example"]}. An empty list turns the feature off, "*" allows it to every frame.

    Sets Permissions-Policy unless the handler did. Raises OptionError for a policy that a browser
    would ignore. A feature that no browser knows is no error, since browsers know different ones.
    Source: W3C Permissions Policy section 5.2, RFC 9651 section 3.2.

    >>> handler = lambda request: {"status": 200, "headers": {}}
    >>> wrap_permissions_policy(handler, policy={"camera": [], "fullscreen": "self"})({})["headers"]
    {'Permissions-Policy': 'camera=(), fullscreen=(self)'}
    """
    text = _policy(policy)
    return join(handler, AddHeaders({"Permissions-Policy": text}))
