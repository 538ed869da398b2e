"""Run the shop of examples/deploy as docs/how-to/deploy.md says: behind a real proxy, with https.

The files are those of the examples. Only ports, paths and the certificate are changed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.machine import find_program
from tests.servers import Server
from tests.serving import ROOT, curl, free_port
from tests.tls_proxy import write_certificate

FILES = ROOT / "examples" / "deploy"
HOST = "shop.example.org"


def change(text: str, *changes: tuple[str, str]) -> str:
    """Return the text with each change made. Each must be there to make."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def answers_at(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def second_loopback() -> str:
    """Return IPv6's loopback, or another of IPv4's where this machine has no IPv6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return "[::1]"
    except OSError:
        return "127.0.0.2"


SECOND = second_loopback()


class Shop:
    """The app's server and the proxy in front of it, in one folder as /srv/shop and /run/shop."""

    def __init__(self, store: str, folder: Path) -> None:
        self.folder = folder
        self.http, self.https = free_port(), free_port()
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.environ.update(SESSION_STORE=store, SHOP_HOSTS=HOST, WEB_CONCURRENCY="2")
        for file in FILES.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        self.socket = folder / "gunicorn.sock"
        self.paths = ("/run/shop/gunicorn.sock", str(self.socket))
        write_certificate(folder / "certificate.pem")
        self.app = self.gunicorn()
        self.proxy: Server | None = self.nginx()

    def change_file(self, name: str, *changes: tuple[str, str]) -> Path:
        file = self.folder / name
        file.write_text(change(file.read_text("utf-8"), *changes), "utf-8")
        return file

    def run_app(self, name: str, command: list[str]) -> Server:
        server = Server(name, "", lambda folder, port: command)
        server.user = {"env": self.environ, "cwd": self.folder}
        server.is_ready = lambda: answers_at(self.socket)
        return server

    def gunicorn(self) -> Server:
        self.change_file("gunicorn.conf.py", self.paths)
        program = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "app:app"]
        return self.run_app("gunicorn", program)

    def add_views(self, code: str) -> None:
        """Serve more views beside the shop's own; call this before the shop runs."""
        (self.folder / "more.py").write_text(f"from app import app\n\n{code}")
        command = self.app.command(self.folder, 0)
        assert command[-1] == "app:app"
        self.app = self.run_app("gunicorn", [*command[:-1], "more:app"])

    def uwsgi(self) -> Server:
        program = find_program("uwsgi", package="uwsgi-core")
        plugin = "/usr/lib/uwsgi/plugins/python3*_plugin.so"
        find_program("python3_plugin.so", plugin, package="uwsgi-plugin-python3")
        environment = ("/srv/shop/.venv", sys.prefix)
        folder = ("chdir = /srv/shop", f"chdir = {self.folder}")
        ini = self.change_file("uwsgi.ini", self.paths, environment, folder)
        return self.run_app("uWSGI", [program, "--ini", str(ini)])

    def nginx(self) -> Server:
        program = find_program("nginx", package="nginx-light")
        self.change_file(
            "nginx.conf",
            self.paths,
            ("listen 80 ", f"listen 127.0.0.1:{self.http} "),
            ("listen [::]:80 ", f"listen {SECOND}:{self.http} "),
            ("listen 443 ", f"listen 127.0.0.1:{self.https} "),
            ("listen [::]:443 ", f"listen {SECOND}:{self.https} "),
            (f"https://{HOST}$", f"https://{HOST}:{self.https}$"),
            ("/etc/ssl/shop/fullchain.pem", f"{self.folder}/certificate.pem"),
            ("/etc/ssl/shop/privkey.pem", f"{self.folder}/certificate.pem"),
            ("root /srv/shop;", f"root {self.folder};"),
        )
        whole = self.folder / "whole.conf"
        temporary = [f"{kind}_temp_path {kind};" for kind in KINDS]
        user = "user root;" if os.geteuid() == 0 else ""  # the folder is ours alone
        inside = " ".join(["access_log off;", *temporary, "include nginx.conf;"])
        whole.write_text(f"{user} pid nginx.pid; events {{}} http {{ {inside} }}")
        options = ["-p", f"{self.folder}/", "-c", str(whole), "-e", "stderr"]
        server = Server("nginx", "", lambda *_: [program, *options, "-g", "daemon off;"])
        server.port = self.http
        return server

    def caddy(self) -> Server:
        program = find_program("caddy", package="caddy")
        certificate = f"{self.folder}/certificate.pem"
        file = self.change_file(
            "Caddyfile",
            ("unix//run/shop/gunicorn.sock", f"unix/{self.socket}"),
            (
                "shop.example.org {\n",
                f"{HOST}:{self.https} {{\n\ttls {certificate} {certificate}\n",
            ),
            ("http:// {", f"http://:{self.http} {{"),
            (f"https://{HOST}{{uri}}", f"https://{HOST}:{self.https}{{uri}}"),
            ("root * /srv/shop", f"root * {self.folder}"),
        )
        file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + file.read_text("utf-8"))
        home = {**self.environ, "HOME": str(self.folder)}
        command = [program, "run", "--adapter", "caddyfile", "--config", str(file)]
        server = Server("Caddy", "", lambda *_: command)
        server.user, server.port = {"env": home}, self.http
        return server

    def apache(self) -> Server:
        program = find_program("apache2", package="apache2-bin")
        find_program("mod_wsgi.so", f"{MODULES}/mod_wsgi.so", package="libapache2-mod-wsgi-py3")
        self.change_file(
            "apache.conf",
            ("*:80>", f"127.0.0.1:{self.http}>"),
            ("*:443>", f"127.0.0.1:{self.https}>"),
            (f"https://{HOST}/", f"https://{HOST}:{self.https}/"),
            ("/etc/ssl/shop/fullchain.pem", f"{self.folder}/certificate.pem"),
            ("/etc/ssl/shop/privkey.pem", f"{self.folder}/certificate.pem"),
            (" user=shop group=shop", ""),
            ("/srv/shop/.venv", sys.prefix),
            ("python-path=/srv/shop", f"python-path={self.folder}:{ROOT}"),
            ("/srv/shop", str(self.folder)),
        )
        whole = self.folder / "whole.conf"
        lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in APACHE]
        lines += [f"Listen 127.0.0.1:{port}" for port in (self.http, self.https)]
        lines += [f"DefaultRuntimeDir {self.folder}", f"WSGISocketPrefix {self.folder}/wsgi"]
        lines += [f"PidFile {self.folder}/pid", "User nobody", "Group nogroup"]
        lines += ["ServerName localhost", "ErrorLog error.log", "Include apache.conf"]
        if os.geteuid() == 0:  # mod_wsgi refuses to be root
            shutil.chown(self.folder, "nobody")
        whole.write_text("\n".join([f"ServerRoot {self.folder}", *lines, ""]))
        server = Server("Apache", "", lambda *_: [program, "-f", str(whole), "-D", "FOREGROUND"])
        server.user, server.port = {"env": self.environ}, self.http
        return server

    def reload(self) -> None:
        """Do what `systemctl reload` does."""
        assert "ExecReload=/bin/kill -HUP $MAINPID" in (FILES / "shop.service").read_text()
        os.kill(self.app._processes()[0], signal.SIGHUP)

    # -- a client

    def ask(self, path: str, *arguments: str, scheme: str = "https") -> str:
        """Return what curl prints for the shop's address; `-c` and `-b` name its cookies."""
        port = self.https if scheme == "https" else self.http
        found = ["--resolve", f"{HOST}:{port}:127.0.0.1", "--insecure", *arguments]
        return curl(*found, f"{scheme}://{HOST}:{port}{path}", cwd=self.folder)

    def status(self, path: str, *arguments: str, scheme: str = "https") -> int:
        code = ["-o", "/dev/null", "-w", "%{http_code}"]
        return int(self.ask(path, *code, *arguments, scheme=scheme))

    def post(self, path: str, *fields: str, jar: str = "jar", origin: str | None = None) -> int:
        """Send a form as a browser that says where it comes from, but not Sec-Fetch-Site."""
        data = [part for field in fields for part in ("--data", field)] or ["--data", ""]
        own = f"Origin: {origin or f'https://{HOST}:{self.https}'}"
        return self.status(path, "-b", jar, "-c", jar, "-H", own, *data)


MODULES = "/usr/lib/apache2/modules"
APACHE = ("mpm_event", "authz_core", "alias", "ssl", "headers", "wsgi")
KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def running_shop(shop: Shop) -> Iterator[Shop]:
    """The shop while its app and its proxy run."""
    try:
        shop.app.start()
        if shop.proxy is not None:
            shop.proxy.start()
        yield shop
    finally:
        if shop.proxy is not None:
            shop.proxy.stop()
        shop.app.stop()
