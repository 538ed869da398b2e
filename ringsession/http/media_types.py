"""The media types of files, by their extension: the same on every machine."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from mimetypes import MimeTypes

# Types that are missing in the tables of older Pythons.
_NEWER_TYPES = {
    ".avif": "image/avif",
    ".gz": "application/gzip",
    ".ico": "image/x-icon",
    ".js": "text/javascript",  # RFC 9239
    ".mjs": "text/javascript",
    ".md": "text/markdown",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


@cache  # at the first use: it takes longer than the import of any module of this package
def _types() -> MimeTypes:
    """Return the standard library's table. The machine's own table would differ between servers."""
    types = MimeTypes()
    for extension, media_type in _NEWER_TYPES.items():
        types.add_type(media_type, extension)
    return types


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
    return _find_type(f".{extension.lower()}") if is_extension else None


@lru_cache(maxsize=1024)
def _find_type(extension: str) -> str | None:
    more, types = _types().types_map  # the types in common use, and the types of IANA
    return types.get(extension) or more.get(extension)
