"""What Flask stores as its base type, `flask.session` and `flash` store too, as that type."""

from __future__ import annotations

import enum
import zoneinfo
from collections import Counter, OrderedDict, UserString, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, flash, get_flashed_messages, request, session
from markupsafe import Markup
from werkzeug.local import LocalProxy

from ringsession import memory_store
from ringsession.flask.values import stored_value
from tests.flask.apps import make_app, set_cookies
from tests.machine import import_part


class Colour(enum.IntEnum):
    RED = 1


class Role(str, enum.Enum):
    ADMIN = "admin"


class Name(str):
    def __str__(self) -> str:
        return "another text"


class Octets(bytes):
    def __bytes__(self) -> bytes:
        return b"others"


class Weight(float):
    pass


class Moment(datetime):
    pass


class Day(date):
    pass


class Hour(time):
    pass


class Span(timedelta):
    pass


class Price(Decimal):
    pass


class Key(UUID):
    pass


class Names(list[str]):
    pass


class Roles(set[Any]):
    pass


class Link:
    def __html__(self) -> str:
        return "<a>here</a>"


class Alert(Markup):
    pass


@dataclass
class Address:
    street: str
    owner: Any = None


@dataclass(frozen=True)
class Place:
    x: int


Point = namedtuple("Point", "x y")
POINTS = [Point(1, 2), Point(3, 4)]


class Elsewhere(zoneinfo.ZoneInfo):
    pass


CONVERTED: list[tuple[Any, Any]] = [
    (OrderedDict(a=1), {"a": 1}),
    (defaultdict(list, a=[1]), {"a": [1]}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (Names(["ann"]), ["ann"]),
    (Point(1, 2), (1, 2)),
    (Roles([Colour.RED]), {1}),
    (frozenset([Point(1, 2)]), frozenset([(1, 2)])),
    (Colour.RED, 1),
    (Role.ADMIN, "admin"),
    (Name("ann"), "ann"),
    (Octets(b"ab"), b"ab"),
    (Weight(1.5), 1.5),
    (Moment(2026, 1, 2, 3, 4, 5, 6, fold=1), datetime(2026, 1, 2, 3, 4, 5, 6, fold=1)),
    (Day(2026, 1, 2), date(2026, 1, 2)),
    (Hour(3, 4, 5, 6), time(3, 4, 5, 6)),
    (Span(days=-1, microseconds=5), timedelta(days=-1, microseconds=5)),
    (Price("1.10"), Decimal("1.10")),
    (Key(int=5), UUID(int=5)),
    (Link(), Markup("<a>here</a>")),
    (Alert("<b>"), Markup("<b>")),
    (UserString("lazy"), "lazy"),
    (Address("Main St", Point(1, 2)), {"street": "Main St", "owner": (1, 2)}),
    (LocalProxy(lambda: "lazy"), "lazy"),
    (LocalProxy(lambda: OrderedDict(a=Colour.RED)), {"a": 1}),
    ({Role.ADMIN: [OrderedDict(a=(Colour.RED,))]}, {"admin": [{"a": (1,)}]}),
    ({Point(1, 2): 3}, {(1, 2): 3}),
    (
        datetime(2026, 7, 1, fold=1, tzinfo=Elsewhere("Europe/Paris")),
        datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2))),
    ),
    (POINTS, [(1, 2), (3, 4)]),
]


