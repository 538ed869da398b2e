"""Write the keys of a session as the member names of a JSON object, and read them back.

A member name that starts with "~" is a tag; `values.py` says which tags exist.
"""

from __future__ import annotations

import re

SURROGATE = re.compile("[\ud800-\udfff]")


def escape_key(key: str) -> str:
    """Return the member name of a session key.

    Mark a key that starts like a tag, and one that UTF-8 cannot encode.

    >>> escape_key("user"), escape_key("~t")
    ('user', '~~t')
    """
    if key[:1] == "~":
        key = f"~{key}"
    return key if key.isascii() or not SURROGATE.search(key) else f"~s{hex_text(key)}"


def unescape_key(name: str) -> str:
    """Return the session key of a member name.

    Raises ValueError for a name that `escape_key` does not return.

    >>> unescape_key("~~t")
    '~t'
    """
    if name[:2] == "~s":
        name = text_of_hex(name[2:])
    if name[:1] == "~" and name[:2] != "~~":
        raise ValueError("name: expected ~~ or ~s, got another tag")
    return name[1:] if name[:2] == "~~" else name


def hex_text(text: str) -> str:
    """Return a text that UTF-8 cannot encode, as hexadecimal digits."""
    return text.encode("utf-8", "surrogatepass").hex()


def text_of_hex(text: str) -> str:
    """Return the text that `hex_text` made digits of. Raises ValueError for other digits."""
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")
