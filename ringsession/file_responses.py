"""Make responses of files and of a package's data, as ring.util.response does."""

from __future__ import annotations

import os
from pathlib import Path
from time import time

from werkzeug.http import http_date
from werkzeug.security import safe_join

from .http.file_dates import is_likely_date
from .request import Response
from .responses import response


def file_response(path: str, *, root: str | os.PathLike[str] | None = None) -> Response | None:
    """Return a response with a file, its length and its date; None if it is not a regular file.

    root: None; a folder that `path` may not leave. Without it, `path` must be trusted.
    A time before 2001 or in the future, which build tools set, makes no Last-Modified.
    Source: ring.util.response/file-response.

    >>> file_response("no/such/file") is None
    True
    """
    found = path if root is None else safe_join(os.fspath(root), path)
    if found is None or not os.path.isfile(found):
        return None
    stat = os.stat(found)
    headers = {"Content-Length": str(stat.st_size)}
    if is_likely_date(stat.st_mtime, time()):
        headers["Last-Modified"] = http_date(stat.st_mtime)
    return response(Path(found)) | {"headers": headers}


def resource_response(path: str, *, package: str, root: str = "") -> Response | None:
    """Return a response with a file among a package's data; None if the package lacks the file.

    package: the package's name. root: ""; a folder of the package that `path` may not leave.
    Source: ring.util.response/resource-response.

    >>> resource_response("py.typed", package="ringsession")["status"]
    200
    >>> resource_response("../README.md", package="ringsession", root="stores") is None
    True
    """
    from importlib import resources  # as slow to import as ten modules of ringsession

    with resources.as_file(resources.files(package).joinpath(root)) as folder:
        found = file_response(path, root=folder)
        if found is not None:
            # The copy of a file from a zipped package is deleted after this block.
            found["body"] = found["body"].read_bytes()
    return found
