"""Cross-Origin-Opener-Policy, Cross-Origin-Resource-Policy and Permissions-Policy."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

import ringsession
from ringsession import (
    ConfigError,
    OptionError,
    deep_merge,
    response,
    site_defaults,
    to_wsgi,
    wrap_cross_origin_opener_policy,
    wrap_cross_origin_resource_policy,
    wrap_defaults,
    wrap_permissions_policy,
)

OPENER = "Cross-Origin-Opener-Policy"
RESOURCE = "Cross-Origin-Resource-Policy"
PERMISSIONS = "Permissions-Policy"
OPENER_POLICIES = [
    "unsafe-none",
    "same-origin-allow-popups",
    "same-origin",
    "noopener-allow-popups",
]
RESOURCE_POLICIES = ["same-site", "same-origin", "cross-origin"]


def headers_of(wrap: Any, headers: dict[str, str] | None = None, **options: Any) -> Any:
    handler = wrap(lambda request: {"status": 200, "headers": headers or {}}, **options)
    return handler({})["headers"]


def site_headers(security: Any) -> dict[str, str]:
    """Return which of the three headers a page of a whole site has."""
    config = deep_merge(site_defaults, {"security": security})
    app = wrap_defaults(to_wsgi(lambda request: response("")), config)
    found = Client(app).get("/").headers
    return {name: found[name] for name in (OPENER, RESOURCE, PERMISSIONS) if name in found}


def test_the_three_headers_are_off_by_default() -> None:
    assert site_headers({}) == {}
    config = site_defaults["security"]
    assert [
        config["cross_origin_opener_policy"],
        config["cross_origin_resource_policy"],
        config["permissions_policy"],
    ] == [False, False, False]


def test_true_is_same_origin_and_permissions_need_a_policy() -> None:
    on = {
        "cross_origin_opener_policy": True,
        "cross_origin_resource_policy": True,
        "permissions_policy": "camera=()",
    }
    assert site_headers(on) == {
        OPENER: "same-origin",
        RESOURCE: "same-origin",
        PERMISSIONS: "camera=()",
    }
    with pytest.raises(ConfigError) as caught:
        site_headers({"permissions_policy": True})
    assert str(caught.value) == (
        '["security"]["permissions_policy"]: expected a str, a dict or False, got True'
    )


def test_a_config_may_give_each_policy_as_a_value_or_in_a_dict() -> None:
    for policy in ("same-site", {"policy": "same-site"}):
        assert site_headers({"cross_origin_resource_policy": policy}) == {RESOURCE: "same-site"}
    for policy in ("camera=()", {"policy": {"camera": []}}):
        assert site_headers({"permissions_policy": policy}) == {PERMISSIONS: "camera=()"}


def test_a_refusal_has_the_headers_too() -> None:
    config = deep_merge(site_defaults, {"security": {"cross_origin_resource_policy": True}})
    answer = Client(wrap_defaults(to_wsgi(lambda request: response("")), config)).post("/")
    assert (answer.status_code, answer.headers[RESOURCE]) == (403, "same-origin")


@pytest.mark.parametrize("policy", OPENER_POLICIES)
def test_an_opener_policy_of_the_standard_is_sent(policy: str) -> None:
    assert headers_of(wrap_cross_origin_opener_policy, policy=policy) == {OPENER: policy}


@pytest.mark.parametrize("policy", RESOURCE_POLICIES)
def test_a_resource_policy_of_the_standard_is_sent(policy: str) -> None:
    assert headers_of(wrap_cross_origin_resource_policy, policy=policy) == {RESOURCE: policy}


@pytest.mark.parametrize(
    ("wrap", "known"),
    [
        (wrap_cross_origin_opener_policy, OPENER_POLICIES),
        (wrap_cross_origin_resource_policy, RESOURCE_POLICIES),
    ],
)
def test_a_policy_that_a_browser_would_ignore_is_refused(wrap: Any, known: list[str]) -> None:
    for policy in ("Same-Origin", "same-origin ", "same_origin", "none", "", None, True, ["x"]):
        with pytest.raises(OptionError) as caught:
            wrap(lambda request: {}, policy=policy)
        assert str(caught.value) == f"policy: expected one of {', '.join(known)}, got {policy!r}"


def test_what_a_handler_says_itself_stays() -> None:
    for wrap, name, options in (
        (wrap_cross_origin_opener_policy, OPENER, {}),
        (wrap_cross_origin_resource_policy, RESOURCE, {}),
        (wrap_permissions_policy, PERMISSIONS, {"policy": "camera=()"}),
    ):
        own = {name.lower(): "own"}
        assert headers_of(wrap, own, **options) == own


@pytest.mark.parametrize(
    "policy",
    [
        "camera=()",
        "camera=( )",
        "camera=self",
        "camera=*",
        "camera=(self)",
        "camera=(*)",
        'camera="https://a.example"',
        'camera=(self "https://a.example" "https://*.b.example:8443" "http://b:*" "https:")',
        "camera=(), geolocation=(self),fullscreen=*",
        "camera=()\t, \tgeolocation=()",
        'camera=();report-to="main", geolocation=(self); report-to="main-2"',
        "ch-ua-platform-version=(self)",
    ],
)
def test_a_permissions_policy_of_the_draft_is_sent_as_it_is(policy: str) -> None:
    assert headers_of(wrap_permissions_policy, policy=policy) == {PERMISSIONS: policy}


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({"geolocation": []}, "geolocation=()"),
        (
            {"geolocation": [], "camera": ["self", "https://a.example"]},
            'geolocation=(), camera=(self "https://a.example")',
        ),
        ({"fullscreen": "*"}, "fullscreen=(*)"),
        ({"fullscreen": "self"}, "fullscreen=(self)"),
        ({"fullscreen": ("https://*.a.example",)}, 'fullscreen=("https://*.a.example")'),
        ({"display_capture": [], "hid": []}, "display-capture=(), hid=()"),
    ],
)
def test_a_dict_of_features_becomes_the_policy(policy: Any, text: str) -> None:
    assert headers_of(wrap_permissions_policy, policy=policy) == {PERMISSIONS: text}


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("camera 'none'; geolocation 'self'", id="the old Feature-Policy"),
        pytest.param("camera=()  ; geolocation=()", id="a semicolon"),
        pytest.param("camera", id="no value"),
        pytest.param("camera=", id="an empty value"),
        pytest.param("camera=none", id="none is no token of the draft"),
        pytest.param("camera='none'", id="single quotes"),
        pytest.param('camera=("self")', id="self in quotes is a host"),
        pytest.param("camera=(https://a.example)", id="an origin without quotes"),
        pytest.param('camera=("a.example")', id="no scheme"),
        pytest.param('camera=("https://a.example/path")', id="a path"),
        pytest.param('camera=("https://a.*.example")', id="a wildcard inside"),
        pytest.param('camera=("https://[::1]:8443")', id="an IPv6 address"),
        pytest.param('camera=("https://")', id="no host"),
        pytest.param('camera=("https://a.example:")', id="no port"),
        pytest.param('camera=(self"https://a.example")', id="no blank between"),
        pytest.param("camera=(self,*)", id="a comma in the list"),
        pytest.param("camera=(self", id="an open list"),
        pytest.param("camera=()()", id="two lists"),
        pytest.param("camera =()", id="a blank before the equals sign"),
        pytest.param("camera= ()", id="a blank after it"),
        pytest.param("Camera=()", id="upper case"),
        pytest.param("camera=SELF", id="an upper-case token"),
        pytest.param("camera=?0", id="a boolean"),
        pytest.param("camera=5", id="a number"),
        pytest.param("camera=(),", id="a comma at the end"),
        pytest.param(",camera=()", id="a comma at the start"),
        pytest.param("camera=(),,geolocation=()", id="two commas"),
        pytest.param("camera=(), camera=*", id="a feature twice"),
        pytest.param("camera=();report-to=main", id="report-to is a string"),
        pytest.param("camera=(); x=1", id="an unknown parameter"),
        pytest.param("camera=()\r\nA: b", id="a line end"),
        pytest.param("camera=()\n", id="a line end at the end"),
        pytest.param("cämera=()", id="no ASCII"),
        pytest.param("", id="nothing"),
        pytest.param(" ", id="a blank"),
        pytest.param(None, id="None"),
        pytest.param(["camera=()"], id="a list"),
        pytest.param({}, id="an empty dict"),
        pytest.param({"display_capture": [], "display-capture": []}, id="twice in a dict"),
    ],
)
def test_a_permissions_policy_that_a_browser_would_ignore_is_refused(policy: Any) -> None:
    with pytest.raises(OptionError, match="^policy: ") as caught:
        wrap_permissions_policy(lambda request: {}, policy=policy)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"Camera": []}, 'policy["Camera"]'),
        ({"camera=(), x": []}, 'policy["camera=(), x"]'),
        ({"": []}, 'policy[""]'),
        ({5: []}, "policy[5]"),
        ({"camera": ["'self'"]}, 'policy["camera"]'),
        ({"camera": ["none"]}, 'policy["camera"]'),
        ({"camera": ["a.example"]}, 'policy["camera"]'),
        ({"camera": ['https://a.example" *']}, 'policy["camera"]'),
        ({"camera": ""}, 'policy["camera"]'),
        ({"camera": [5]}, 'policy["camera"]'),
        ({"camera": None}, 'policy["camera"]'),
        ({"camera": False}, 'policy["camera"]'),
        ({"camera": {"self": True}}, 'policy["camera"]'),
        ({"camera": b"self"}, 'policy["camera"]'),
    ],
)
def test_a_wrong_feature_of_a_dict_is_named(policy: Any, place: str) -> None:
    with pytest.raises(OptionError) as caught:
        wrap_permissions_policy(lambda request: {}, policy=policy)
    assert str(caught.value).startswith(f"{place}: expected ")


def test_an_error_of_the_permissions_policy_says_what_to_write() -> None:
    with pytest.raises(OptionError) as caught:
        wrap_permissions_policy(lambda request: {}, policy="camera 'none'")
    assert str(caught.value) == (
        'policy: expected features such as camera=() or camera=(self "https://a.example"),'
        " separated by commas, got \"camera 'none'\""
    )


def test_the_layers_are_public_under_their_names() -> None:
    names = {layer.wrap.__name__ for layer in ringsession.LAYERS}
    assert names >= {
        "wrap_cross_origin_opener_policy",
        "wrap_cross_origin_resource_policy",
        "wrap_permissions_policy",
    }
