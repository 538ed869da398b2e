"""Tell errors that no waiting cures from those of a server that is down or starts.

PostgreSQL's drivers give no code if a connection fails, only the server's own words, so the words
are compared. A server that speaks another language than English is taken for one that is down.
"""

from __future__ import annotations

import re

_REFUSED = "the server refuses the user or the password"
_NO_DATABASE = "the database does not exist"
_NO_RIGHT = "the user may not use the database, or it does not exist"
_OPTION = "the driver does not accept an option in the URL"

LASTING_CODES: dict[str | int, str] = {
    "28P01": _REFUSED,
    "28000": _REFUSED,
    1045: _REFUSED,
    1130: _REFUSED,  # this machine may not connect as any user
    1698: _REFUSED,
    "3D000": _NO_DATABASE,
    1049: _NO_DATABASE,
    1044: _NO_RIGHT,
}
_WORDS = (
    (r'database "[^"\n]*" does not exist|no such database', _NO_DATABASE),
    (
        r'role "[^"\n]*" (?:does not exist|is not permitted to log in)|authentication failed'
        r"|no password supplied|no pg_hba\.conf entry|no such user",
        _REFUSED,
    ),
    (r"permission denied for database", _NO_RIGHT),
    (r"bad value for|invalid (?:\w+ value|integer value|port number|connection option)", _OPTION),
    (
        r"unsupported startup parameter",  # of PgBouncer
        'the server refuses "options" or another startup parameter in the URL, as PgBouncer does;'
        " leave it out of the URL, and set it for the user: ALTER ROLE ... SET ...",
    ),
)


def find_in_text(text: str) -> str | None:
    """Return what is wrong by the words of an error, or None if waiting may cure it."""
    return next((lasting for words, lasting in _WORDS if re.search(words, text)), None)
