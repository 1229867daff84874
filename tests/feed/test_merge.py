"""Merging what a crawl saw with what the feed knew."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe_scraper.feed.drift import CATALOG_FACTS
from poe_scraper.feed.merge import carry_over, join, merge, was_there
from poe_scraper.feed.spool import BotSpool, KnownBots
from poe_scraper.items import Bot, BotError, Pricing
from tests.feed.sightings import DAY, T0, failed, listed, malformed, named, visited

PAGE_FACTS = ("handle", "display_name", "url", "creator", "description", "powered_by", "is_down")
T1, T2, T3 = T0 + DAY, T0 + 2 * DAY, T0 + 3 * DAY


def codes(bot: Bot) -> list[str]:
    return [error.code for error in bot.errors]


def page_facts(bot: Bot) -> tuple[object, ...]:
    card = bot.pricing.model_dump(exclude={"api"})
    return (*(getattr(bot, field) for field in PAGE_FACTS), card, bot.observed.page)


def catalog_facts(bot: Bot) -> tuple[object, ...]:
    return (*(getattr(bot, field) for field in CATALOG_FACTS), bot.pricing.api, bot.observed.catalog)


KNOWN = merge(None, visited(listed("gpt-test", T0), T0))


def test_the_first_sighting() -> None:
    seen = visited(listed("gpt-test", T0), T0)
    assert seen == KNOWN
    assert was_there(seen)


def test_both_seen_anew() -> None:
    now = merge(KNOWN, visited(listed("gpt-test", T1, "0.000003", owned_by="Other"), T1, "80"))
    assert (now.owned_by, now.description, now.display_name) == ("Other", "As the page says.", "Gpt-Test")
    assert now.pricing.api is not None
    assert now.pricing.api.prompt == Decimal("0.000003")
    assert now.pricing.rates[0].amount == 80
    assert (now.first_seen, now.last_seen) == (T0, T1)
    assert now.observed.catalog is not None
    assert now.observed.page is not None
    assert (now.observed.catalog.at, now.observed.page.at) == (T1, T1)


def test_a_page_that_failed_erases_nothing_and_keeps_its_time() -> None:
    now = merge(KNOWN, failed(listed("gpt-test", T1, "0.000003"), T1))
    assert page_facts(now) == page_facts(KNOWN)
    assert now.observed.page is not None
    assert now.observed.page.at == T0
    assert now.pricing.api is not None
    assert now.pricing.api.prompt == Decimal("0.000003")
    assert (codes(now), now.errors[0].at, now.last_seen) == (["timeout"], T1, T1)
    again = merge(now, failed(listed("gpt-test", T2), T2, "challenged"))
    assert (codes(again), again.errors[0].at) == (["challenged"], T2)
    good = merge(again, visited(listed("gpt-test", T3), T3))
    assert codes(good) == []


def test_a_bot_not_visited_keeps_the_error_of_its_last_visit() -> None:
    now = merge(merge(KNOWN, failed(listed("gpt-test", T1), T1)), listed("gpt-test", T2))
    assert (codes(now), now.errors[0].at) == (["timeout"], T1)


def test_a_malformed_entry_keeps_the_catalog_facts_and_the_bot_is_there() -> None:
    now = merge(KNOWN, malformed("gpt-test", T1))
    assert catalog_facts(now) == catalog_facts(KNOWN)
    assert page_facts(now) == page_facts(KNOWN)
    assert (now.status, now.last_seen, codes(now)) == ("active", T1, ["entry_malformed"])
    again = merge(now, malformed("gpt-test", T2))
    assert (codes(again), again.errors[0].at) == (["entry_malformed"], T2)
    assert codes(merge(again, listed("gpt-test", T3))) == []


def test_a_malformed_entry_with_a_good_page() -> None:
    now = merge(KNOWN, visited(malformed("gpt-test", T1), T1, "80"))
    assert catalog_facts(now) == catalog_facts(KNOWN)
    assert now.pricing.rates[0].amount == 80
    assert codes(now) == ["entry_malformed"]


def test_a_card_is_given_up_at_the_second_look_that_misses_it() -> None:
    first = merge(KNOWN, visited(listed("gpt-test", T1), T1, None))
    assert page_facts(first) == page_facts(KNOWN)
    assert (codes(first), first.errors[0].at) == (["card_missing"], T1)
    unvisited = merge(first, listed("gpt-test", T2))
    assert codes(unvisited) == ["card_missing"]
    second = merge(unvisited, visited(listed("gpt-test", T3), T3, None))
    assert (second.pricing.rates, second.pricing.rate_card, codes(second)) == ((), None, [])
    assert second.observed.page is not None
    assert second.observed.page.at == T3


def test_a_card_that_comes_back_is_taken_at_once() -> None:
    first = merge(KNOWN, visited(listed("gpt-test", T1), T1, None))
    now = merge(first, visited(listed("gpt-test", T2), T2, "80"))
    assert now.pricing.rates[0].amount == 80
    assert codes(now) == []


def test_a_bot_that_never_had_a_card_misses_none() -> None:
    bare = merge(None, visited(listed("gpt-test", T0), T0, None))
    assert codes(merge(bare, visited(listed("gpt-test", T1), T1, None))) == []


def test_an_unparsed_card_is_a_card() -> None:
    error = BotError(stage="rates", code="card_unparsed", message="1 piece", at=T1)
    seen = visited(listed("gpt-test", T1), T1, "80", errors=(error,))
    assert merge(KNOWN, seen).pricing.rates[0].amount == 80


def test_a_part_of_the_evidence_brings_its_facts_alone() -> None:
    """A crawl of pages alone (`only=pricing`) hands on bots that were listed, without the catalog's sighting."""
    seen = visited(listed("gpt-test", T1, "9", owned_by="Other"), T1, "80")
    seen = seen.model_copy(update={"observed": seen.observed.model_copy(update={"catalog": None})})
    now = merge(KNOWN, seen)
    assert catalog_facts(now) == catalog_facts(KNOWN)
    assert now.pricing.rates[0].amount == 80
    new = merge(None, seen)
    assert (new.owned_by, new.pricing.api, new.observed.catalog) == (None, None, None)
    assert new.handle == "Gpt-Test"
    assert new.pricing.rates[0].amount == 80


