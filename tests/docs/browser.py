"""Open pages of a site on this machine and press their buttons, as a person with a browser does.

A page is shown as one line of text: a button as [its words], a field to type into as [....], a box
to check as [ ].
"""

from __future__ import annotations

from html.parser import HTMLParser

import requests

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}  # what a browser adds to a form of the same site


class _Page(HTMLParser):
    """What a page shows, and its first form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.action = ""
        self.hidden: dict[str, str] = {}
        self._is_title = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._is_title = tag == "title"
        if tag == "form":
            assert found["method"] == "post"
            self.action = found["action"]
        elif tag == "button":
            self.words.append("[")
        elif tag == "input" and found.get("type") == "hidden":
            self.hidden[found["name"]] = found["value"]
        elif tag == "input":
            self.words.append("[ ]" if found.get("type") == "checkbox" else "[....]")

    def handle_endtag(self, tag: str) -> None:
        self._is_title = False
        if tag == "button":
            self.words.append("]")

    def handle_data(self, data: str) -> None:
        if not self._is_title:
            self.words += data.split()

    def show(self) -> str:
        text = " ".join(self.words)
        return text.replace("[ ]", "[\0]").replace("[ ", "[").replace(" ]", "]").replace("\0", " ")


class Browser:
    """A browser with a jar of cookies. `origin` is the site, as http://127.0.0.1:8000."""

    def __init__(self) -> None:
        self.origin = ""
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between this machine and itself
        self._page = _Page("")

    def open(self, path: str = "/") -> str:
        """Open a page of the site, and return what it shows."""
        return self._show(self._session.get(self.origin + path, timeout=30))

    def press(self, **fields: str) -> str:
        """Fill the form of the page that is open, press its button, return what it shows then.

        The browser is an old one, which says nothing of where the form comes from.
        """
        return self._show(self.send(self._action(), {}, {**self._page.hidden, **fields}))

    def press_without_token(self, **fields: str) -> str:
        """Do the same with a browser of today, on a page that has no token."""
        return self._show(self.send(self._action(), SAME_ORIGIN, fields))

    def send(self, path: str, headers: dict[str, str], form: dict[str, str]) -> requests.Response:
        """Send a form, and return the response after redirects, whatever it is."""
        return self._session.post(self.origin + path, data=form, headers=headers, timeout=30)

    def close_and_start_again(self) -> None:
        self._session.cookies.clear_session_cookies()

    def cookies(self) -> dict[str, str]:
        return dict(self._session.cookies)

    def take_cookies(self, other: Browser) -> None:
        self._session.cookies.update(other._session.cookies)

    def _action(self) -> str:
        assert self._page.action, "the page has no form"
        return self._page.action

    def _show(self, answer: requests.Response) -> str:
        assert answer.status_code == 200, answer.text
        self._page = _Page(answer.text)
        return self._page.show()