def exactly(value: Any) -> Any:
    """The value with the type of each part, for a comparison that knows 1 from True and 1.0."""
    if isinstance(value, dict):
        return dict, [(exactly(key), exactly(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [exactly(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(repr(exactly(item)) for item in value)
    return type(value), value, getattr(value, "fold", 0), str(getattr(value, "tzinfo", ""))


@pytest.mark.parametrize(("value", "stored"), CONVERTED)
def test_a_value_is_stored_as_its_base_type_with_all_that_it_holds(value: Any, stored: Any) -> None:
    assert exactly(stored_value(value)) == exactly(stored)


def app_with(store: Any, make: Callable[[], Any]) -> Flask:
    app = make_app(store)

    @app.post("/put")
    def put() -> str:
        session["x"] = make()
        return ""

    @app.get("/get")
    def get() -> str:
        return repr(session["x"])

    return app


def kept(store: Any, make: Callable[[], Any], **data: Any) -> str:
    client = app_with(store, make).test_client()
    assert client.post("/put", **data).status_code == 200
    return client.get("/get").text


@pytest.mark.parametrize(("value", "stored"), CONVERTED)
def test_it_comes_back_in_the_next_request_from_each_store(
    value: Any, stored: Any, store: Any
) -> None:
    assert kept(store, lambda: value) == repr(stored)


SAME_IN_FLASK = [
    *(OrderedDict(a=1), defaultdict(list, a=[1]), Counter("aab"), Names(["ann"]), Point(1, 2)),
    *(Weight(1.5), Octets(b"ab"), Alert("<b>"), Link(), Place(1), Key(int=5), POINTS),
    *(Role.ADMIN, Colour.RED, Name("ann"), LocalProxy(lambda: OrderedDict(a=1))),
]


@pytest.mark.parametrize("value", SAME_IN_FLASK, ids=lambda value: type(value).__name__)
def test_it_is_what_flask_itself_gives_back(value: Any) -> None:
    assert kept("flask", lambda: value) == kept(memory_store(), lambda: value)


def test_a_form_is_stored_with_the_first_value_of_each_field_as_in_flask(store: Any) -> None:
    data = {"a": ["1", "2"], "b": "3"}
    found = kept(store, lambda: request.form, data=data)
    assert found == kept("flask", lambda: request.form, data=data) == "{'a': '1', 'b': '3'}"


def test_a_float_of_numpy_is_a_float() -> None:
    numpy = import_part("numpy")
    assert exactly(stored_value([numpy.float64(0.1), numpy.str_("a")])) == exactly([0.1, "a"])


ZONES: list[tuple[str, Callable[[], Any], datetime]] = [
    (
        "pytz",
        lambda: import_part("pytz").timezone("Europe/Paris").localize(datetime(2026, 7, 1)),
        datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2))),
    ),
    (
        "pytz.utc",
        lambda: datetime(2026, 7, 1, tzinfo=import_part("pytz").utc),
        datetime(2026, 7, 1, tzinfo=timezone.utc),
    ),
    (
        "dateutil, the second of two equal hours",
        lambda: datetime(
            2026, 10, 25, 2, 30, fold=1, tzinfo=import_part("dateutil.tz").gettz("Europe/Paris")
        ),
        datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=1))),
    ),
    (
        "pandas",
        lambda: import_part("pandas").Timestamp(
            "2026-07-01T00:00:00.000001", tz=zoneinfo.ZoneInfo("Europe/Paris")
        ),
        datetime(2026, 7, 1, microsecond=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    ),
    (
        "pandas with a zone of pytz",
        lambda: import_part("pandas").Timestamp(
            "2026-07-01", tz=import_part("pytz").timezone("Europe/Paris")
        ),
        datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2))),
    ),
]


@pytest.mark.parametrize(("make", "moment"), [row[1:] for row in ZONES], ids=[z[0] for z in ZONES])
def test_an_aware_datetime_is_stored_at_its_offset(
    make: Callable[[], Any], moment: datetime
) -> None:
    assert kept(memory_store(), make) == repr(moment)


def test_what_freezegun_makes_is_a_datetime() -> None:
    freezegun = import_part("freezegun")
    app = app_with(memory_store(), lambda: [datetime.now(), date.today()])
    client = app.test_client()
    with freezegun.freeze_time("2026-01-02 03:04:05"):
        client.post("/put")
    found = client.get("/get").text
    assert found == "[datetime.datetime(2026, 1, 2, 3, 4, 5), datetime.date(2026, 1, 2)]"


def lazy_by_babel(app: Flask) -> Any:
    flask_babel = import_part("flask_babel")
    flask_babel.Babel(app, locale_selector=lambda: request.args["lang"])
    return flask_babel.LazyString(lambda: f"hello in {flask_babel.get_locale()}")


def lazy_by_speaklater(app: Flask) -> Any:
    return import_part("speaklater").make_lazy_string(lambda: f"hello in {request.args['lang']}")


def lazy_by_werkzeug(app: Flask) -> Any:
    return LocalProxy(lambda: f"hello in {request.args['lang']}")


