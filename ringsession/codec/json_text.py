"""Write values as JSON, in the form that records have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def make_dump() -> Callable[[object], str]:
    """Return what writes a value as JSON.

    `JSONEncoder.encode` makes its C encoder anew for each value, which takes as long as to write a
    small one. Without that encoder, as on PyPy, its own `encode` serves.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
    make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
    if make_encoder is None:
        return encoder.encode
    escape = json.encoder.encode_basestring
    write = make_encoder(None, encoder.default, escape, None, ":", ",", False, False, True)
    join = "".join
    return lambda value: join(write(value, 0))


dump = make_dump()
