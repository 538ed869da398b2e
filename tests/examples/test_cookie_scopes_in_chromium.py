"""What a real browser does with the session's cookies when an app's domain or path changes.

Each test plays a deployment: the same address first serves the app as it was, then as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ringsession import (
    content_type,
    cookie_store,
    deep_merge,
    memory_store,
    recreate,
    response,
    site_defaults,
    to_wsgi,
    wrap_defaults,
)
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

STORES = {
    "server-side": memory_store,
    "sealed": lambda: cookie_store("a key for tests, of 32 characters"),
}


def text(body: str) -> dict[str, Any]:
    return content_type(response(body), "text/plain")


def pages(request: dict[str, Any]) -> dict[str, Any]:
    session = request["session"]
    place = request.get("path_info") or request["uri"]
    if "/login/" in place:
        user = place.rpartition("/")[2]
        return text("in") | {"session": recreate({**session, "user": user})}
    if place.endswith("/logout"):
        return text("out") | {"session": None}
    return text(session.get("user", "nobody"))


def make_app(store: Any, **session: Any) -> Any:
    options = {"store": store, "cookie_name": "session", **session}
    return wrap_defaults(to_wsgi(pages), deep_merge(site_defaults, {"session": options}))


class Site:
    """An address whose app can be replaced, as by a deployment."""

    def __init__(self) -> None:
        self.app: Callable[..., Any] = make_app(memory_store())
        self.port = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)

    def url(self, path: str, host: str = "www.shop.test") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    site = Site()
    with serving(site) as site.port:
        yield site


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def get(page: Page, served: Site) -> Callable[..., str]:
    def get(path: str, **where: str) -> str:
        page.goto(served.url(path, **where))
        return page.inner_text("body")

    return get


DOMAIN = {"cookie_attrs": {"domain": "shop.test"}}
DEPLOYMENTS = {
    "a domain was added, and nothing declared": ({}, DOMAIN),
    "the domain was removed, and declared": (
        DOMAIN,
        {"former_cookie_attrs": [{"domain": "shop.test"}]},
    ),
    "the path was changed, and declared": (
        {"root": "/shop"},
        {"root": "/", "former_cookie_attrs": [{"path": "/shop"}]},
    ),
    "the domain and the path were changed, and declared": (
        {"root": "/shop", **DOMAIN},
        {"former_cookie_attrs": [{"domain": "shop.test", "path": "/shop"}]},
    ),
}


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(("before", "after"), DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())
def test_after_a_deployment_the_first_login_holds_and_a_logout_ends_it(
    before: Any, after: Any, kind: str, served: Site, get: Any
) -> None:
    store = STORES[kind]()
    served.app = make_app(store, **before)
    get("/shop/login/old")
    assert get("/shop/") == "old"
    served.app = make_app(store, **after)
    get("/shop/login/new")
    assert get("/shop/") == "new"
    get("/shop/logout")
    assert get("/shop/") == "nobody"


@pytest.mark.parametrize("kind", STORES)
def test_a_cookie_whose_session_ended_long_ago_is_in_nobodys_way(
    kind: str, served: Site, get: Any
) -> None:
    served.app = make_app(STORES["server-side"]())
    get("/login/old")
    served.app = make_app(STORES[kind](), **DOMAIN)  # a store that never heard of it
    get("/login/new")
    assert get("/") == "new"
    get("/logout")
    assert get("/") == "nobody"


@pytest.mark.parametrize("kind", STORES)
def test_two_apps_of_one_host_with_one_cookie_name_keep_both_sessions(
    kind: str, served: Site, get: Any
) -> None:
    make = STORES[kind] if kind == "server-side" else iter(_two_keys()).__next__
    root, app = make_app(make()), make_app(make(), root="/app")
    served.app = DispatcherMiddleware(root, {"/app": app})
    get("/login/ann")
    get("/app/login/bob")
    assert (get("/"), get("/app/")) == ("ann", "bob")
    get("/app/login/bea")
    assert (get("/"), get("/app/")) == ("ann", "bea")
    get("/app/logout")
    assert (get("/"), get("/app/")) == ("ann", "nobody")
    get("/app/login/bob")
    get("/logout")
    assert (get("/"), get("/app/")) == ("nobody", "bob")


def _two_keys() -> list[Any]:
    return [cookie_store(f"key {number} for tests, of 32 letters.") for number in (1, 2)]


@pytest.mark.parametrize("kind", STORES)
def test_a_cookie_that_a_response_widened_is_gone_after_the_logout(
    kind: str, served: Site, get: Any, page: Page
) -> None:
    def wider(request: Any) -> Any:
        answer = pages(request)
        return answer | (
            {"session_cookie_attrs": {"domain": "shop.test", "max_age": 600}}
            if "login" in request["uri"]
            else {}
        )

    options = {"store": STORES[kind](), "cookie_name": "session"}
    served.app = wrap_defaults(to_wsgi(wider), deep_merge(site_defaults, {"session": options}))
    get("/login/ann")
    assert get("/", host="other.shop.test") == "ann"
    get("/logout")
    assert get("/", host="other.shop.test") == "nobody"
    assert page.context.cookies() == []
