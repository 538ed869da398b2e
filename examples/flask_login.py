"""A Flask app on ringsession: flask.session and flask.flash as always, and none of it lost.

flask --app examples/flask_login run
python examples/flask_login.py [PORT]
"""

import sys

from flask import Flask, abort, flash, redirect, render_template_string, request, session

from ringsession import memory_store
from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate

app = Flask(__name__)
RingSession(
    app,
    {
        # For more than one process: "redis://localhost:6379/0"; or no store, and a SECRET_KEY to
        # seal the cookie with.
        "session": {"store": memory_store(), "cookie_name": "flask-login"},
        "security": {"anti_forgery": True},
    },
)

PAGE = """<!doctype html>
<title>Flask on ringsession</title>
<link rel="icon" href="data:,">
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
{% if session.user %}
<p>Logged in as {{ session.user }}</p>
<form method="post" action="/upload" enctype="multipart/form-data">
  {{ csrf_field() }} <input type="file" name="file"> <button>Upload</button>
</form>
<form method="post" action="/logout">{{ csrf_field() }} <button>Log out</button></form>
{% else %}
<form method="post" action="/login">
  {{ csrf_field() }} <input name="user"> <button>Log in</button>
</form>
{% endif %}
"""


@app.get("/")
def home():
    return render_template_string(PAGE)


@app.post("/login")
def login():
    recreate()  # a new id, so that nobody who knew the old one is logged in too
    session["user"] = request.form["user"]
    flash("Welcome!")
    return redirect("/", 303)


@app.post("/upload")
def upload():
    if "user" not in session:
        abort(403)
    file = request.files["file"]
    flash(f"{file.filename}: {len(file.read())} bytes")
    return redirect("/", 303)


@app.post("/logout")
def logout():
    session.clear()
    flash("Good bye!")
    return redirect("/", 303)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"Open http://127.0.0.1:{port}/", flush=True)
    app.run(port=port)
