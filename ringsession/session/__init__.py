"""One request's session: the mapping that handlers use, its state, its contents, and its commit.

`middleware/session.py` puts it into a request and sends its cookie. This package knows no HTTP, no
WSGI and no kind of store.
"""
