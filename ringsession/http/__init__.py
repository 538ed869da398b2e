"""Apply rules of HTTP: grammar, header fields, forms, origins, caching, refusals.

Everything here is pure. Layers and WSGI are left to other packages.
"""
