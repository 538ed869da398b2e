"""Show a store or its URL without its secrets.

Every repr, log line, error and page of `explain` that shows one uses this module.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HIDDEN = "***"

# Options that hold no secret. Every other option is hidden together with its name, since the text
# before the "=" may be the rest of a password.
_NUMBERS = frozenset(
    "connect_timeout db health_check_interval keepalives keepalives_idle max_connections port"
    " prepare_threshold protocol read_timeout socket_connect_timeout socket_timeout timeout"
    " write_timeout".split()
)
_WORDS = frozenset(
    "application_name charset client_encoding host hostaddr load_balance_hosts ssl_cert_reqs"
    " ssl_check_hostname sslmode sslnegotiation target_session_attrs".split()
)
_NUMBER = re.compile(r"[0-9.]{1,12}(?:,[0-9]{1,5}){0,8}\Z")  # several hosts have several ports
_WORD = re.compile(r"[A-Za-z0-9_.:,/-]{1,64}\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,39}\Z")
_HOST = re.compile(r"(?:[A-Za-z0-9._,-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?\])(?::[0-9]{0,5})?\Z")
_PLAIN = re.compile(r"[!-~]*\Z")


def show_url(text: str) -> str:
    """Return the harmless parts of a URL: scheme, host, port, path and some options.

    The user name, the password and all other options become `***`. If an "@" follows the host, the
    password may contain a "/", "?" or "#", so only the scheme is shown. A text that is not a URL
    becomes `***`. The path of a SQLite file is shown in full.
    Source: RFC 3986, section 3 (authority, path, query).

    >>> show_url("postgresql+psycopg://web:s3cret@db:5432/web?sslmode=require&passwd=s3cret")
    'postgresql+psycopg://***@db:5432/web?sslmode=require&***'
    >>> show_url("redis://:p@ssw0rd@cache/0"), show_url("redis://:p@ss/w0rd@cache/0")
    ('redis://***@cache/0', 'redis://***')
    >>> show_url("s3cret")
    '***'
    """
    if text == "memory:":
        return text
    scheme, colon, rest = text.partition("://")
    if not colon or not _SCHEME.match(scheme):
        return HIDDEN
    if scheme == "sqlite" and rest.startswith("/") and "?" not in rest:
        return ascii(text)[1:-1]  # a file path holds no password; `ascii` escapes line ends
    if not _PLAIN.match(rest):
        return f"{scheme}://{HIDDEN}"
    # Always "http", since some versions of Python split URLs with other schemes differently.
    try:
        _, authority, path, query, fragment = urlsplit(f"http://{rest}")
    except ValueError:  # such as "[" without "]"
        return f"{scheme}://{HIDDEN}"
    account, at, host = authority.rpartition("@")
    if "@" in path + query + fragment or not is_host(host):
        return f"{scheme}://{HIDDEN}"
    options = _show_options(query, fragment)
    return f"{scheme}://{HIDDEN + at if at else ''}{host}{path}{'?' + options if options else ''}"


def show_store(store: object) -> str:
    """Return the repr of a store of ours, and the type of any other, whose repr may show a secret.

    >>> show_store(object())
    'a store of type object'
    """
    kind = type(store)
    is_ours = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    return repr(store) if is_ours else f"a store of type {kind.__name__}"


def is_host(text: str) -> bool:
    """Return whether a text can be a host name or an address, with or without a port.

    >>> is_host("db.internal:5432"), is_host("[::1]"), is_host("ssw0rd@db")
    (True, True, False)
    """
    return bool(_HOST.match(text))


def _show_options(query: str, fragment: str) -> str:
    shown = []
    for option in query.split("&") if query else ():
        name, _, value = option.partition("=")
        harmless = (
            name in _NUMBERS and _NUMBER.match(value) or name in _WORDS and _WORD.match(value)
        )
        if harmless:
            shown.append(option)
        elif HIDDEN not in shown:
            shown.append(HIDDEN)
    if fragment and HIDDEN not in shown:
        shown.append(HIDDEN)
    return "&".join(shown)
