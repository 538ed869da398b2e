"""The rules of HTTP that more than one layer needs: grammar, forms, origins, caching, refusals.

Everything here is pure. This package knows no request dict, no layer and no WSGI.
"""
