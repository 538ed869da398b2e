"""The media types of files, by their extension: the same on every machine."""

from __future__ import annotations

import posixpath
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


@lru_cache(maxsize=1024)
def guess_type(name: str) -> str | None:
    """Return the media type for a file name's extension, in any case, or None if it is unknown.

    >>> guess_type("/a/style.CSS"), guess_type("notes.tar.gz"), guess_type("README")
    ('text/css', 'application/gzip', None)
    """
    # As in Ring, ".txt" has the extension "txt".
    file = name.replace("\\", "/").rpartition("/")[2]
    extension = posixpath.splitext(f"_{file}")[1].lower()
    more, types = _types().types_map  # the types in common use, and the types of IANA
    return types.get(extension) or more.get(extension)
