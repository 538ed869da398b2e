"""Write docs/reference/config.md: each key of the config, from the signatures and docstrings.

    python docs/config_tree.py

The order is that of the layers. `tests/docs/test_reference.py` holds the page equal to the code.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

from ringsession import (
    LAYERS,
    api_defaults,
    secure_api_defaults,
    secure_site_defaults,
    site_defaults,
)
from ringsession.config import place
from ringsession.layers import Layer
from ringsession.layer_options import find_value, layer_options

PAGE = Path(__file__).parent / "reference" / "config.md"
CONFIGS = {
    "site": site_defaults,
    "secure site": secure_site_defaults,
    "API": api_defaults,
    "secure API": secure_api_defaults,
}
_AFTER = re.compile(r"(Reads|Sets|Adds|Raises|Source|The text)\b|$")
_OF_THE_SITE = {"safe_header"}  # the config sets what is None by default
_BAR = "\\|"
HEAD = """\
# The config, key by key

A config is a nested dict. You seldom write a whole one: change one of the four that come with the
package, by `assoc_in` or `deep_merge`.

```python
from ringsession import deep_merge, site_defaults, text, to_wsgi, wrap_defaults

config = deep_merge(site_defaults, {"session": {"timeout": 600}, "proxy": {"hops": 1}})
app = wrap_defaults(to_wsgi(lambda request: text("hello")), config)
```

At the place of a layer, `False` or `None` switches the layer off. `True` switches it on with the
defaults of its options. A dict gives options. Every time takes seconds or a `timedelta`.

A key that does not exist, a value of the wrong kind, and two values that contradict each other
raise `ConfigError` when you wrap your app. The message says the place, what is wrong, and what to
write instead: `["session"]["time_out"]: unknown key; did you mean "timeout"?`

The layers below stand in the order in which a request meets them. Each table lists the options of
one layer.
"""
TAIL = """
Next: [what a request and a response hold](requests-and-responses.md).
"""


def find_options(wrap: Any) -> list[str]:
    """Return the names of a layer's options."""
    parameters = inspect.signature(wrap).parameters.items()
    return [name for name, parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def read_options(wrap: Any) -> dict[str, str]:
    """Return what a layer's docstring says of each option."""
    names = find_options(wrap)
    lines = (inspect.getdoc(wrap) or "").split("\n")
    first = next((i for i, line in enumerate(lines) if line.split(":")[0] in names), len(lines))
    last = next((i for i in range(first, len(lines)) if _AFTER.match(lines[i])), len(lines))
    text = " ".join(line.strip() for line in lines[first:last])
    # Options with the same meaning share a line: "allow_symlinks, cache_control: as in wrap_files".
    option = "|".join(map(re.escape, names)) or "(?!)"
    parts = re.split(rf"(?:^|(?<=[.;]) )((?:{option})(?:, (?:{option}))*): ", text)[1:]
    said = zip(parts[::2], parts[1::2])
    found = {name: meaning for shared, meaning in said for name in shared.split(", ")}
    assert list(found) == [name for name in names if name in found], wrap
    return found


def describe(layer: Layer) -> list[str]:
    """Return the lines of one layer."""
    summary = (inspect.getdoc(layer.wrap) or "").split("\n")[0]
    lines = ["", f"## `{place(layer.path)}`", ""]
    lines += [textwrap.fill(f"`{layer.wrap.__name__}`: {summary}", 100), ""]
    on = [name for name, config in CONFIGS.items() if _is_on(layer, config)]
    lines += [f"On in: {', '.join(on)}." if on else "Off in all four configs."]
    if layer.scalar is not None:
        lines += ["", f"A plain value here is the option `{layer.scalar}`."]
    said = read_options(layer.wrap)
    value = find_value(site_defaults, layer.path, site_defaults)
    ours = value if isinstance(value, dict) else {}
    if said:
        lines += ["", "| option | default; meaning |", "|---|---|"]
    for option, meaning in said.items():
        text = meaning.rstrip("; ")
        if ours.get(option) is not None and option in _OF_THE_SITE:
            text += f" In `site_defaults`: `{ours[option]!r}`."
        lines += [f"| `{option}` | {text.replace('|', _BAR)} |"]
    return lines


def _is_on(layer: Layer, config: Any) -> bool:
    value = find_value(config, layer.path, site_defaults)
    return layer_options(value, layer.scalar) is not None


def write_page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD.rstrip(), *(line for layer in LAYERS for line in describe(layer)), TAIL])


if __name__ == "__main__":
    PAGE.write_text(write_page(), "utf-8")