def test_names_of_the_api_until_the_page_was_seen() -> None:
    first = merge(None, listed("gpt-test", T0))
    renamed = merge(first, listed("gpt-test", T1, display_name="New"))
    assert renamed.display_name == "New"
    visited_once = merge(renamed, visited(listed("gpt-test", T2), T2))
    assert merge(visited_once, listed("gpt-test", T3, display_name="Newer")).display_name == "Gpt-Test"


@pytest.mark.parametrize("how", ["creator", "handle"])
def test_a_bot_found_elsewhere_keeps_its_history_when_the_api_lists_it(how: str) -> None:
    known = merge(None, visited(named("GPT-Test", T0, how), T0))
    now = merge(known, listed("GPT-Test", T1))
    assert (now.first_seen, now.discovered_by) == (T0, ("api", how))
    assert page_facts(now) == page_facts(known)
    assert now.owned_by == "Acme"


def test_an_id_in_another_case_is_the_same_bot() -> None:
    seen = listed("gpt-test", T1).model_copy(update={"id": "GPT-Test"})
    known = KnownBots([KNOWN]).find(seen)
    assert known == KNOWN
    assert merge(known, seen).id == "GPT-Test"


def test_a_bot_known_by_its_handle_is_found_by_it() -> None:
    other = KNOWN.model_copy(update={"id": "other-id", "discovered_by": ("creator",)})
    assert KnownBots([other]).find(visited(listed("gpt-test", T1), T1)) == other
    in_api = KNOWN.model_copy(update={"id": "other-id"})
    assert KnownBots([in_api]).find(visited(listed("gpt-test", T1), T1)) is None, "the API lists both: two bots"


# --- gone and back -----------------------------------------------------------------------------


def settled(known: Iterable[Bot], *seen: Bot, complete: bool = True, **more: object) -> dict[str, Bot]:
    before = KnownBots(known)
    shelf = BotSpool(merge(before.find(bot), bot) for bot in seen)
    options = {"now": T1, **more}
    carry_over(before, shelf, complete=complete, **options)  # type: ignore[arg-type]
    return {bot.id: bot for bot in (shelf[key] for key, _ in shelf.lines())}


OTHER = merge(None, listed("other", T0))


def test_a_bot_that_the_api_no_longer_lists_is_gone() -> None:
    bots = settled([KNOWN, OTHER], listed("other", T1))
    gone = bots["gpt-test"]
    assert (gone.status, gone.gone_since, gone.last_seen) == ("gone", T1, T0)
    assert (page_facts(gone), catalog_facts(gone)) == (page_facts(KNOWN), catalog_facts(KNOWN))
    later = settled(bots.values(), listed("other", T2), now=T2)["gpt-test"]
    assert later.gone_since == T1


