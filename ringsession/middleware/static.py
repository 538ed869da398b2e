"""Serve files from folders and from packages, before the handler runs.

`_find_file.py` finds the file of a path, `_sent_file.py` makes the response.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ..wsgi.body import close_body
from ..option_error import OptionError, Path, check_switches, list_items, wrong_value
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, header
from ._find_file import Find, Root, find_file, find_resource, get_file_path, search
from ._sent_file import sent_file_response


def _wrap_static(
    handler: Handler, finds: list[Find], prefer_handler: bool, cache_control: str | None
) -> Handler:
    check_switches(prefer_handler=prefer_handler)
    is_text = isinstance(cache_control, str) and cache_control.isascii()
    if cache_control is not None and not (is_text and cache_control.isprintable()):
        raise wrong_value("cache_control", "the header's text", cache_control)

    def serve(request: Request) -> Response | None:
        path = get_file_path(request) if request["request_method"] in ("get", "head") else None
        found = None if path is None else search(finds, path)
        if found is None:
            return None
        response = sent_file_response(found, request)
        return header(response, "Cache-Control", cache_control) if cache_control else response

    def static(request: Request) -> Response:
        request = as_request(request)
        if not prefer_handler:
            return serve(request) or handler(request)
        response = check_response(handler(request))
        try:
            served = serve(request) if response["status"] == 404 else None
        except BaseException:
            close_body(response.get("body"))
            raise
        if served is not None:
            close_body(response.get("body"))
        return served or response

    return static


def _roots(root: Any) -> list[tuple[Path, Any]]:
    """Return each root with its place in the option; the last root comes first, as in Ring."""
    if isinstance(root, (str, bytes, os.PathLike, Mapping)) or not isinstance(root, Iterable):
        return [(("root",), root)]
    return list_items("root", root)[::-1]


def wrap_files(
    handler: Handler,
    *,
    root: Root | Iterable[Root],
    prefer_handler: bool = False,
    index_files: bool = True,
    allow_symlinks: bool = False,
    cache_control: str | None = None,
) -> Handler:
    """Serve the files of a folder.

    root: the folder, or a list of folders, of which the last is searched first.
    prefer_handler: False; True calls the handler first, and looks for a file if it answers 404.
    index_files: True; a folder stands for its index.html, index.htm or another index.*.
    allow_symlinks: False; True follows links that lead out of the root.
    cache_control: None; the value of Cache-Control, such as "public, max-age=3600".

    Reads `request_method` (GET and HEAD only), `path_info` or `uri`, Range, If-Range, If-Match,
    If-Unmodified-Since, and the conditions that wrap_not_modified reads. Sets Content-Length,
    Last-Modified, ETag and Content-Range. The response is a 416 if the file has no such range, a
    412 if If-Match or If-Unmodified-Since names another file, and the whole file if the request has
    several ranges. A name that begins with a dot is never served, except "/.well-known". A file or
    folder that cannot be read is the handler's. Raises OptionError for a root that is no folder.

    The ETag is a hash of the content. A file over 16 MiB is known by its time and size, or, if that
    time is in whole seconds, as builds and archives set it, by the time of its last change. A time
    before 2001 or in the future is no Last-Modified.
    Source: ring.middleware.file/wrap-file, RFC 9110 sections 8.8, 13 and 14.

    >>> import pathlib, ringsession
    >>> folder = pathlib.Path(ringsession.__file__).parent
    >>> handler = wrap_files(lambda request: {"status": 404}, root=folder)
    >>> response = handler({"request_method": "get", "uri": "/py.typed", "headers": {}})
    >>> response["body"].close()
    >>> response["status"], response["headers"]["Content-Length"]
    (200, '0')
    """
    check_switches(index_files=index_files, allow_symlinks=allow_symlinks)
    finds: list[Find] = []
    for option, folder in _roots(root):
        if not isinstance(folder, (str, os.PathLike)) or not os.path.isdir(folder):
            raise OptionError(option, f"expected a folder that is there, got {folder!r:.120}")
        finds.append(
            partial(find_file, root=folder, index_files=index_files, allow_symlinks=allow_symlinks)
        )
    return _wrap_static(handler, finds, prefer_handler, cache_control)


def _package_root(option: Path, root: Any) -> Any:
    from importlib import resources  # its import takes as long as that of ten modules here

    package, colon, folder = root.partition(":") if isinstance(root, str) else ("", "", "")
    try:
        found = resources.files(package).joinpath(folder) if colon and folder else None
    except (ImportError, ValueError, TypeError):  # no such package, or not the name of a package
        found = None
    if found is None or not found.is_dir():
        raise OptionError(option, f'expected "package:folder" that is there, got {root!r:.120}')
    return found


def wrap_resources(
    handler: Handler,
    *,
    root: str | Iterable[str],
    prefer_handler: bool = False,
    allow_symlinks: bool = False,
    cache_control: str | None = None,
) -> Handler:
    """Serve the files in a package's data.

    root: "package:folder", or a list of these, of which the last is searched first. The package may
        be in a zip file.
    prefer_handler, allow_symlinks, cache_control: as in wrap_files. There are no index files.

    Reads and sets the same headers as wrap_files. Raises OptionError for a root that is no folder.
    Source: ring.middleware.resource/wrap-resource.

    >>> handler = wrap_resources(lambda request: {"status": 404}, root="ringsession:stores")
    >>> response = handler({"request_method": "get", "uri": "/memory.py", "headers": {}})
    >>> response["body"].close()
    >>> response["status"]
    200
    """
    check_switches(allow_symlinks=allow_symlinks)
    finds: list[Find] = [
        partial(find_resource, root=_package_root(*each), allow_symlinks=allow_symlinks)
        for each in _roots(root)
    ]
    return _wrap_static(handler, finds, prefer_handler, cache_control)
