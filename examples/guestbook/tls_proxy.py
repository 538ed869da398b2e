"""A stand-in for the TLS-ending proxy of a real site: it tells the app behind who asked, and by
which scheme.

One request for each connection. For the example only; nginx or a load balancer does this for real.
"""

import ssl
import tempfile
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate():
    """A self-signed certificate for localhost and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + made.public_bytes(serialization.Encoding.PEM)


def make_proxy(backend):
    """A request handler that passes everything on to a port of loopback."""

    class Proxy(BaseHTTPRequestHandler):
        def forward(self):
            length = int(self.headers.get("Content-Length") or 0)
            # What a client says of these is overwritten, or it could forge them.
            self.headers["X-Forwarded-For"] = self.client_address[0]
            del self.headers["X-Forwarded-Proto"]
            self.headers["X-Forwarded-Proto"] = "https"
            self.headers["Connection"] = "close"
            server = HTTPConnection("127.0.0.1", backend, timeout=30)
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                server.putheader(name, value)
            server.endheaders(self.rfile.read(length))
            answer = server.getresponse()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())
            server.close()

        do_GET = do_HEAD = do_POST = forward

        def log_message(self, *arguments):
            """The app behind logs its requests itself."""

    return Proxy


def serve_tls(port, backend):
    """Serve until interrupted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(certificate())
        file.flush()
        context.load_cert_chain(file.name)
    server = ThreadingHTTPServer(("127.0.0.1", port), make_proxy(backend))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