def test_a_bot_that_comes_back_has_its_history() -> None:
    gone = settled([KNOWN, OTHER], listed("other", T1))["gpt-test"]
    back = merge(gone, failed(listed("gpt-test", T2), T2))
    assert (back.status, back.gone_since, back.first_seen, back.last_seen) == ("active", None, T0, T2)
    assert page_facts(back) == page_facts(KNOWN)


def test_a_crawl_of_a_part_makes_nothing_gone() -> None:
    bots = settled([KNOWN, OTHER], listed("other", T1), complete=False)
    assert bots["gpt-test"] == KNOWN


def test_a_listed_bot_that_the_crawl_did_not_get_to_is_there() -> None:
    bots = settled([KNOWN, OTHER], listed("other", T1), listed=frozenset({"gpt-test", "other", "unknown"}))
    bot = bots["gpt-test"]
    assert (bot.status, bot.gone_since, bot.last_seen) == ("active", None, T1)
    assert (page_facts(bot), catalog_facts(bot)) == (page_facts(KNOWN), catalog_facts(KNOWN))
    assert set(bots) == {"gpt-test", "other"}


def test_a_gone_bot_that_is_listed_again_is_back_before_its_visit() -> None:
    gone = settled([KNOWN, OTHER], listed("other", T1))["gpt-test"]
    bots = settled([gone, OTHER], listed("other", T2), listed=frozenset({"gpt-test", "other"}), now=T2)
    assert (bots["gpt-test"].status, bots["gpt-test"].gone_since) == ("active", None)


def test_a_bot_that_was_never_in_the_api_is_not_gone_from_it() -> None:
    known = merge(None, visited(named("loner", T0), T0))
    assert settled([known, OTHER], listed("other", T1))["loner"] == known


@pytest.mark.parametrize("known", [merge(None, visited(named("loner", T0), T0)), merge(None, listed("loner", T0))])
def test_a_bot_that_the_api_does_not_list_is_gone_when_its_page_is(known: Bot) -> None:
    gone = merge(known, failed(named("loner", T1), T1, "not_found"))
    assert (gone.status, gone.gone_since, gone.last_seen) == ("gone", T1, T0)
    assert merge(gone, failed(named("loner", T2), T2, "not_found")).gone_since == T1
    assert merge(known, failed(named("loner", T1), T1, "timeout")).status == "active"
    assert merge(KNOWN, failed(listed("gpt-test", T1), T1, "not_found")).status == "active", "the API lists it"
    assert merge(gone, visited(named("loner", T2), T2)).status == "active"


@pytest.mark.parametrize(("days", "stays"), [(90, True), (91, False)])
def test_gone_bots_stay_for_a_while(days: int, stays: bool) -> None:
    gone = KNOWN.model_copy(update={"status": "gone", "gone_since": T0})
    now = T0 + timedelta(days=days)
    known, keep = [gone, OTHER], timedelta(days=90)
    assert ("gpt-test" in settled(known, listed("other", now), now=now, keep_gone=keep)) is stays
    assert "gpt-test" in settled(known, listed("other", now), now=now, keep_gone=keep, complete=False)


def test_bots_are_sorted_by_id() -> None:
    elsewhere = listed("a", T1).model_copy(update={"url": "https://poe.com/z"})
    bots = settled([OTHER], listed("b", T1), elsewhere, listed("c-1", T1), listed("c", T1))
    assert list(bots) == ["a", "b", "c", "c-1", "other"]


def test_a_bot_found_by_handle_takes_the_place_of_the_known_one() -> None:
    known = KNOWN.model_copy(update={"id": "old-id", "discovered_by": ("creator",)})
    assert list(settled([known], visited(listed("gpt-test", T1), T1))) == ["gpt-test"]


def test_a_name_that_nobody_ever_saw_is_no_bot() -> None:
    assert not was_there(failed(named("typo", T0), T0, "not_found"))
    assert was_there(malformed("gpt-test", T0))


# --- two sightings in one crawl ----------------------------------------------------------------


def test_two_sightings_join_whichever_came_first() -> None:
    entry, page = listed("gpt-test", T0), visited(named("gpt-test", T1, "creator"), T1)
    assert join(entry, page) == join(page, entry)
    both = join(entry, page)
    assert (both.owned_by, both.handle, both.discovered_by) == ("Acme", "Gpt-Test", ("api", "creator"))
    assert (both.first_seen, both.last_seen) == (T0, T1)


