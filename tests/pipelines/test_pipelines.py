"""The item pipelines, in crawls that send no request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from poe_scraper.cli.exits import ExitCode, crawl_exit_code
from poe_scraper.feed.store import FeedStore
from poe_scraper.feed.writer import FeedWriter
from poe_scraper.items import Bot, CatalogSighting, Observed, PageSighting, RunReport, Site
from tests.feed.sightings import DAY, T0, failed, listed, malformed, named, run, visited
from tests.pipelines.conftest import Crawls, Item

T1 = T0 + DAY


def codes(done: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in done["report"]["problems"]]


# --- validate ----------------------------------------------------------------------------------


def test_what_is_no_bot_is_dropped_and_reported(crawls: Crawls) -> None:
    good = listed("good", T0)
    bad: list[Item] = [
        {"id": "no-times", "url": "https://poe.com/x"},
        {},
        {**good.model_dump(mode="json"), "id": "wrong-status", "status": "asleep"},
        {**good.model_dump(mode="json"), "id": "a-float", "pricing": {"api": {"prompt": 0.1}}},
        (good, {"id": "wrong-type", "is_down": "perhaps"}),
        (good, {"id": "wrong-shape", "parameters": 5}),
        (good, {"id": "wrong-error", "errors": [{"stage": 5}]}),
    ]
    done = crawls.crawl([*bad, good])
    assert set(crawls.bots) == {"good"}
    assert codes(done) == ["entry_malformed"] * len(bad)
    messages = [problem["message"] for problem in done["report"]["problems"]]
    assert messages == done["dropped"]
    assert messages[0] == "item 'no-times' is not a bot: first_seen: Field required"
    assert messages[1].startswith("item None is not a bot: id: ")
    assert "status: " in messages[2]
    assert "pricing.api.prompt: " in messages[3]
    assert "is_down: " in messages[4]
    assert "parameters: " in messages[5]
    assert "errors.0." in messages[6]


def test_a_dictionary_can_be_a_bot(crawls: Crawls) -> None:
    crawls.crawl([{**visited(listed("plain", T0), T0).model_dump(mode="json"), "unknown": 1}])
    assert crawls.bots["plain"] == crawls.bots["plain"].model_validate(visited(listed("plain", T0), T0)).model_copy(
        update={"pricing": crawls.bots["plain"].pricing}
    )


def test_half_an_emoji_does_not_keep_the_feed_from_being_written(crawls: Crawls) -> None:
    """Texts that were cut by UTF-16 units end with half an emoji, which no UTF-8 file can hold."""
    bot = visited(listed("cut", T0), T0)
    done = crawls.crawl([(bot, {"description": "cut here \ud83d", "owned_by": "\udc00"})])
    assert done["report"]["outcome"] == "published"
    assert (crawls.bots["cut"].description, crawls.bots["cut"].owned_by) == ("cut here \ufffd", "\ufffd")


def test_a_number_that_json_lacks_does_not_make_a_new_version_each_time(crawls: Crawls) -> None:
    bot = listed("numbers", T0).model_dump(mode="json")
    bot["parameters"] = [{"name": "top_k", "schema": {"type": "number"}, "default_value": float("nan")}]
    crawls.add([bot])
    crawls.add([bot])
    assert [done["report"]["outcome"] for done in crawls.run()] == ["published", "unchanged"]
    assert crawls.bots["numbers"].parameters[0].default_value is None


def test_what_the_published_schema_refuses_is_dropped(crawls: Crawls, monkeypatch: pytest.MonkeyPatch) -> None:
    def misfits(bot: dict[str, Any]) -> list[str]:
        return ["status: 'asleep' is not one of the values"] if bot["id"] == "odd" else []

    monkeypatch.setattr("poe_scraper.pipelines.validate.bot_misfits", misfits)
    done = crawls.crawl([listed("odd", T0), listed("good", T0)])
    assert done["dropped"] == ["item 'odd' is not a bot: status: 'asleep' is not one of the values"]
    assert codes(done) == ["entry_malformed"]
    assert set(crawls.bots) == {"good"}


# --- dedupe ------------------------------------------------------------------------------------


def test_the_first_of_two_sightings_of_one_kind_is_kept(crawls: Crawls) -> None:
    done = crawls.crawl([listed("GPT-Test", T0), listed("gpt-test", T1, owned_by="Second").model_copy()])
    assert [bot.owned_by for bot in crawls.bots.values()] == ["Acme"]
    assert codes(done) == ["entry_duplicate"]
    assert done["dropped"] == ["gpt-test was seen twice in this crawl; the first is kept"]


def test_ids_compare_without_case(crawls: Crawls) -> None:
    upper = listed("gpt-test", T0).model_copy(update={"id": "GPT-Test"})
    crawls.crawl([upper, listed("gpt-test", T0)])
    assert list(crawls.bots) == ["GPT-Test"]


def test_ids_compare_by_case_folding(crawls: Crawls) -> None:
    done = crawls.crawl([listed("straße", T0), listed("STRASSE", T0)])
    assert list(crawls.bots) == ["straße"]
    assert codes(done) == ["entry_duplicate"]


@pytest.mark.parametrize("turned", [False, True])
def test_sightings_that_complement_each_other_are_joined(crawls: Crawls, turned: bool) -> None:
    both: list[Item] = [listed("gpt-test", T0), visited(named("gpt-test", T0, "creator"), T0)]
    done = crawls.crawl(both[::-1] if turned else both)
    (bot,) = crawls.bots.values()
    assert (bot.owned_by, bot.handle, bot.discovered_by) == ("Acme", "Gpt-Test", ("api", "creator"))
    assert bot.pricing.rates
    assert (done["dropped"], done["report"]["seen"]) == ([], 1)


# --- merge -------------------------------------------------------------------------------------


def test_the_crawl_knows_the_feed_and_keeps_what_it_did_not_see(crawls: Crawls) -> None:
    crawls.add([visited(listed("gpt-test", T0), T0)])
    crawls.add([failed(listed("gpt-test", T1, "0.000004"), T1)])
    first, second = crawls.run()
    assert (first["knew"], second["knew"]) == ([], ["gpt-test"])
    (bot,) = crawls.bots.values()
    assert bot.pricing.rates[0].amount == 75
    assert bot.observed.page is not None
    assert (bot.observed.page.at, bot.last_seen) == (T0, T1)
    assert [error.code for error in bot.errors] == ["timeout"]


def test_conclusions_follow_the_evidence(crawls: Crawls) -> None:
    crawls.add([visited(listed("gpt-test", T0, None), T0)])
    crawls.add([listed("gpt-test", T1, "0.000004")])
    crawls.run()
    pricing = crawls.bots["gpt-test"].pricing
    assert pricing.primary is not None
    assert (pricing.primary.label, pricing.primary.source) == ("Input", "page")
    assert "api_page" in {check.kind for check in pricing.checks}


def test_a_name_that_nobody_ever_saw_does_not_enter_the_feed(crawls: Crawls) -> None:
    crawls.add([listed("gpt-test", T0), failed(named("typo", T0), T0, "not_found")])
    crawls.add([failed(named("gpt-test", T1), T1, "not_found")])
    done = crawls.run()[0]
    assert done["dropped"] == ["typo is not known, and its page could not be read"]
    assert codes(done) == ["not_found"]
    assert set(crawls.bots) == {"gpt-test"}


# --- publish -----------------------------------------------------------------------------------


def test_outcomes(crawls: Crawls) -> None:
    ten = [visited(listed(f"bot-{n}", T0), T0) for n in range(10)]
    crawls.add(ten, arguments={"force": "true"})
    crawls.add([listed(bot.id, T1) for bot in ten], listed=[bot.id for bot in ten])
    crawls.add(ten[:5], listed=[bot.id for bot in ten[:5]])
    crawls.add(ten[:5], {"POE_ACCEPT": "true"}, listed=[bot.id for bot in ten[:5]])
    crawls.add(ten[4:6], {"POE_GATE_MIN_SHARE": "0.1"}, listed=[bot.id for bot in ten[4:6]])
    reports = [done["report"] for done in crawls.run()]
    assert [(report["outcome"], report["version"]) for report in reports] == [
        ("published", 1),
        ("unchanged", 1),
        ("refused", 1),
        ("published", 2),
        ("published", 3),
    ]
    assert [(report["added"], report["gone"], report["back"], report["changed"]) for report in reports] == [
        (10, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        (0, 5, 0, 0),
        (0, 4, 1, 0),
    ]
    assert [report["bots"] for report in reports] == [10] * 5
    assert reports[2]["reasons"][0].startswith("The candidate has 5 active bots, 50.0% of the 10 published ones")
    assert [dict(change) for change in FeedStore(crawls.folder).changes(after=2)][-1]["kind"] in {"gone", "back"}
    written = list(FeedStore(crawls.folder).runs())
    assert sorted(written, key=str) == sorted(map(RunReport.model_validate, reports), key=str)
    refused = [refusal.id for refusal in FeedStore(crawls.folder).refusals()]
    assert refused == [reports[2]["id"]]


def test_a_refused_crawl_leaves_the_feed_byte_for_byte(crawls: Crawls) -> None:
    ten = [visited(listed(f"bot-{n}", T0), T0) for n in range(10)]
    crawls.crawl(ten)
    before = crawls.files()
    dear = [visited(listed(bot.id, T1, "0.0001"), T1, "3750") for bot in ten]
    report = crawls.crawl(dear)["report"]
    assert report["outcome"] == "refused"
    assert "Prices of 10 of 10 bots" in report["reasons"][0]
    after = crawls.files()
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {f"refused/{report['id']}.json.gz"}


def test_a_run_report(crawls: Crawls) -> None:
    bots = [visited(listed("read", T0), T0), failed(listed("timed-out", T0), T0), listed("not-due", T0)]
    stats = {"poe/pages/rendered": 1, "poe/failures/timeout": 1, "poe/requests/page": 7, "poe/bytes/page": 900}
    problem = malformed("x", T0).errors[0].model_dump(mode="json")
    done = crawls.crawl(bots, stats=stats, arguments={"limit": "2"}, complete=False, problems=[problem])
    report = done["report"]
    assert RunReport.model_validate(report) in list(FeedStore(crawls.folder).runs())
    assert report == {
        "id": report["id"],
        "started_at": report["started_at"],
        "finished_at": report["finished_at"],
        "arguments": {"limit": "2"},
        "finish_reason": "finished",
        "complete": False,
        "outcome": "published",
        "version": 1,
        "reasons": [],
        "seen": 3,
        "visited": 2,
        "not_due": 1,
        "left": 0,
        "failed": {"timeout": 1},
        "bots": 3,
        "with_rates": 1,
        "with_unparsed": 0,
        "with_differences": 0,
        "with_suspects": 0,
        "active": 3,
        "active_with_rates": 1,
        "oldest_page": "2026-10-20T12:00:00Z",
        "added": 3,
        "gone": 0,
        "back": 0,
        "changed": 0,
        "requests": {"page": 7},
        "bytes": {"page": 900},
        "script_hosts": [],
        "problems": [problem],
    }
    feed = FeedStore(crawls.folder).current()
    assert feed is not None
    assert (feed.run.id, feed.run.seen, feed.run.visited, feed.run.failed) == (report["id"], 3, 2, 1)


def test_listed_bots_that_a_stopped_crawl_did_not_get_to_stay(crawls: Crawls) -> None:
    bots = [visited(listed(f"bot-{n}", T0), T0) for n in range(10)]
    ids = [bot.id for bot in bots]
    crawls.add(bots, listed=ids)
    crawls.add([listed(name, T1) for name in ids[:9]], listed=ids[:9], stop_after=1)
    stopped = crawls.run()[1]
    assert (stopped["finish_reason"], stopped["report"]["outcome"]) == ("stopped", "published")
    assert [stopped["report"][kind] for kind in ("seen", "gone", "bots")] == [1, 1, 10]
    assert [bot.id for bot in crawls.bots.values() if bot.status == "gone"] == ["bot-9"]


def test_a_part_of_the_catalog_makes_nothing_gone(crawls: Crawls) -> None:
    bots = [visited(listed(f"bot-{n}", T0), T0) for n in range(10)]
    crawls.add(bots)
    crawls.add(bots[:9], complete=False)
    report = crawls.run()[1]["report"]
    assert (report["outcome"], report["gone"]) == ("unchanged", 0)
    assert {bot.status for bot in crawls.bots.values()} == {"active"}


def test_gone_bots_are_dropped_after_a_while(crawls: Crawls) -> None:
    bots = [visited(listed(f"bot-{n}", T0), T0) for n in range(10)]
    with FeedWriter(FeedStore(crawls.folder), "a test") as writer:
        since = T0 - timedelta(days=400)
        old = bots[0].model_copy(update={"status": "gone", "gone_since": since})
        writer.publish([old, *bots[1:]], run(T0), now=T0)
    crawls.crawl(bots[1:], {"POE_KEEP_GONE": "100000"})
    assert "bot-0" in crawls.bots
    crawls.crawl(bots[1:], {"POE_KEEP_GONE": "1"})
    assert "bot-0" not in crawls.bots


def test_without_a_catalog_nothing_is_written_but_the_report(crawls: Crawls) -> None:
    crawls.crawl([visited(listed("gpt-test", T0), T0)])
    before = crawls.files()
    problem = {"stage": "catalog", "code": "catalog_garbled", "message": "no JSON", "at": "2026-10-21T12:00:00Z"}
    report = crawls.crawl([], catalog_ok=False, complete=False, problems=[problem])["report"]
    assert (report["outcome"], report["version"], report["reasons"]) == ("failed", 1, ["no JSON"])
    assert crawls.files() == before
    assert RunReport.model_validate(report) in list(FeedStore(crawls.folder).runs())


def test_without_a_catalog_no_first_feed_is_written(crawls: Crawls) -> None:
    report = crawls.crawl([], catalog_ok=False, complete=False)["report"]
    assert (report["outcome"], report["version"], report["reasons"]) == ("failed", None, ["finished"])
    assert crawls.files() == {}


def test_a_crawl_that_saw_nothing_publishes_no_first_feed(crawls: Crawls) -> None:
    report = crawls.crawl([], listed=["gpt-test"])["report"]
    assert (report["outcome"], report["reasons"]) == ("refused", ["The candidate has no bots."])
    assert FeedStore(crawls.folder).current() is None


def test_a_second_crawl_ends_at_once_and_says_who_writes(crawls: Crawls) -> None:
    crawls.crawl([visited(listed("gpt-test", T0), T0)])
    before = crawls.files()
    with FeedWriter(FeedStore(crawls.folder), "the first crawl"):
        done = crawls.crawl([listed("other", T1)])
    assert (done["finish_reason"], done["knew"]) == ("feed_locked", [])
    report = done["report"]
    assert (report["finish_reason"], report["outcome"]) == ("feed_locked", "failed")
    assert "(the first crawl). Try again later." in report["reasons"][0]
    assert crawls.files() == before
    assert len(list(FeedStore(crawls.folder).runs())) == 1
    assert crawls.crawl([listed("gpt-test", T1)])["report"]["outcome"] == "unchanged"


def test_a_folder_that_cannot_be_written_ends_the_crawl_at_once(crawls: Crawls) -> None:
    crawls.folder.write_text("a file")
    done = crawls.crawl([listed("gpt-test", T0)])
    assert (done["finish_reason"], done["report"]["finish_reason"]) == ("feed_unwritable", "feed_unwritable")
    assert "POE_OUTPUT_DIR" in done["report"]["reasons"][0]


def test_old_versions_are_pruned(crawls: Crawls) -> None:
    for owner in ("a", "b", "c"):
        crawls.add([listed("gpt-test", T0, owned_by=owner)], {"POE_KEEP_VERSIONS": "2"})
    crawls.run()
    assert FeedStore(crawls.folder).versions() == [2, 3]


# --- the site of the feed ----------------------------------------------------------------------

OTHER = {"POE_SITE_URL": "https://other.example", "POE_API_URL": "https://api.other.example/v1/models"}


def test_the_feed_names_its_site_without_secrets(crawls: Crawls) -> None:
    secret = {
        "POE_SITE_URL": "https://user:hunter2@poe.com/",
        "POE_API_URL": "https://api.poe.com/v1/models?key=hunter2",
    }
    crawls.crawl([visited(listed("gpt-test", T0), T0)], secret, stats={"poe/script_hosts": ["cdn.example"]})
    feed = FeedStore(crawls.folder).current()
    assert feed is not None
    assert feed.site == Site(
        url="https://poe.com", api_url="https://api.poe.com/v1/models", script_hosts=("cdn.example",)
    )
    assert b"hunter2" not in b"".join(path.read_bytes() for path in crawls.folder.rglob("*.json"))


def test_what_an_observed_url_may_hold_is_not_published(crawls: Crawls) -> None:
    bot = visited(listed("gpt-test", T0), T0)
    secret = "https://user:hunter2@poe.com/GPT-Test?token=hunter2#hunter2"
    observed = Observed(
        catalog=CatalogSighting(at=T0, url="https://k:hunter2@api.poe.com/v1/models?key=hunter2"),
        page=PageSighting(at=T0, url=secret, via="graphql"),
    )
    crawls.crawl([bot.model_copy(update={"url": secret, "observed": observed})])
    assert b"hunter2" not in (crawls.folder / "models.json").read_bytes()
    published = crawls.bots["gpt-test"]
    assert published.observed.page is not None
    assert published.url == published.observed.page.url == "https://poe.com/GPT-Test"


def test_a_crawl_of_another_site_is_refused_before_its_first_request(crawls: Crawls) -> None:
    crawls.crawl([visited(listed("gpt-test", T0), T0)])
    before = crawls.files()
    done = crawls.crawl([listed("other", T1)], OTHER)
    assert (done["finish_reason"], done["report"]["outcome"]) == ("other_site", "failed")
    (reason,) = done["report"]["reasons"]
    assert "belongs to another site: it was read from https://poe.com, and this crawl reads https://other" in reason
    assert "POE_OUTPUT_DIR" in reason
    assert crawls.files() == before
    assert crawl_exit_code(RunReport.model_validate(done["report"])) == ExitCode.WRONG_USAGE


def test_another_api_is_another_site(crawls: Crawls) -> None:
    crawls.add([visited(listed("gpt-test", T0), T0)])
    crawls.add([listed("gpt-test", T1)], {"POE_API_URL": "http://127.0.0.1:8321/v1/models"})
    assert crawls.run()[1]["finish_reason"] == "other_site"


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({}, False),
        ({"POE_SITE_URL": "https://www.poe.com/", "POE_API_URL": "https://api.poe.com/v2/models"}, False),
        ({"POE_SITE_URL": "https://poe.com:443"}, False),
        ({"POE_SITE_URL": "https://poe.com:8443"}, True),
        ({"POE_SITE_URL": "https://notpoe.com"}, True),
        (OTHER, True),
    ],
)
def test_a_feed_that_does_not_name_its_site_adopts_the_one_it_was_read_from(
    crawls: Crawls, settings: dict[str, str], refused: bool
) -> None:
    """So are feeds of schema 1.0."""
    with FeedWriter(FeedStore(crawls.folder), "a test") as writer:
        writer.publish([visited(listed("gpt-test", T0), T0)], run(T0), now=T0)
    done = crawls.crawl([listed("gpt-test", T1)], settings, listed=["gpt-test"])
    assert (done["finish_reason"] == "other_site") is refused
    feed = FeedStore(crawls.folder).current()
    assert feed is not None
    assert (feed.site is None) is refused


# --- bots that lose the same thing -------------------------------------------------------------


def cards(count: int, at: datetime, *, lost: int) -> list[Bot]:
    """Visited bots, the first of them without a rate card."""
    return [visited(listed(f"bot-{n:03}", at), at, None if n < lost else "75") for n in range(count)]


def prices(crawls: Crawls) -> int:
    return sum(bool(bot.pricing.rates and bot.pricing.rate_card) for bot in crawls.bots.values())


def test_three_crawls_in_which_every_bot_loses_its_card_lose_nothing(crawls: Crawls) -> None:
    crawls.add(cards(10, T0, lost=0))
    for day in range(1, 4):
        crawls.add(cards(10, T0 + day * DAY, lost=10))
    crawls.add(cards(10, T0 + 4 * DAY, lost=0))
    first, *changed, last = (RunReport.model_validate(done["report"]) for done in crawls.run())
    for report in changed:
        (problem,) = report.problems
        assert problem.code == "site_changed"
        assert "10 of 10 bots that had a rate card no longer show it" in problem.message
        assert report.with_rates == 10
        assert crawl_exit_code(report) == ExitCode.DEGRADED
    assert [crawl_exit_code(report) for report in (first, last)] == [ExitCode.DONE] * 2
    assert all(not bot.errors for bot in crawls.bots.values())


@pytest.mark.parametrize(("count", "lost", "left"), [(10, 2, 8), (10, 3, 10), (100, 5, 95), (100, 6, 100)])
def test_so_many_bots_may_give_up_their_cards(crawls: Crawls, count: int, lost: int, left: int) -> None:
    """After two looks each, as long as no more than a twentieth do so, or no more than two."""
    for day in range(3):
        crawls.add(cards(count, T0 + day * DAY, lost=lost if day else 0), {"POE_GATE_MAX_LOST": "0.05"})
    reports = [done["report"] for done in crawls.run()]
    assert prices(crawls) == left
    assert [bool(report["problems"]) for report in reports] == [False, left == count, left == count]


def test_looks_of_a_crawl_in_which_the_site_changed_do_not_count(crawls: Crawls) -> None:
    """One bot lost its card before the site changed; what it takes is one more look once the site is as it was."""
    for day, lost in enumerate((0, 1, 10, 10, 1)):
        crawls.add(cards(10, T0 + day * DAY, lost=lost))
    crawls.run()
    assert prices(crawls) == 9
    assert crawls.bots["bot-000"].pricing.rates == ()


def test_cards_that_lose_their_prices_count_as_lost(crawls: Crawls) -> None:
    crawls.add(cards(10, T0, lost=0))
    bare = {"rates": (), "unparsed": (), "rate_card": "Free for now."}
    changed = [bot.model_copy(update={"pricing": bot.pricing.model_copy(update=bare)}) for bot in cards(10, T1, lost=0)]
    crawls.add(changed)
    report = crawls.run()[1]["report"]
    assert [problem["code"] for problem in report["problems"]] == ["site_changed"]
    assert prices(crawls) == 10
    assert all(bot.pricing.primary is not None for bot in crawls.bots.values())


def test_facts_of_the_api_move_on_while_cards_are_carried(crawls: Crawls) -> None:
    crawls.add(cards(10, T0, lost=0))
    crawls.add([visited(listed(f"bot-{n:03}", T1, "0.000003"), T1, None) for n in range(10)])
    crawls.run()
    for bot in crawls.bots.values():
        assert bot.pricing.api is not None
        assert (bot.pricing.api.prompt, bot.last_seen) == (Decimal("0.000003"), T1)
        assert bot.observed.page is not None
        assert bot.observed.page.at == T0


def test_a_wrong_clock_is_mended(crawls: Crawls) -> None:
    """No time of a feed is later than the crawl that wrote it."""
    later = datetime(2126, 1, 1, tzinfo=UTC)
    with FeedWriter(FeedStore(crawls.folder), "a test") as writer:
        bots = [visited(listed(name, later), later) for name in ("seen", "carried")]
        gone = {"status": "gone", "gone_since": later}
        writer.publish([*bots, bots[0].model_copy(update={"id": "left", **gone})], run(later), now=later)
    crawls.crawl([visited(listed("seen", T1), T1)], complete=False)
    feed = FeedStore(crawls.folder).current()
    assert feed is not None
    assert feed.generated_at < later
    for bot in feed.data:
        times = [bot.first_seen, bot.last_seen, bot.gone_since, *(error.at for error in bot.errors)]
        times += [each.at for each in (bot.observed.page, bot.observed.catalog) if each]
        assert all(time <= feed.generated_at for time in times if time is not None), bot.id