def lazy_by_babels_own_proxy(app: Flask) -> Any:
    support = import_part("babel.support")
    return support.LazyProxy(lambda: f"hello in {request.args['lang']}", enable_cache=False)


LAZY = [lazy_by_babel, lazy_by_speaklater, lazy_by_werkzeug, lazy_by_babels_own_proxy]


@pytest.mark.parametrize("make", LAZY)
def test_a_lazy_string_is_stored_as_a_str_in_the_language_of_its_request(
    make: Callable[[Flask], Any], store: Any
) -> None:
    app = make_app(store)
    lazy = make(app)

    @app.get("/put")
    def put() -> str:
        session["x"] = {"greeting": lazy}
        flash(lazy)
        flash({"text": lazy}, "list")
        return ""

    @app.get("/get")
    def get() -> str:
        return repr([session["x"], get_flashed_messages(with_categories=True)])

    client = app.test_client()
    client.get("/put?lang=de")
    text = "hello in de"
    messages = [("message", text), ("list", {"text": text})]
    assert client.get("/get?lang=fr").text == repr([{"greeting": text}, messages])


def test_lazy_gettext_is_stored_as_a_str() -> None:
    flask_babel = import_part("flask_babel")
    app = app_with(memory_store(), lambda: flask_babel.lazy_gettext("Welcome %(name)s", name="<b>"))
    flask_babel.Babel(app)
    client = app.test_client()
    client.post("/put")
    assert client.get("/get").text == "'Welcome <b>'"


MESSAGES: list[tuple[Any, Any, tuple[Any, Any]]] = [
    (Link(), Role.ADMIN, ("admin", Markup("<a>here</a>"))),
    (Name("saved"), "message", ("message", "saved")),
    (Point("a", "b"), "message", ("message", ("a", "b"))),
    (OrderedDict(a=1), "message", ("message", {"a": 1})),
    (LocalProxy(lambda: ("a", "b")), Name("message"), ("message", ("a", "b"))),
]


@pytest.mark.parametrize(("message", "category", "pair"), MESSAGES)
def test_a_message_and_its_category_are_stored_as_their_base_types(
    message: Any, category: Any, pair: Any, store: Any
) -> None:
    app = make_app(store)

    @app.get("/put")
    def put() -> str:
        flash(message, category)
        return ""

    @app.get("/get")
    def get() -> str:
        return repr(get_flashed_messages(with_categories=True))

    client = app.test_client()
    client.get("/put")
    assert client.get("/get").text == repr([pair])


def test_a_key_of_the_session_may_be_a_member_of_an_enum() -> None:
    app = make_app(memory_store())

    @app.get("/put")
    def put() -> str:
        session[Role.ADMIN] = 1
        session.setdefault(Name("name"), 2)
        return ""

    client = app.test_client()
    client.get("/put")
    with client.session_transaction() as found:
        assert [(type(key), key) for key in found] == [(str, "admin"), (str, "name")]
        assert found[Role.ADMIN] == 1


def test_a_change_inside_it_is_seen_until_the_response() -> None:
    app = make_app(memory_store())
    token = OrderedDict(scopes=Names(["a"]))

    @app.get("/put")
    def put() -> str:
        session["token"] = token
        assert session["token"] is token
        token["scopes"].append("b")
        session["token"]["n"] = Colour.RED
        return ""

    @app.teardown_request
    def teardown(error: object) -> None:
        if request.path == "/put":
            session["token"]["late"] = Colour.RED

    client = app.test_client()
    client.get("/put")
    with client.session_transaction() as found:
        assert found["token"] == {"scopes": ["a", "b"], "n": 1, "late": 1}


def test_values_that_a_store_can_hold_stay_the_same_objects() -> None:
    app = make_app(memory_store())
    cart = [{1, 2}]
    held: list[Any] = []

    @app.get("/put")
    def put() -> str:
        session["cart"], session["x"] = cart, OrderedDict()
        return ""

    @app.teardown_request
    def teardown(error: object) -> None:
        held.append(session.get("cart"))

    app.test_client().get("/put")
    assert held[0] is cart


