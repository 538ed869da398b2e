"""The pages of `devices.py`, as HTML."""

from __future__ import annotations

from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from ringsession import anti_forgery_field, header, html

PAGE = Template((Path(__file__).parent / "devices.html").read_text())


def show_time(moment: datetime) -> str:
    text = moment.strftime("%d %b %Y, %H:%M UTC")
    return f'<time datetime="{moment.isoformat(timespec="seconds")}">{text}</time>'


def show_form(request, action: str, fields: str, button: str, label: str = "") -> str:
    named = f' aria-label="{escape(label)}"' if label else ""
    return (
        f'<form method="post" action="{action}">{anti_forgery_field(request)}{fields}'
        f"<button{named}>{escape(button)}</button></form>"
    )


def show_field(name: str, label: str, kind: str, complete: str, value: str = "") -> str:
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{complete}"'
        f' value="{escape(value)}" required>'
    )


def show_password_form(request, action: str, fields: str, button: str) -> str:
    """A form with passwords names its user, hidden, so that a password manager knows whose."""
    user = escape(request["session"]["user"])
    whose = f'<input name="user" autocomplete="username" value="{user}" hidden>'
    return show_form(request, action, whose + fields, button)


def show_page(request, title: str, main: str):
    role, message = request["flash"] or ("", "")
    told = f'<p class="{role}" role="{role}">{escape(message)}</p>' if message else ""
    page = PAGE.substitute(nonce=request["csp_nonce"], title=escape(title), told=told, main=main)
    return header(html(page), "Cache-Control", "no-store")


def show_login(request, names):
    fields = show_field("user", "Name", "text", "username")
    fields += show_field("password", "Password", "password", "current-password")
    fields += (
        '<span class="check"><input id="remember" name="remember" type="checkbox" value="1">'
        '<label for="remember">Remember me on this device</label></span>'
    )
    users = "".join(f"<li>{name}, with the password “{name}s password”</li>" for name in names)
    main = show_form(request, "/login", fields, "Sign in")
    return show_page(request, "Sign in", f"{main}<p>Users of this example:</p><ul>{users}</ul>")


def show_devices(request, user, found):
    rows = "".join(show_row(request, each) for each in found)
    table = (
        "<table><caption>Where you are signed in</caption><thead><tr>"
        + "".join(f'<th scope="col">{name}</th>' for name in ("Browser", "Place", "Since"))
        + '<th scope="col">Last seen</th><th scope="col">Action</th></tr></thead>'
        + f"<tbody>{rows}</tbody></table>"
    )
    fields = show_field("old", "Old password", "password", "current-password")
    fields += show_field("new", "New password", "password", "new-password")
    main = (
        f"<p>Signed in as <b>{escape(user)}</b>.</p>{table}"
        + show_form(request, "/end-others", "", "Sign out everywhere else")
        + '<h2>Password</h2><p class="hint">This signs you out everywhere else.</p>'
        + show_password_form(request, "/password", fields, "Change the password")
        + '<h2>E-mail address</h2><p><a href="/mail">Change your e-mail address</a></p>'
        + show_form(request, "/logout", "", "Sign out")
    )
    return show_page(request, "Your devices", main)


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
    main = "<p>Please type your password once more.</p>"
    main += show_password_form(request, "/confirm", field, "Continue")
    return show_page(request, "Is it you?", main)


def show_mail(request, mail):
    field = show_field("mail", "E-mail address", "email", "email", mail)
    main = show_form(request, "/mail", field, "Save") + '<p><a href="/">Your devices</a></p>'
    return show_page(request, "E-mail address", main)
