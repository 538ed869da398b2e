"""The pages of `devices.py`, as HTML."""

from __future__ import annotations

from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from ringsession import header, html

PAGE = Template((Path(__file__).parent / "devices" / "page.html").read_text("utf-8"))
LINKS = {"/": "Your devices", "/mail": "E-mail address"}


def show_time(moment: datetime) -> str:
    text = moment.strftime("%d %b %Y, %H:%M UTC")
    return f'<time datetime="{moment.isoformat(timespec="seconds")}">{text}</time>'


def show_form(request, action: str, fields: str, button: str, label: str = "") -> str:
    # anti_forgery_field() gives its input an id, and a page with several forms must not repeat one.
    token = escape(request["anti_forgery_token"])
    named = f' aria-label="{escape(label)}"' if label else ""
    return (
        f'<form method="post" action="{action}">'
        f'<input type="hidden" name="__anti-forgery-token" value="{token}">{fields}'
        f"<button{named}>{escape(button)}</button></form>"
    )


def show_field(name: str, label: str, kind: str, complete: str, more: str = "") -> str:
    return (
        f'<div class="field"><label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{complete}"'
        f"{more} required></div>"
    )


def show_password_form(request, action: str, fields: str, button: str) -> str:
    """A form with passwords names its user, hidden, so that a password manager knows whose."""
    user = escape(request["session"]["user"])
    whose = f'<input name="user" autocomplete="username" value="{user}" hidden>'
    return show_form(request, action, whose + fields, button)


def show_page(request, title: str, main: str, top: str = "", error: str = ""):
    role, message = ("alert", error) if error else request["flash"] or ("", "")
    told = f'<p class="{role}" role="{role}">{escape(message)}</p>' if message else ""
    page = PAGE.substitute(title=escape(title), header=top, told=told, main=main)
    # Not kept by the browser either: the back button must not show what a sign-out has ended.
    return header(html(page), "Cache-Control", "no-store")


def show_user_page(request, title: str, main: str):
    here = {request["uri"]: ' aria-current="page"'}
    links = "".join(f'<a href="{url}"{here.get(url, "")}>{name}</a>' for url, name in LINKS.items())
    out = show_form(request, "/logout", "", "Sign out")
    who = f'<span>Signed in as <b>{escape(request["session"]["user"])}</b></span>'
    top = f'<header><nav aria-label="Pages">{links}</nav>{who}{out}</header>'
    return show_page(request, title, main, top)


def show_login(request, names, error: str):
    fields = show_field("user", "Name", "text", "username")
    fields += show_field("password", "Password", "password", "current-password")
    fields += (
        '<span class="check"><input id="remember" name="remember" type="checkbox" value="1">'
        '<label for="remember">Remember me on this device</label></span>'
    )
    users = "".join(f"<li>{name}, with the password “{name}s password”</li>" for name in names)
    main = (
        "<p>Sign in here with two browsers, and end one session in the other.</p>"
        + show_form(request, "/login", fields, "Sign in")
        + f"<h2>Users of this example</h2><ul>{users}</ul>"
    )
    return show_page(request, "Sign in", main, error=error)


def show_devices(request, found):
    old = show_field("old", "Old password", "password", "current-password")
    new = show_field("new", "New password, at least 8 characters", "password", "new-password")
    main = (
        "<p>Do you not know one of these? Sign it out, and change your password.</p>"
        + show_table(request, found)
        + show_form(request, "/end-others", "", "Sign out everywhere else")
        + "<h2>Password</h2><p>A new password signs you out everywhere else.</p>"
        + show_password_form(request, "/password", old + new, "Change the password")
    )
    return show_user_page(request, "Your devices", main)


def show_table(request, found) -> str:
    """The sessions. A narrow window scrolls the table, and the keyboard can do so too."""
    names = ("Browser", "Place", "Since", "Last seen", "Action")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(show_row(request, each) for each in found)
    return (
        '<div class="wide" role="region" aria-labelledby="where" tabindex="0">'
        '<table><caption id="where">Where you are signed in</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def show_row(request, each) -> str:
    browser = each.data.get("browser", "A browser")
    handle = f'<input type="hidden" name="handle" value="{each.handle}">'
    label = f"Sign out {browser}, signed in since {each.began:%d %B %Y, %H:%M}"
    action = show_form(request, "/end", handle, "Sign out", label)
    here = ' aria-current="true"' if each.current else ""
    cells = (escape(each.data.get("address", "")), show_time(each.began), show_time(each.seen))
    return (
        f'<tr{here}><th scope="row">{escape(browser)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + f"<td>{'<b>This one</b>' if each.current else action}</td></tr>"
    )


def show_confirm(request):
    field = show_field("password", "Password", "password", "current-password")
    main = "<p>To change your e-mail address, please type your password once more.</p>"
    main += show_password_form(request, "/confirm", field, "Continue")
    return show_user_page(request, "Is it you?", main)


def show_mail(request, mail):
    more = f' value="{escape(mail)}"'
    field = show_field("mail", "E-mail address", "email", "email", more)
    main = "<p>You have typed your password in the last ten minutes, so you can change this.</p>"
    main += show_form(request, "/mail", field, "Save")
    return show_user_page(request, "E-mail address", main)
