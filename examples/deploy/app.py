"""A small shop, as docs/how-to/deploy.md puts it into production."""

import os

from flask import Flask, flash, redirect, render_template_string, request, session

from ringsession import StoreUnavailable, deep_merge, secure_site_defaults
from ringsession.flask import RingSession, recreate

app = Flask(__name__)
config = deep_merge(
    secure_site_defaults,
    {
        "session": {
            "store": os.environ["SESSION_STORE"],
            "cookie_name": "__Host-shop",
            "user_key": "user",
        },
        "security": {
            # A load balancer asks for /livez over plain http, and by the server's address.
            "hosts": {"names": os.environ["SHOP_HOSTS"].split(), "except_paths": ["/livez"]},
            "ssl_redirect": {"except_paths": ["/livez"]},
            "content_security_policy": {
                "policy": {
                    "default_src": "'self'",
                    "object_src": "'none'",
                    "base_uri": "'none'",
                    "frame_ancestors": "'self'",
                }
            },
            "anti_forgery": {"safe_header": None},
        },
        "proxy": {"hops": 1},  # exactly one proxy, and no client can reach the app without it
    },
)
RingSession(app, config)

PAGE = """<!doctype html>
<title>Shop</title>
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
{% if session.user %}
<p>Signed in as {{ session.user }}, with {{ session.cart or [] }} in the cart</p>
<form method="post" action="/cart">
  {{ csrf_field() }} <input name="item"> <button>Add</button>
</form>
<form method="post" action="/logout">{{ csrf_field() }} <button>Sign out</button></form>
{% else %}
<form method="post" action="/login">
  {{ csrf_field() }} <input name="user"> <button>Sign in</button>
</form>
{% endif %}
"""


@app.get("/")
def home():
    return render_template_string(PAGE)


@app.post("/login")
def login():
    recreate()  # a new id at each login
    session["user"] = request.form["user"]  # check a password here before you set the user
    flash("Welcome!")
    return redirect("/", 303)


@app.post("/cart")
def add():
    session.setdefault("cart", []).append(request.form["item"])
    return redirect("/", 303)


@app.post("/logout")
def logout():
    session.clear()
    return redirect("/", 303)


@app.get("/livez")
def livez():
    return "ok"  # it does not use the session, so it answers while the store is down


@app.errorhandler(StoreUnavailable)
def store_is_down(error):
    return "<!doctype html><title>Shop</title><p>We are back in a moment.", 503
