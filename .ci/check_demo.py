"""As a new user: `make demo` makes what it needs, says where it serves, and somebody logs in."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]

with tempfile.TemporaryFile() as printed:
    demo = subprocess.Popen(
        ["make", "demo", f"ARGS=--port {port}"],
        stdout=printed,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # make, and what it starts, are stopped as one group
    )
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/login/ann", timeout=5
                ) as answer:
                    body = answer.read()
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise SystemExit("make demo: no answer within two minutes")
    finally:
        os.killpg(demo.pid, signal.SIGTERM)
        demo.wait(20)
    printed.seek(0)
    said = printed.read().decode()

assert body == b"User set to: ann", body
assert f"http://127.0.0.1:{port}" in said and "log in" in said, said
print("make demo served a login and said so")
