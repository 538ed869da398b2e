"""Put the layers around every app that a suite gives to WebTest, as a plugin of pytest."""

from __future__ import annotations

from typing import Any

import webtest
from ringsession_store import around


def _native(app: Any) -> Any:
    """Let an app send bytes as its status and headers, as WebTest's lint does. PEP 3333 has str."""

    def native(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: Any, headers: Any, exc_info: Any = None) -> Any:
            pairs = [(_text(name), _text(value)) for name, value in headers]
            return start_response(_text(status), pairs, exc_info)

        return app(environ, start)

    return native


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


_init = webtest.TestApp.__init__


def _init_with_layers(self: Any, app: Any = None, *args: Any, **keywords: Any) -> None:
    _init(self, app, *args, **keywords)
    self.app = around(_native(self.app))


webtest.TestApp.__init__ = _init_with_layers
