"""A Flask app behind the layers: its form and its upload work as always.

python examples/flask_login.py [PORT]
"""

import sys

from flask import Flask, abort, redirect, render_template_string, request

from ringsession import wrap_defaults

app = Flask(__name__)
app.wsgi_app = wrap_defaults(app.wsgi_app)

PAGE = """<!doctype html>
<title>Flask on ringsession</title>
{% if flash %}<p>{{ flash }}</p>{% endif %}
{% if user %}
<p>Logged in as {{ user }}</p>
<form method="post" action="/upload" enctype="multipart/form-data">
  <input type="file" name="file"> <button>Upload</button>
</form>
<form method="post" action="/logout"><button>Log out</button></form>
{% else %}
<form method="post" action="/login"><input name="user"> <button>Log in</button></form>
{% endif %}
"""


def session():
    return request.environ["ringsession.session"]


def flash(message):
    request.environ["ringsession.response"]["flash"] = message


@app.get("/")
def home():
    message = request.environ["ringsession.request"]["flash"]
    return render_template_string(PAGE, user=session().get("user"), flash=message)


@app.post("/login")
def login():
    session().recreate()
    session()["user"] = request.form["user"]
    flash("Welcome!")
    return redirect("/", 303)


@app.post("/upload")
def upload():
    if "user" not in session():
        abort(403)
    file = request.files["file"]
    flash(f"{file.filename}: {len(file.read())} bytes")
    return redirect("/", 303)


@app.post("/logout")
def logout():
    session().destroy()
    flash("Good bye!")
    return redirect("/", 303)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"Open http://127.0.0.1:{port}/", flush=True)
    app.run(port=port)
