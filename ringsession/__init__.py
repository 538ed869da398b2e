"""Wrap any WSGI app, or a Ring-style handler, in Ring's default middleware stack.

A handler is a function from a request dict to a response dict; `to_wsgi` makes a WSGI app of it.
`wrap_defaults` puts the layers around any WSGI app.

The request has these keys. The server provides the first ones, the layers provide the others, and
`environ` gives access to the WSGI environ:

===================== ================= ============================================================
key                   type              meaning
===================== ================= ============================================================
request_method        str               in lower case: "get"
uri                   str               percent-encoded SCRIPT_NAME + PATH_INFO
path_info             str               percent-encoded PATH_INFO; absent if SCRIPT_NAME is empty
query_string          str or None       without the "?"
scheme                str               "http" or "https"
server_name           str               the server's name
server_port           int               the server's port
remote_addr           str               the peer's address
protocol              str               "HTTP/1.1"
headers               dict[str, str]    the names are in lower case
body                  binary file       at byte 0 when you first read the key
environ               dict              the WSGI environ
cookies               dict              name -> {"value": str}
query_params          dict              a repeated name has a list
form_params           dict              the fields of an urlencoded form; a repeated name has a list
multipart_params      dict              the fields of a form with files: str, or {"filename",
                                        "content_type", "tempfile", "size"}
params                dict              all of these; names like `a[b]` become nested dicts
session               Session           a mapping, loaded when you first use it
session_key           str or None       the cookie's value if there is a session; a secret
flash                 anything          the message of the last response, or None
anti_forgery_token    str               made when you read it; see `anti_forgery_field`
csp_nonce             str               replaces "{nonce}" in the content security policy
===================== ================= ============================================================

The response has these keys:

===================== ================= ============================================================
key                   type              meaning
===================== ================= ============================================================
status                int               the status code
headers               dict              name -> str, or a list of str for a repeated header
body                  see right         None, str, bytes, an iterable of either, a file or a path
session               mapping or None   absent = keep, None = end, a mapping = the new values
session_cookie_attrs  dict              attributes of the session's cookie, kept with the session
session_cookie_when   str               "always", "moved" or "changed": when they send the cookie
flash                 anything          a message for the next request
cookies               dict              name -> value, or {"value": ..., "max_age": ..., ...}
===================== ================= ============================================================

Keys of your own need a dot or a slash in their name, such as "myapp.user".

A WSGI app finds the request in `environ["ringsession.request"]`, without the key `environ`, and the
session in `environ["ringsession.session"]`. It may put `session`, `session_cookie_attrs`, `flash`
and `cookies` into `environ["ringsession.response"]`.
"""

from typing import TYPE_CHECKING

from .wsgi import from_wsgi, to_wsgi
from .blocking_handlers import blocking
from .request import Handler, Request, Response, as_request
from .option_error import OptionError
from .config import Config, ConfigError, assoc_in, deep_merge
from .layers import LAYERS
from .defaults import (
    api_defaults,
    secure_api_defaults,
    secure_site_defaults,
    site_defaults,
    wrap_defaults,
)
from .middleware.proxy import wrap_forwarded
from .middleware.hosts import wrap_hosts
from .middleware.ssl import wrap_hsts, wrap_ssl_redirect
from .middleware.security_headers import (
    wrap_content_security_policy,
    wrap_content_type_options,
    wrap_frame_options,
    wrap_referrer_policy,
    wrap_xss_protection,
)
from .middleware.cross_origin import (
    wrap_cross_origin_opener_policy,
    wrap_cross_origin_resource_policy,
)
from .middleware.permissions_policy import wrap_permissions_policy
from .middleware.not_modified import wrap_not_modified
from .middleware.content import wrap_content_length, wrap_content_type, wrap_default_charset
from .middleware.static import wrap_files, wrap_resources
from .middleware.absolute_redirects import wrap_absolute_redirects
from .middleware.cookies import wrap_cookies
from .middleware.params import wrap_params
from .middleware.multipart import bytes_store, temp_file_store, wrap_multipart_params
from .middleware.nested_params import wrap_nested_params
from .middleware.session import wrap_session
from .middleware.flash import wrap_flash
from .middleware.anti_forgery import anti_forgery_field, wrap_anti_forgery
from .middleware.head import wrap_head
from .session.mapping import Session, SessionCommitted
from .session.recreated import recreate
from .stores import RingStore, Store, StoreUnavailable, UserStore
from .stores.memory import memory_store
from .stores.cookie.store import CookieTooLarge, cookie_store
from .stores.named import open_store
from .users import UserSession, UserSessions, user_sessions
from .responses import (
    bad_request,
    charset,
    content_type,
    created,
    find_header,
    get_charset,
    get_header,
    header,
    not_found,
    redirect,
    response,
    set_cookie,
    status,
    update_header,
)
from .file_responses import file_response, resource_response
from .typed_responses import html, json, see_other, text
from .lint import LintError, wrap_lint
from .late_names import find_late_name as __getattr__

if TYPE_CHECKING:
    from .stores.sqlite.store import sqlite_store
    from .stores.redis.store import redis_store
    from .stores.sql.store import sql_store

    __version__: str

__all__ = [
    "from_wsgi",
    "to_wsgi",
    "blocking",
    "Handler",
    "Request",
    "Response",
    "as_request",
    "Config",
    "ConfigError",
    "OptionError",
    "assoc_in",
    "deep_merge",
    "LAYERS",
    "api_defaults",
    "secure_api_defaults",
    "secure_site_defaults",
    "site_defaults",
    "wrap_defaults",
    "wrap_forwarded",
    "wrap_hosts",
    "wrap_hsts",
    "wrap_ssl_redirect",
    "wrap_content_security_policy",
    "wrap_content_type_options",
    "wrap_frame_options",
    "wrap_referrer_policy",
    "wrap_xss_protection",
    "wrap_cross_origin_opener_policy",
    "wrap_cross_origin_resource_policy",
    "wrap_permissions_policy",
    "wrap_not_modified",
    "wrap_content_length",
    "wrap_content_type",
    "wrap_default_charset",
    "wrap_files",
    "wrap_resources",
    "wrap_absolute_redirects",
    "wrap_cookies",
    "wrap_params",
    "bytes_store",
    "temp_file_store",
    "wrap_multipart_params",
    "wrap_nested_params",
    "wrap_session",
    "wrap_flash",
    "anti_forgery_field",
    "wrap_anti_forgery",
    "wrap_head",
    "Session",
    "SessionCommitted",
    "recreate",
    "RingStore",
    "Store",
    "UserStore",
    "StoreUnavailable",
    "memory_store",
    "CookieTooLarge",
    "cookie_store",
    "open_store",
    "UserSession",
    "UserSessions",
    "user_sessions",
    "sqlite_store",
    "redis_store",
    "sql_store",
    "bad_request",
    "charset",
    "content_type",
    "created",
    "file_response",
    "find_header",
    "get_charset",
    "get_header",
    "header",
    "not_found",
    "redirect",
    "resource_response",
    "response",
    "set_cookie",
    "status",
    "update_header",
    "html",
    "json",
    "see_other",
    "text",
    "LintError",
    "wrap_lint",
]
