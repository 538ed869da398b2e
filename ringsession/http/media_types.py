"""The media types of files, by their extension: the same on every machine, in every Python."""

from __future__ import annotations

import re
from functools import cache


@cache  # at the first use: it takes longer than the import of any module of this package
def _types() -> dict[str, str]:
    """Return the package's own table, from extension to type.

    The standard library's differs by version, and the machine's from server to server.
    """
    from importlib.resources import files

    text = files(__package__).joinpath("media_types.txt").read_text("ascii")
    lines = [line.split() for line in text.split("\n") if line and not line.startswith("#")]
    return {extension: kind for kind, *extensions in lines for extension in extensions}


# Types that a browser or a plug-in runs, or that can hold what it runs: HTML, MHTML, XML of every
# kind and under every name that a browser knows, SVG, PDF, Flash, Java, and the names of JavaScript
# (WHATWG MIME Sniffing section 4.6). A cache manifest may replace every page of the site.
_ACTIVE = re.compile(
    r"""text/(?:html|x-server-parsed-html|rdf|cache-manifest)\Z
    | text/x-(?:component|scriptlet|cross-domain-policy)\Z
    | (?:text|application)/(?:xml(?:-dtd|-external-parsed-entity)?|xsl|xul|(?:x-)?pdf)\Z
    | (?:text|application)/(?:x-)?(?:java|ecma|j|live|vb)script[0-9.]*\Z
    | application/(?:x-shockwave-flash|futuresplash|x-silverlight-app|java-archive|hta)\Z
    | application/(?:x-java-|x-mimearchive\Z)
    | [^ ;]*\+xml\Z | multipart/ | message/""",
    re.VERBOSE,
)


def is_active(media_type: str) -> bool:
    """Return whether a browser may run what stands in a document of this type.

    >>> is_active("text/html; charset=utf-8"), is_active("image/svg+xml"), is_active("text/css")
    (True, True, False)
    """
    return _ACTIVE.match(media_type.partition(";")[0].strip().lower()) is not None


_LONGEST = 32  # characters of an extension; no type has a longer one


def guess_type(name: str) -> str | None:
    """Return the media type for a file name's extension, in any case, or None if it is unknown.

    >>> guess_type("/a/style.CSS"), guess_type("notes.tar.gz"), guess_type("README")
    ('text/css', 'application/gzip', None)
    """
    # As in Ring, ".txt" has the extension "txt".
    stem, dot, extension = name.rpartition(".")
    is_extension = dot and len(extension) <= _LONGEST and not {"/", "\\"} & set(extension)
    return _types().get(extension.lower()) if is_extension else None
