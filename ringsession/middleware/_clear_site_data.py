"""Ask the browser to delete what it keeps of a site, with the response that ends a session.

Source: W3C Clear Site Data.
"""

from __future__ import annotations

from typing import Any

from ..option_error import wrong_value
from ..request import Response
from ..responses import change_header

_KINDS = ("cache", "storage")  # "cookies" would delete those of other apps, too


def read_clear_site_data(option: Any) -> str | None:
    """Return the value of `Clear-Site-Data`, or None. Raises OptionError for a wrong option.

    >>> read_clear_site_data(True), read_clear_site_data(["cache"])
    ('"cache", "storage"', '"cache"')
    """
    if option is False:
        return None
    kinds = _KINDS if option is True else option
    if not isinstance(kinds, (list, tuple)) or not kinds:
        raise wrong_value("clear_site_data", 'True, False or a list such as ["cache"]', option)
    for index, kind in enumerate(kinds):
        if kind not in _KINDS:
            raise wrong_value(("clear_site_data", index), '"cache" or "storage"', kind)
    return ", ".join(f'"{kind}"' for kind in kinds)


def clear_response(response: Response, cleared: str) -> Response:
    """Return a response with `Clear-Site-Data`, unless its handler has set that header.

    cleared: the header's value.
    """
    headers = dict(response.get("headers") or {})
    change_header(headers, "Clear-Site-Data", lambda own: own or cleared)
    return {**response, "headers": headers}
