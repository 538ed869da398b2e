"""Define the grammar of headers, cookies, hosts and URLs, each rule with its RFC section.

Every regular expression takes linear time and matches ASCII only.
"""

from __future__ import annotations

import re

# RFC 9110 section 5.6.2: tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" /
# "_" / "`" / "|" / "~" / DIGIT / ALPHA; token = 1*tchar.
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")

# RFC 9110 section 5.5: a field value holds no CR, LF or NUL. ringsession refuses the other control
# characters too, except HTAB, and every character that ISO-8859-1 lacks.
UNSAFE_FIELD = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# RFC 3986 section 2: a URL holds no control character, so no HTAB either. Browsers and libraries
# drop HTAB, CR and LF (URL Standard, basic URL parser), so "/\t/host" would lead to another host.
URL_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# RFC 6265 section 4.1.1: cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E. That excludes
# control characters, space, double quote, comma, semicolon and backslash. A double quote inside a
# value is allowed here, because clients send JSON and quotes group nothing in our cookie parser.
COOKIE_VALUE = re.compile(r"[\x21-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\Z")

# A COOKIE_VALUE that needs no decoding: it holds no quote, "%" or "+".
PLAIN_COOKIE_VALUE = re.compile(r"[\x21\x23\x24\x26-\x2a\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\Z")

# RFC 6265 section 4.1.1: av-octet = %x20-3A / %x3C-7E, any character except controls and ";".
AV_OCTETS = re.compile(r"[\x20-\x3a\x3c-\x7e]*\Z")

# RFC 6265bis section 5.6: a browser ignores an attribute whose value is longer.
MAX_ATTRIBUTE_OCTETS = 1024

# RFC 6265bis section 5.6.4: a Path that does not start with "/" counts as none. Only what the path
# of a URL can hold follows: a browser compares octets, and writes "/a b" as "/a%20b" (URL Standard,
# path percent-encode set), so that it never sends a cookie whose path is "/a b".
COOKIE_PATH = re.compile(r"/[/!$%&'()*+,\-.0-9:=@A-Z\[\]^_a-z|~]*\Z")

# A session's id: 32 random bytes in base64url. Only ringsession makes ids.
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{43}\Z")

# An anti-forgery token: a mask and a masked secret of 32 bytes each, in base64url.
MASKED_SECRET = re.compile(r"[A-Za-z0-9_-]{86}\Z")

# RFC 3986 section 3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ).
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*\Z")

# RFC 3986 section 3.2.2: host = IP-literal / IPv4address / reg-name. Of the names, only those that
# DNS and browsers accept.
HOST_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")
IP_LITERAL = re.compile(r"\[[0-9A-Fa-f:.]+\]\Z")

# RFC 3986 section 3.2.3: port = *DIGIT.
PORT = re.compile(r"[0-9]*\Z")

# RFC 6265bis section 5.6: a browser drops a cookie whose name and value together are longer.
MAX_COOKIE_OCTETS = 4096
# Section 5.5: browsers keep no cookie longer than 400 days.
LONGEST_COOKIE_AGE = 400 * 86_400  # seconds
