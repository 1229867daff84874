"""The published schema, and the promise that a reader of 1.0 can read every 1.x."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from jsonschema import Draft202012Validator

from poe_scraper.failures import FeedError, FeedTooNewError
from poe_scraper.feed.reader import FeedReader, open_feed, read_feed
from poe_scraper.feed.schema import bot_misfits, misfits, schema, schema_text
from poe_scraper.feed.store import FeedStore, feed_text
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import ADJUSTMENT_KINDS, SCHEMA_VERSION
from tests.made_feed import SECOND, bots, publish, run

FIXTURES = Path(__file__).parent / "fixtures"
"""Every feed and schema that was published with a minor version's first release. They never change."""
MINORS = ["1.0", "1.1"]

OPENED = {
    "1.0": {
        "BotError.stage",
        "Check.kind",
        "Check.result",
        "PageSighting.via",
        "Pricing.adjustments",
        "PrimaryPrice.source",
        "Bot.discovered_by",
    }
}
"""Enumerations that are open since the minor version after this one: new values may come, as with every later one."""

CLOSED = {
    "Bot.status",
    "Bot.object",
    "Feed.object",
    "PrimaryPrice.bound",
    "InitialPoints.bound",
    "Rate.bound",
    "Rate.currency",
}
"""Enumerations that cannot grow within schema 1."""

Node = dict[str, Any]


def objects(of: Node) -> dict[str, Node]:
    """The object types of a schema, by name."""
    return {"Feed": of, **of["$defs"]}


def fields(of: Node) -> Iterator[tuple[str, str, Node]]:
    for name, node in objects(of).items():
        for field, described in node.get("properties", {}).items():
            yield name, field, described


def shape(node: Any) -> Any:
    """A schema without what only people read."""
    if isinstance(node, list):
        return [shape(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        key: sorted(value) if key == "enum" else shape(value)
        for key, value in node.items()
        # the pattern of money is stricter since 1.1
        if key not in {"title", "description", "examples", "default", "pattern"}
    }


def broken_promises(old: Node, new: Node, opened: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """What a reader of the old schema relies on and the new one does not give."""
    broken = []
    now = objects(new)
    for name, node in objects(old).items():
        if name not in now:
            broken.append(f"{name} is gone")
            continue
        fresh = now[name].get("properties", {})
        for field, described in node.get("properties", {}).items():
            if field not in fresh:
                broken.append(f"{name}.{field} is gone")
            elif f"{name}.{field}" not in opened and shape(fresh[field]) != shape(described):
                broken.append(f"{name}.{field} was {shape(described)} and is {shape(fresh[field])}")
        was, required = set(node.get("required", ())), set(now[name].get("required", ()))
        broken += [f"{name}.{field} may be missing" for field in sorted(was - required)]
    return broken


# --- the schema itself --------------------------------------------------------------------------


def test_it_is_a_schema_of_draft_2020_12() -> None:
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert not {"version", "discriminator"} & keywords(schema()), "strict validators refuse unknown keywords"
    assert schema()["$id"].endswith(SCHEMA_VERSION)
    Draft202012Validator.check_schema(schema())
    assert json.loads(schema_text()) == schema()


def keywords(node: Any) -> set[str]:
    """Every key of a schema that is a keyword, and not the name of a property."""
    if isinstance(node, list):
        return set().union(*map(keywords, node))
    if not isinstance(node, dict):
        return set()
    found = set(node)
    for key, value in node.items():
        if key in {"properties", "$defs"}:
            found |= set().union(*map(keywords, value.values()))
        elif key not in {"examples", "default", "const", "enum"}:
            found |= keywords(value)
    return found


def test_every_field_that_is_always_there_is_required() -> None:
    for name, node in objects(schema()).items():
        assert set(node.get("required", ())) == set(node.get("properties", ())), name


def test_closed_enumerations_are_those_that_cannot_grow() -> None:
    """A new value of a closed enumeration would break readers of 1.x: make it an open one before it can be needed."""
    closed = {
        f"{name}.{field}"
        for name, field, described in fields(schema())
        if keywords(described) & {"enum", "const"} and (name, field) != ("OtherAdjustment", "kind")
    }
    kinds = {f"{name}.kind" for name, field, described in fields(schema()) if field == "kind" and "const" in described}
    assert closed - kinds == CLOSED


@pytest.mark.parametrize(("name", "field", "described"), list(fields(schema())))
def test_every_field_has_a_description_and_examples(name: str, field: str, described: Node) -> None:
    assert described["description"].endswith("."), f"{name}.{field}"
    assert tells_values(described), f"{name}.{field} has no example"
    for node in [described, *described.get("anyOf", ())]:
        for example in node.get("examples", ()):
            assert Draft202012Validator({**described, "$defs": schema()["$defs"]}).is_valid(example)


def tells_values(node: Node) -> bool:
    """Whether a person sees which values a field may have."""
    if node.get("type") == "boolean" or not node.keys().isdisjoint({"examples", "enum", "const", "$ref"}):
        return True
    parts = [*node.get("anyOf", ()), *node.get("oneOf", ()), *([node["items"]] if "items" in node else [])]
    return any(tells_values(part) for part in parts)


def test_a_published_feed_fits_the_schema_beside_it(tmp_path: Path) -> None:
    publish(tmp_path)
    beside = json.loads((tmp_path / "models.schema.json").read_bytes())
    Draft202012Validator(beside).validate(json.loads((tmp_path / "models.json").read_bytes()))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"first_seen": "2026-10-22T13:19:04"}, "first_seen: '2026-10-22T13:19:04' is not a 'date-time'"),
        ({"last_seen": "yesterday"}, "last_seen: 'yesterday' is not a 'date-time'"),
        ({"status": "lost"}, "status: 'lost' is not one of ['active', 'gone']"),
        ({"url": 1}, "url: 1 is not of type 'string'"),
        ({"pricing": {"api": {"prompt": 0.5}}}, "pricing.api.prompt: 0.5 is not valid under any of the given schemas"),
        ({"pricing": {"rates": [{}]}}, "pricing.rates[0]: 'label' is a required property"),
        ({"pricing": {}}, "pricing: 'api' is a required property"),
    ],
)
def test_a_misfit_is_told_with_its_path(facts: Node, told: str) -> None:
    bot = bots(SECOND)[0].model_dump(mode="json", by_alias=True)
    assert bot_misfits(bot) == []
    assert told in bot_misfits(bot | facts)


