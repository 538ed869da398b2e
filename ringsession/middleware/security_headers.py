"""Add the headers that forbid a browser to frame a page, guess its type or run foreign scripts.

The headers are X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Content-Security-Policy
and Referrer-Policy. A header that the handler sets itself stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from ..http.grammar import AV_OCTETS, TOKEN
from ..option_error import OptionError, check_switches, wrong_value
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, find_header, header
from ._one_pass import AddHeaders, join

NONCE = "{nonce}"
_REFERRER_POLICIES = (  # W3C Referrer Policy section 3
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
)


def add_header(response: Response, name: str, value: str) -> Response:
    """Return the response with this header added, unless it has the header in any case.

    >>> add_header({"headers": {"x-frame-options": "DENY"}}, "X-Frame-Options", "SAMEORIGIN")
    {'headers': {'x-frame-options': 'DENY'}}
    """
    return response if find_header(response, name) else header(response, name, value)


def wrap_frame_options(
    handler: Handler, *, value: str = "sameorigin", allow_from: str | None = None
) -> Handler:
    """Tell browsers which sites may show the page in a frame.

    value: "sameorigin"; or "deny".
    allow_from: None; a URI in place of the value. Current browsers ignore it.

    Sets X-Frame-Options unless the handler did. Raises OptionError for another value.
    Source: ring.middleware.x-headers/wrap-frame-options, RFC 7034.

    >>> wrap_frame_options(lambda request: {"status": 200, "headers": {}})({})["headers"]
    {'X-Frame-Options': 'SAMEORIGIN'}
    """
    if value not in ("sameorigin", "deny"):
        raise wrong_value("value", '"sameorigin" or "deny"', value)
    is_text = isinstance(allow_from, str) and AV_OCTETS.match(allow_from)
    if allow_from is not None and not is_text:
        raise wrong_value("allow_from", "a URI", allow_from)
    text = f"ALLOW-FROM {allow_from}" if allow_from else value.upper()
    return join(handler, AddHeaders({"X-Frame-Options": text}))


def wrap_content_type_options(handler: Handler, *, value: str = "nosniff") -> Handler:
    """Forbid browsers to guess another type than the Content-Type.

    value: "nosniff", the only value.

    Sets X-Content-Type-Options unless the handler did. Raises OptionError for another value.
    Source: ring.middleware.x-headers/wrap-content-type-options, Fetch section 3.5.

    >>> wrap_content_type_options(lambda request: {"status": 200, "headers": {}})({})["headers"]
    {'X-Content-Type-Options': 'nosniff'}
    """
    if value != "nosniff":
        raise wrong_value("value", '"nosniff"', value)
    return join(handler, AddHeaders({"X-Content-Type-Options": "nosniff"}))


def wrap_xss_protection(
    handler: Handler, *, enable: bool = False, mode: str | None = None
) -> Handler:
    """Turn off the XSS filter of old browsers, since the filter itself can be attacked.

    enable: False; True turns it on, as Ring does.
    mode: None; "block" if enable is True.

    Sets X-XSS-Protection to "0", "1" or "1; mode=block" unless the handler did. Raises OptionError
    for another mode, or for a mode without enable.
    Source: ring.middleware.x-headers/wrap-xss-protection; OWASP Cheat Sheet Series, HTTP headers.

    >>> wrap_xss_protection(lambda request: {"status": 200, "headers": {}})({})["headers"]
    {'X-XSS-Protection': '0'}
    """
    check_switches(enable=enable)
    if mode is not None and (mode != "block" or not enable):
        raise wrong_value("mode", 'None, or "block" where enable is True', mode)
    text = ("1; mode=block" if mode else "1") if enable else "0"
    return join(handler, AddHeaders({"X-XSS-Protection": text}))


def _directive(name: Any, sources: Any) -> str:
    option = ("policy", name)
    if not isinstance(name, str) or not TOKEN.match(name):
        raise OptionError(option, "expected the name of a directive as the key")
    values = [sources] if isinstance(sources, str) else sources
    is_list = isinstance(values, Iterable) and not isinstance(values, (bytes, Mapping))
    values = list(values) if is_list else [None]
    if not all(isinstance(value, str) and ";" not in value for value in values):
        raise wrong_value(option, 'a source, or a list of them, without ";"', sources)
    return " ".join([name.replace("_", "-"), *values])


def _policy(policy: Any) -> str:
    """Return a policy as text. In a dict each key is a directive and each value its sources."""
    if isinstance(policy, Mapping):
        policy = "; ".join([_directive(*item) for item in policy.items()])
    # CSP section 2.2: a policy is a list of directives of ASCII.
    if not isinstance(policy, str) or not policy or not (policy.isascii() and policy.isprintable()):
        raise wrong_value("policy", "the directives, as a str or a dict", policy)
    return policy


def wrap_content_security_policy(
    handler: Handler, *, policy: str | Mapping[str, Any], report_only: bool = False
) -> Handler:
    """Tell browsers what a page may load and run.

    policy: a str, or a dict of directives to sources: {"script_src": ["'self'", "{nonce}"]}.
    report_only: False; True makes browsers report what the policy forbids, and allow it.

    If the policy contains "{nonce}", each request gets a new nonce as `request["csp_nonce"]`, and
    the policy has it in this place. Sets Content-Security-Policy, or
    Content-Security-Policy-Report-Only, unless the handler did. A 304 gets no policy with a nonce,
    since the page in the browser's cache has an older nonce. Raises OptionError for a wrong policy.
    Source: W3C Content Security Policy Level 3.

    >>> handler = lambda request: {"status": 200, "headers": {}, "body": request["csp_nonce"]}
    >>> response = wrap_content_security_policy(handler, policy="script-src {nonce}")({})
    >>> response["headers"]["Content-Security-Policy"] == f"script-src 'nonce-{response['body']}'"
    True
    """
    check_switches(report_only=report_only)
    text = _policy(policy)
    name = "Content-Security-Policy" + ("-Report-Only" if report_only else "")

    if NONCE not in text:
        return join(handler, AddHeaders({name: text}))

    def content_security_policy(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        request = as_request(request | {"csp_nonce": nonce})
        response = check_response(handler(request))
        if response.get("status") == 304:
            return response
        return add_header(response, name, text.replace(NONCE, f"'nonce-{nonce}'"))

    return content_security_policy


def wrap_referrer_policy(
    handler: Handler, *, policy: str = "strict-origin-when-cross-origin"
) -> Handler:
    """Tell browsers how much of a page's address to send along with its links and loads.

    policy: "strict-origin-when-cross-origin"; or another policy of the standard, or several,
        separated by commas.

    Sets Referrer-Policy unless the handler did. Raises OptionError for another value.
    Source: W3C Referrer Policy section 4.1.

    >>> wrap_referrer_policy(lambda request: {"status": 200}, policy="no-referrer")({})["headers"]
    {'Referrer-Policy': 'no-referrer'}
    """
    names = [name.strip() for name in policy.split(",")] if isinstance(policy, str) else []
    if not names or not set(names) <= set(_REFERRER_POLICIES):
        raise wrong_value("policy", f"one of {', '.join(_REFERRER_POLICIES)}", policy)
    text = ", ".join(names)
    return join(handler, AddHeaders({"Referrer-Policy": text}))
