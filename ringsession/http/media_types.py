"""The media types of files, by their extension: the same on every machine; and which are active."""

from __future__ import annotations

import re
from functools import cache
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
_LONGEST = 20  # characters of an extension, which a client may choose; the table's have at most 12

# A browser, or one of its plug-ins, runs scripts in these, or obeys them like a script of the site.
_ACTIVE = re.compile(
    r"""[ \t]*(?:
        text/(?:x-server-parsed-)?html
      | (?:text|application)/(?:xml(?:-dtd|-external-parsed-entity)?|xsl|xul)
      | [^;]+\+xml                                 # XHTML, SVG, MathML, XSLT, feeds (RFC 7303)
      | (?:text|application)/(?:x-)?pdf
      | (?:text|application)/(?:x-)?(?:java|ecma|j|live|vb)script[0-9.]*
      | application/(?:x-shockwave-flash|futuresplash|x-silverlight-app|java-archive)
      | application/(?:x-java-[^;]+|hta)
      | text/(?:x-component|x-scriptlet|x-cross-domain-policy)
      | text/cache-manifest                        # it may replace every page of the site
      | multipart/[^;]+ | message/[^;]+ | application/x-mimearchive   # each part has its own type
    )[ \t]*(?:;|\Z)""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)


@cache  # at the first use: it takes longer than the import of any module of this package
def _types() -> dict[str, str]:
    """Return the standard library's table. The machine's own table would differ between servers."""
    types = MimeTypes()
    for extension, media_type in _NEWER_TYPES.items():
        types.add_type(media_type, extension)
    common, iana = types.types_map
    return common | iana


def guess_type(name: str) -> str | None:
    """Return the media type for a file name's extension, in any case, or None if it is unknown.

    >>> guess_type("/a/style.CSS"), guess_type("notes.tar.gz"), guess_type("README")
    ('text/css', 'application/gzip', None)
    """
    # As in Ring, ".txt" has the extension "txt".
    end = name[-_LONGEST:]
    dot = end.rfind(".")
    return None if dot < 0 else _types().get(end[dot:].lower())


def is_active(media_type: str) -> bool:
    """Return whether a browser runs a document of this type, or a script in it.

    >>> is_active("image/svg+xml"), is_active("text/css")
    (True, False)
    """
    return _ACTIVE.match(media_type) is not None