def test_a_misfit_in_a_feed_names_the_bot() -> None:
    feed = read_feed(FIXTURES / "feed-1.0.json").feed()
    assert misfits(feed) == []
    data = (feed.data[0].model_copy(update={"url": 1}), *feed.data[1:])
    with pytest.warns(UserWarning, match="Pydantic serializer"):
        (told,) = misfits(feed.model_copy(update={"data": data}))
    assert told == f"data[0] ({feed.data[0].id!r}).url: 1 is not of type 'string'"


# --- the promise --------------------------------------------------------------------------------


def is_kept(old: Any, new: Any) -> bool:
    """True if every value of the old JSON is in the new one."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(is_kept(value, new.get(key)) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(is_kept, old, new))
    return bool(old == new)


@pytest.mark.parametrize("minor", MINORS)
def test_an_older_feed_still_loads_and_fits(minor: str) -> None:
    path = FIXTURES / f"feed-{minor}.json"
    told = json.loads(path.read_bytes())
    Draft202012Validator(json.loads((FIXTURES / f"schema-{minor}.json").read_bytes())).validate(told)
    feed = read_feed(path).feed()
    assert len(feed.data) == len(told["data"])
    assert misfits(feed) == []
    for bot, entry in zip(feed.data, told["data"], strict=True):
        written = bot.model_dump(mode="json", by_alias=True)
        assert is_kept(entry, written), "nothing that was published is lost or changed"


@pytest.mark.parametrize("minor", MINORS)
def test_an_older_feed_opens_in_the_lazy_reader(minor: str, tmp_path: Path) -> None:
    (tmp_path / "models.json").write_bytes((FIXTURES / f"feed-{minor}.json").read_bytes())
    feed = open_feed(tmp_path)
    assert {bot.id for bot in feed.bots} == set(feed)


@pytest.mark.parametrize("minor", MINORS)
def test_a_crawl_goes_on_from_an_older_feed(minor: str, tmp_path: Path) -> None:
    (tmp_path / "models.json").write_bytes((FIXTURES / f"feed-{minor}.json").read_bytes())
    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        assert writer.head is not None
        later = writer.publish(writer.known, run(SECOND), now=SECOND)
    assert later.new_version is (minor != SCHEMA_VERSION)
    feed = read_feed(tmp_path / "models.json").feed()
    assert feed.data == read_feed(FIXTURES / f"feed-{minor}.json").feed().data


@pytest.mark.parametrize("minor", MINORS)
def test_what_is_published_today_fits_the_older_schema(minor: str, tmp_path: Path) -> None:
    older = Draft202012Validator(json.loads((FIXTURES / f"schema-{minor}.json").read_bytes()))
    publish(tmp_path)
    older.validate(json.loads((tmp_path / "models.json").read_bytes()))
    feed = read_feed(FIXTURES / "feed-1.0.json").feed()
    text = feed_text(feed, [bot.model_dump_json(by_alias=True).encode() for bot in feed.data])
    older.validate(json.loads(b"".join(text)))


@pytest.mark.parametrize("minor", MINORS)
def test_the_schema_keeps_its_promise_to_older_readers(minor: str) -> None:
    older = json.loads((FIXTURES / f"schema-{minor}.json").read_bytes())
    assert broken_promises(older, schema(), OPENED.get(minor, set())) == []


def test_the_frozen_schema_is_the_current_one() -> None:
    """A new feed field needs a new schema version.

    Raise `SCHEMA_VERSION` in items.py if its version was released, and freeze the new one: python -m tests.feed.freeze.
    """
    frozen = FIXTURES / f"schema-{SCHEMA_VERSION}.json"
    assert frozen.exists(), f"freeze schema {SCHEMA_VERSION}: python -m tests.feed.freeze"
    assert shape(json.loads(frozen.read_bytes())) == shape(schema())


def without_field(new: Node) -> None:
    del new["$defs"]["Bot"]["properties"]["handle"]


def with_another_type(new: Node) -> None:
    new["$defs"]["Run"]["properties"]["seen"]["type"] = "string"


def with_another_value(new: Node) -> None:
    new["$defs"]["Bot"]["properties"]["status"]["enum"].append("paused")


def without_a_requirement(new: Node) -> None:
    new["$defs"]["Rate"]["required"].remove("amount")


def without_an_object(new: Node) -> None:
    del new["$defs"]["Check"]


def with_another_kind_of_adjustment(new: Node) -> None:
    new["$defs"]["Pricing"]["properties"]["adjustments"]["items"]["anyOf"].append({"$ref": "#/$defs/Rate"})


@pytest.mark.parametrize(
    "change",
    [
        without_field,
        with_another_type,
        with_another_value,
        without_a_requirement,
        without_an_object,
        with_another_kind_of_adjustment,
    ],
)
def test_a_change_that_breaks_the_promise_is_noticed(change: Callable[[Node], None]) -> None:
    new = copy.deepcopy(schema())
    change(new)
    assert len(broken_promises(schema(), new)) == 1


def test_a_new_field_breaks_no_promise() -> None:
    new = copy.deepcopy(schema())
    new["$defs"]["Bot"]["properties"]["rank"] = {"type": "integer"}
    assert broken_promises(schema(), new) == []


def later_feed(folder: Path, version: str) -> Path:
    told = json.loads((FIXTURES / "feed-1.0.json").read_bytes()) | {"schema_version": version, "news": 1}
    told["data"][0]["rank"] = 7
    path = folder / "models.json"
    path.write_text(json.dumps(told))
    return path


def test_a_later_minor_version_is_read_but_not_overwritten(tmp_path: Path) -> None:
    path = later_feed(tmp_path, "1.7")
    before = path.read_bytes()
    assert len(read_feed(path)) == len(open_feed(tmp_path))
    with pytest.raises(FeedError, match=r"has schema version 1\.7.* Update poe-scraper"):
        FeedWriter(FeedStore(tmp_path), "a test")
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", ["2.0", "10.3"])
def test_a_later_major_version_asks_for_an_update(tmp_path: Path, version: str) -> None:
    later_feed(tmp_path, version)
    for read in (FeedStore(tmp_path).current, lambda: FeedWriter(FeedStore(tmp_path), "a test")):
        with pytest.raises(FeedTooNewError, match=rf"has schema {version}.* Update poe-scraper"):
            read()


def test_a_later_major_version_that_looks_quite_different_asks_for_an_update_too(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text('{"schema_version": "2.0", "bots": {}}')
    with pytest.raises(FeedTooNewError, match="Update poe-scraper"):
        FeedStore(tmp_path).current()


# --- what fits the schema loads -----------------------------------------------------------------

TEXTS = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=5)
MOMENTS = strategies.integers(0, 200 * 365 * 86_400).map(lambda each: datetime.fromtimestamp(each, UTC).isoformat())
ANY_JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | TEXTS,
    lambda inner: strategies.lists(inner, max_size=2) | strategies.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)


def values(node: Node) -> strategies.SearchStrategy[Any]:
    """Values that fit a part of the schema, with unknown fields and unknown values wherever it allows them."""
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        return ANY_JSON if name == "JsonValue" else strategies.deferred(lambda: values(schema()["$defs"][name]))
    if "anyOf" in node:
        return strategies.one_of([values(part) for part in node["anyOf"]])
    if "const" in node or "enum" in node:
        return strategies.sampled_from(node.get("enum", [node.get("const")]))
    match node.get("type"):
        case "object":
            fixed = {name: values(part) for name, part in node.get("properties", {}).items()}
            others = node.get("additionalProperties", True)
            more = ANY_JSON if others is True else values(others)
            return strategies.builds(
                lambda known, unknown: {**unknown, **known},
                strategies.fixed_dictionaries(fixed),
                strategies.dictionaries(TEXTS, more, max_size=1),
            )
        case "array":
            return strategies.lists(values(node["items"]), max_size=2)
        case "string" if "pattern" in node:
            return strategies.from_regex(re.compile(node["pattern"], re.ASCII))
        case "string":
            texts = MOMENTS if node.get("format") == "date-time" else TEXTS
            return texts.filter(lambda text: text not in node.get("not", {}).get("enum", ()))
        case "integer":
            return strategies.integers()
        case "boolean":
            return strategies.booleans()
        case "null":
            return strategies.none()
    return ANY_JSON


@given(entry=values({"$ref": "#/$defs/Bot"}))
@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
def test_every_bot_that_fits_the_schema_loads(entry: Node) -> None:
    """And fits when it is written again."""
    assert bot_misfits(entry) == []
    head = {"schema_version": "1.1", "version": 1, "generated_at": "2026-10-22T13:19:04Z", "points_per_usd": "33000"}
    reader = FeedReader(json.dumps(head | {"data": [entry]}).encode(), "a test")
    assert list(reader) == [entry["id"]]
    written = reader.bots[0].model_dump(mode="json", by_alias=True)
    assert bot_misfits(written) == []
    for read, given_item in zip(written["pricing"]["adjustments"], entry["pricing"]["adjustments"], strict=True):
        assert read == given_item or given_item["kind"] in ADJUSTMENT_KINDS


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("pricing", "adjustments"), [{"kind": "volume_discount", "percent": "5", "steps": [{"from": "10"}]}]),
        (("pricing", "checks"), [{"kind": "maker", "subject": "x", "result": "above", "figures": {}, "reason": None}]),
        (("discovered_by",), ["search"]),
        (("errors",), [{"stage": "sky", "code": "fell", "message": "x", "field": None, "at": "2026-10-22T13:19:04Z"}]),
    ],
)
def test_values_of_a_later_version_are_passed_on(path: tuple[str, ...], value: Any, tmp_path: Path) -> None:
    """By the reader, and by a crawl that publishes what the feed had."""
    publish(tmp_path)
    feed = json.loads((tmp_path / "models.json").read_bytes())
    *parents, name = path
    part = feed["data"][0]
    for parent in parents:
        part = part[parent]
    part[name] = value
    bot = feed["data"][0]["id"]
    (tmp_path / "models.json").write_text(json.dumps(feed))
    assert bot_misfits(feed["data"][0]) == []
    with FeedWriter(FeedStore(tmp_path), "a test") as writer:
        writer.publish(writer.known, run(SECOND), now=SECOND)
    (again,) = (each for each in json.loads((tmp_path / "models.json").read_bytes())["data"] if each["id"] == bot)
    assert again == feed["data"][0]


def test_a_bot_of_schema_1_0_may_lack_all_that_has_a_default() -> None:
    thin = {
        "id": "x",
        "url": "https://poe.com/X",
        "first_seen": "2026-10-22T13:19:04Z",
        "last_seen": "2026-10-22T13:19:04Z",
    }
    head = {"schema_version": "1.0", "version": 1, "generated_at": "2026-10-22T13:19:04Z", "points_per_usd": "33000"}
    Draft202012Validator(
        {**json.loads((FIXTURES / "schema-1.0.json").read_bytes())["$defs"]["Bot"], "$defs": schema()["$defs"]}
    ).validate(thin)
    reader = FeedReader(json.dumps(head | {"data": [thin]}).encode(), "a test")
    assert reader["x"].status == "active"
    assert reader.entries[0]["pricing"]["rates"] == []