def test_a_page_that_was_read_beats_one_that_failed() -> None:
    good, bad = visited(listed("gpt-test", T0), T0), failed(named("gpt-test", T1, "creator"), T1)
    for joined in (join(good, bad), join(bad, good)):
        assert joined.pricing.rates == good.pricing.rates
        assert joined.observed.page == good.observed.page


# --- whatever happens --------------------------------------------------------------------------

ENTRIES = st.sampled_from(["none", "good", "other", "malformed"])
PAGES = st.sampled_from(["none", "timeout", "not_found", "no card", "75", "80"])


def sighting(entry: str, page: str, day: int) -> Bot:
    at = T0 + day * DAY
    match entry:
        case "none":
            bot = named("gpt-test", at)
        case "malformed":
            bot = malformed("gpt-test", at)
        case "good":
            bot = listed("gpt-test", at)
        case _:
            bot = listed("gpt-test", at, None, owned_by=None, display_name="Other")
    match page:
        case "none":
            return bot
        case "timeout" | "not_found":
            return failed(bot, at, page)
        case "no card":
            return visited(bot, at, None, description=None)
        case _:
            return visited(bot, at, page)


@given(st.lists(st.tuples(ENTRIES, PAGES), min_size=1, max_size=8))
def test_good_facts_survive_and_every_fact_has_its_sighting(steps: list[tuple[str, str]]) -> None:
    known: Bot | None = None
    for day, (entry, page) in enumerate(steps):
        seen = sighting(entry, page, day)
        now = merge(known, seen)
        assert merge(now, seen) == now, "merging is idempotent"
        if now.observed.catalog is None:
            assert (now.owned_by, now.pricing.api) == (None, None)
        if now.observed.page is None:
            assert (now.handle, now.creator, now.pricing.model_copy(update={"api": None})) == (None, None, Pricing())
        if known is not None:
            assert now.first_seen == known.first_seen
            assert now.last_seen >= known.last_seen
            if page in {"none", "timeout", "not_found"} and known.observed.page is not None:
                assert page_facts(now) == page_facts(known)
            if entry in {"none", "malformed"}:
                assert catalog_facts(now) == catalog_facts(known)
            if known.pricing.rates and not now.pricing.rates:
                assert page == "no card"
                assert "card_missing" in codes(known)
        if page in {"75", "80"}:
            assert now.pricing.rates[0].amount == Decimal(page)
        assert set(seen.errors) <= set(now.errors)
        assert len({error.stage for error in now.errors}) == len(now.errors), "one error a stage"
        if entry != "none" or page in {"no card", "75", "80"}:
            assert (now.status, now.gone_since, now.last_seen) == ("active", None, T0 + day * DAY)
        assert (now.status == "gone") == (now.gone_since is not None)
        known = now


def test_last_seen_never_goes_back() -> None:
    """A shard that was crawled earlier may be merged later."""
    bot = merge(merge(None, listed("gpt-test", T0 + DAY)), listed("gpt-test", T0))
    assert bot.last_seen == T0 + DAY


def test_gone_bots_out_of_scope_are_kept_however_long_they_are_gone() -> None:
    since = T0 - 400 * DAY
    gone = merge(None, listed("gpt-test", T0)).model_copy(update={"status": "gone", "gone_since": since})
    for scope, kept in (({"gpt-test"}, False), ({"other"}, True)):
        bots = BotSpool()
        carry_over(KnownBots([gone]), bots, complete=True, in_scope=scope.__contains__, now=T0)
        assert bool(bots) is kept


def test_ids_are_compared_as_unicode_has_it() -> None:
    """`lower()` keeps the German sharp s, `casefold()` does not."""
    first, second = (named("x", T0).model_copy(update={"id": name}) for name in ("Stra\u00dfe-Bot", "STRASSE-BOT"))
    assert first.key == second.key
    assert KnownBots([first]).find(second) == first


def test_discoveries_of_later_versions_are_passed_on() -> None:
    known = merge(None, listed("gpt-test", T0)).model_copy(update={"discovered_by": ("api", "search")})
    assert merge(known, visited(named("gpt-test", T0), T0)).discovered_by == ("api", "handle", "search")


@pytest.mark.parametrize("turned", [False, True])
def test_a_page_that_was_read_takes_away_the_failure_of_another_look(turned: bool) -> None:
    read, missed = visited(named("gpt-test", T0, "creator"), T0), failed(named("gpt-test", T0, "api"), T0)
    joined = join(missed, read) if turned else join(read, missed)
    assert joined.errors == ()
    assert joined.observed.page is not None