def test_setting_an_equal_value_again_and_reading_it_cost_no_write() -> None:
    store = memory_store()
    writes: list[str] = []
    for name in ("create", "patch", "swap"):
        own = getattr(store, name)
        setattr(store, name, lambda *a, name=name, own=own: (writes.append(name), own(*a))[1])
    app = app_with(store, lambda: OrderedDict(a=Colour.RED, b=Point(1, Link())))
    client = app.test_client()
    for path in ("/put", "/get", "/put", "/get"):
        client.open(path, method="POST" if path == "/put" else "GET")
    assert writes == ["create"]
    with client.session_transaction() as found:
        assert found.modified is False
        found["x"] = OrderedDict(a=Colour.RED, b=Point(1, Link()))
        assert found.modified is False
        found["x"] = OrderedDict(a=2)
        assert found.modified is True


def test_swap_stores_the_base_type_at_once(shared_store: Any) -> None:
    app = make_app(shared_store)

    @app.get("/swap")
    def swap() -> str:
        session.setdefault("n", 1)
        ours: Any = session  # `swap` is not in Flask's own type
        return repr(ours.swap("x", lambda old: OrderedDict(a=Colour.RED)))

    client = app.test_client()
    assert client.get("/swap").text == client.get("/swap").text == "{'a': 1}"


def test_what_a_view_hands_to_the_layers_is_converted_too() -> None:
    app = make_app(memory_store())

    @app.get("/put")
    def put() -> str:
        request.environ["ringsession.response"]["session"] = {"x": OrderedDict(a=Colour.RED)}
        return ""

    @app.get("/recreate")
    def recreate() -> str:
        from ringsession import recreate

        new = recreate({"x": OrderedDict(a=Point(1, 2))})
        request.environ["ringsession.response"]["session"] = new
        return ""

    client = app.test_client()
    for path, value in (("/put", {"a": 1}), ("/recreate", {"a": (1, 2)})):
        assert client.get(path).status_code == 200
        with client.session_transaction() as found:
            assert dict(found) == {"x": value}


REFUSED: list[tuple[Any, str]] = [
    (OrderedDict(a=[object()]), 'session["x"]["a"][0] is an object of type \'object\''),
    (MappingProxyType({}), "session[\"x\"] is an object of type 'mappingproxy'"),
    (deque(), "session[\"x\"] is an object of type 'deque'"),
    (Link, "session[\"x\"] is an object of type 'type'"),
    (LocalProxy(lambda: 1j), "session[\"x\"] is an object of type 'complex'"),
    ({Place(1): 2}, "session[\"x\"][Place] is an object of type 'Place'"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_what_has_no_base_type_is_a_type_error_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        app_with(memory_store(), lambda: value).test_client().post("/put")
    assert str(caught.value).startswith(f"{message}, which cannot be stored.")


def test_no_time_of_pandas_is_refused_with_its_path() -> None:
    pandas = import_part("pandas")
    with pytest.raises(TypeError, match=r'^session\["x"\] is an object of type \'NaTType\''):
        app_with(memory_store(), lambda: pandas.NaT).test_client().post("/put")


def cyclic() -> Any:
    outer: Any = OrderedDict(a=1)
    outer["again"] = [outer, outer]
    return outer


def cyclic_dataclass() -> Any:
    owner = Address("Main St")
    owner.owner = Address("Side St", owner)
    return owner


def deep() -> Any:
    value: Any = OrderedDict()
    for _ in range(5000):
        value = [value]
    return value


@pytest.mark.parametrize("make", [cyclic, cyclic_dataclass, deep])
def test_a_cycle_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="is nested more than 100 levels deep, or contains itself"):
        app_with(memory_store(), make).test_client().post("/put")


def test_an_error_of_the_value_itself_is_an_error_page_and_nothing_is_stored() -> None:
    class Broken:
        def __html__(self) -> str:
            raise KeyError("broken")

    app = app_with(memory_store(), lambda: [OrderedDict(), Broken()])
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    app.testing = False

    @app.errorhandler(500)
    def sorry(error: object) -> tuple[str, int]:
        return f"sorry, {session.get('name')}", 500

    answer = app.test_client().post("/put")
    assert (answer.status_code, answer.text, set_cookies(answer)) == (500, "sorry, None", [])
