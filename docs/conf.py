"""Build the site of documentation: `make docs` writes it to build/docs.

Nothing is fetched, so that the site can be built without the internet.
"""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from typing import Any

project = "ringsession"
author = "The ringsession authors"
copyright = author
version = release = version_of("ringsession")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 3
# The pages are read on a code host as well, whose Markdown has no directives. Only the pages of
# docs/reference that are made from docstrings use one.
smartquotes = False  # docstrings quote values
default_role = "code"  # docstrings write `name` for code
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
html_theme = "furo"
html_title = f"ringsession {version}"
html_copy_source = False
html_show_sphinx = False
pygments_style = "default"  # each of its colours has a contrast of 4.5 on white
pygments_dark_style = "github-dark"

_OPTION = re.compile(r"(\w+(?:, \w+)*): (.*)")
_SECTION = re.compile(r"(Raises|Reads|Sets|Adds|Source)\b")


def write_options_as_fields(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Turn the lines `option: meaning` of a docstring into fields that Sphinx knows, in place."""
    written: list[str] = []
    in_options = False
    for line in lines:
        option = None if _SECTION.match(line) else _OPTION.fullmatch(line)
        if option is not None:
            if not in_options and written and written[-1]:
                written.append("")
            *shared, last = option[1].split(", ")
            written += [f":param {each}: see `{last}`" for each in shared]
            written.append(f":param {last}: {option[2]}")
            in_options = True
            continue
        if in_options and line and not line.startswith(" "):
            written.append("")
            in_options = False
        written.append(line)
    lines[:] = written


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", write_options_as_fields)
