"""The app that Flask-DebugToolbar's tests import, and its source packages leave out."""

from flask import Flask, session
from flask_debugtoolbar import DebugToolbarExtension

app = Flask("basic_app")
app.config |= {"SECRET_KEY": "any text", "DEBUG": True}
toolbar = DebugToolbarExtension(app)


@app.route("/")
def index() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return "<html><head></head><body>a page</body></html>"
