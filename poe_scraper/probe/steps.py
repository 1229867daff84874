"""From evidence to steps: what works, what does not, what was found instead, and what to do.

Pure functions. A recording is read with the same ones, so that it gives the same steps.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from poe_scraper.failures import FAILURES, Code, ObservationError
from poe_scraper.items import Bot, Reading
from poe_scraper.pages.answer import check_answer
from poe_scraper.pages.bot import BotLook, look_at_bot, read_bot
from poe_scraper.pages.profile import look_at_profile, read_profile
from poe_scraper.pricing.checks import checks
from poe_scraper.probe.evidence import ApiEvidence, Evidence, PageEvidence, Problem, RequestEvidence, RobotsEvidence
from poe_scraper.spiders.breaker import with_refused_hosts

BOT_STEPS = ("api", "robots", "page", "bot", "trigger", "query", "card", "reading", "checks")
PROFILE_STEPS = ("api", "robots", "page", "profile", "bots")


class Step(BaseModel):
    """One step from Poe to a price."""

    model_config = ConfigDict(frozen=True)

    name: str
    """One of `BOT_STEPS` or `PROFILE_STEPS`."""
    state: Literal["ok", "failed", "skipped"]
    """`skipped`: an earlier step failed, or there is nothing to do."""
    found: str
    """What was found."""
    code: str | None = None
    """The failure code of a failed step."""
    remedy: str | None = None
    """What to do about a failed step."""


def steps(evidence: Evidence, at: datetime) -> tuple[Step, ...]:
    """All steps, in order.

    Args:
        evidence: of one look.
        at: when it was made.
    """
    found = [_api(evidence)]
    page = evidence.page
    if page is None:
        found.append(_skipped("robots", "it is not known which page to ask for"))
    else:
        found.append(_robots(evidence.robots, page))
        read = _bot_steps if evidence.kind == "bot" else _profile_steps
        if found[-1].state != "failed":
            found.extend(read(evidence, page, at))
    names = BOT_STEPS if evidence.kind == "bot" else PROFILE_STEPS
    done = {step.name for step in found}
    found.extend(_skipped(name) for name in names if name not in done)
    return tuple(sorted(found, key=lambda step: names.index(step.name)))


def _ok(name: str, found: str) -> Step:
    return Step(name=name, state="ok", found=found)


def _failed(name: str, code: Code, found: str) -> Step:
    return Step(name=name, state="failed", found=found, code=code, remedy=FAILURES[code].remedy)


def _skipped(name: str, found: str = "an earlier step failed") -> Step:
    return Step(name=name, state="skipped", found=found)


# --- before the page ---------------------------------------------------------------------------


def _api(evidence: Evidence) -> Step:
    api = evidence.api
    limits = _rate_limit(api)
    if api.problem is not None:
        return _failed("api", api.problem.code, f"{api.problem.message}{limits}")
    left_out = f", {api.left_out} left out or with a field left out" if api.left_out else ""
    is_unlisted = evidence.kind == "bot" and evidence.subject and api.entry is None
    unlisted = f"; {evidence.subject} is not one of them" if is_unlisted else ""
    return _ok("api", f"lists {_count(api.entries, 'model')}{left_out}{unlisted}{limits}")


def _rate_limit(api: ApiEvidence) -> str:
    limit, left, reset = (api.headers.get(f"x-ratelimit-{name}-requests") for name in ("limit", "remaining", "reset"))
    if not limit and not left:
        return "; no rate-limit headers" if api.status is not None else ""
    return f"; {left or '?'} of {limit or '?'} requests left" + (f", reset: {reset}" if reset else "")


def _robots(robots: RobotsEvidence, page: PageEvidence) -> Step:
    path = urlsplit(page.url).path
    if not robots.obeyed:
        return _skipped("robots", "ROBOTSTXT_OBEY is off")
    if page.problem is not None and page.problem.code == Code.ROBOTS_FORBIDDEN:
        return _failed("robots", Code.ROBOTS_FORBIDDEN, f"robots.txt forbids {path}")
    if not robots.asked:
        return _skipped("robots", "the page was not asked for")
    if robots.status is None:
        return _ok("robots", "robots.txt gave no answer, which forbids nothing")
    if robots.status != 200:
        return _ok("robots", f"robots.txt answered {robots.status}, which forbids nothing")
    return _ok("robots", f"robots.txt allows {path}")


# --- the page ----------------------------------------------------------------------------------


def _page(evidence: Evidence, page: PageEvidence) -> Step:
    if page.html is None or page.problem is not None:
        problem = page.problem or Problem(Code.TIMEOUT, "the page was not rendered")
        came = f" (status {page.status})" if page.status else ""
        return _failed("page", problem.code, f"{problem.message}{came}{_refused(page)}")
    try:
        check_answer(
            page.status or 0,
            page.headers,
            page.url,
            page.html,
            site_url=evidence.site_url,
            session=page.with_session,
        )
    except ObservationError as error:
        return _failed("page", error.code, f"{error}{_way(page)}")
    hosts = _hosts(page, evidence.site_url)
    return _ok("page", f"status {page.status}{_way(page)}; {hosts}{_refused(page)}")


def _way(page: PageEvidence) -> str:
    """How the browser got there: redirects, bot checks, reloads."""
    hops = page.documents[:-1]
    has_passed = bool(hops) and not page.documents[-1].is_check
    texts = [_hop(hop, has_passed=has_passed) for hop in hops]
    return "".join(f"; {text}" for text in dict.fromkeys(texts))


def _hop(hop: RequestEvidence, *, has_passed: bool) -> str:
    path = unquote(urlsplit(hop.url).path) or "/"
    if hop.is_check and has_passed:
        return f"a bot check ({hop.status}) cleared by itself"
    if hop.status is not None and 300 <= hop.status < 400:
        return f"redirected from {path} ({hop.status})"
    return f"before it, {path} answered {hop.status or 'nothing'}"


def _hosts(page: PageEvidence, site_url: str) -> str:
    loaded = sorted({one.host for one in page.requests if one.type == "Script" and one.status and not one.error})
    if not loaded:
        return "no scripts"
    own = urlsplit(site_url).hostname
    return f"scripts from {', '.join('the site' if host == own else host for host in loaded)}"


def _refused(page: PageEvidence) -> str:
    return f"; refused: {', '.join(page.blocked_hosts)}" if page.blocked_hosts else ""


def _explained(page: PageEvidence, error: ObservationError, *, clicked: bool = False) -> ObservationError:
    """The error, with the scripts that the page may have needed and did not get.

    Args:
        page: the page.
        error: what was wrong.
        clicked: True if Rates was clicked: what was refused before, such as a tracker, is then not the reason.
    """
    if error.code not in {Code.SITE_CHANGED, Code.TIMEOUT}:
        return error
    lost = dict.fromkeys(
        f"{one.host}{urlsplit(one.url).path} ({one.error or one.status})"
        for one in page.requests
        if one.type in {"Script", "Stylesheet"} and one.host not in page.blocked_hosts and _is_lost(one)
    )
    if lost:
        return ObservationError(error.code, f"{error}; not loaded: {', '.join(list(lost)[:3])}")
    return with_refused_hosts(error, page.needed_hosts if clicked else page.blocked_hosts)


def _is_lost(request: RequestEvidence) -> bool:
    """True if a file did not come. What the page's own policy refused (`csp`) was not to come."""
    return request.error not in {None, "csp", "net::ERR_ABORTED"} or (request.status or 0) >= 400


# --- a bot -------------------------------------------------------------------------------------


def _bot_steps(evidence: Evidence, page: PageEvidence, at: datetime) -> Iterator[Step]:
    came = _page(evidence, page)
    yield came
    if came.state == "failed" or page.html is None:
        return
    seen = evidence.seen(at)
    try:
        look = look_at_bot(page.html, url=page.url, identity=seen.id)
    except ObservationError as raised:
        yield _failed("bot", raised.code, str(raised))
        return
    bot: Bot | None = None
    error: ObservationError | None = None
    try:
        bot = read_bot(page.html, url=page.url, at=at, site_url=evidence.site_url, seen=seen)
    except ObservationError as raised:
        error = _explained(page, raised, clicked=look.clicked_at is not None)
        if look.proof is None or raised.code == Code.NOT_FOUND:
            yield _failed("bot", error.code, str(error))
            return
    yield _ok("bot", f"{look.handle}, by {look.proof or 'its rate card'}")
    yield from _trigger_and_query(look, bot, error, page)
    if bot is not None:
        yield from _card_steps(bot)


def _trigger_and_query(
    look: BotLook, bot: Bot | None, error: ObservationError | None, page: PageEvidence
) -> Iterator[Step]:
    """The steps up to the card; the last of them fails if there is no bot."""
    buttons = f"; the action bar has {', '.join(look.controls)}" if look.controls else "; there is no action bar"
    via = bot.observed.page.via if bot is not None and bot.observed.page else None
    if look.trigger:
        yield _ok("trigger", "the Rates button is there")
    elif via is not None:
        yield _failed("trigger", Code.SITE_CHANGED, f"no Rates button{buttons}")
    elif error is not None:
        if look.controls:  # the page is there, with other buttons
            yield _failed("trigger", Code.SITE_CHANGED, f"no Rates button{buttons}")
        else:
            yield _failed("trigger", error.code, str(error))
        return
    else:
        yield _ok("trigger", f"the bot has no Rates button{buttons}")
        return
    sent = f"; the page sent {', '.join(page.queries)}" if page.queries else "; the page sent no query"
    statuses = ", ".join(str(status or "cut off") for status in look.answers)
    if via == "query":
        lack = _explained(
            page, ObservationError(Code.SITE_CHANGED, "the page sent no query for its card"), clicked=look.trigger
        )
        repeated = f"; the query that other pages sent was repeated: status {look.repeated}"
        yield _failed("query", lack.code, f"{lack}{repeated}")
    elif statuses and (error is None or 200 in look.answers):
        yield _ok("query", f"answered with status {statuses}")
    elif error is None:
        yield _skipped("query", f"no answer held a card, but the dialog shows it{sent}")
    elif look.answers:
        yield _failed("query", error.code, f"answered with status {statuses}")
    else:
        yield _failed("query", error.code, f"{error}{sent}")
    if error is not None and 200 in look.answers:
        yield _failed("card", error.code, str(error))


def _card_steps(bot: Bot) -> Iterator[Step]:
    pricing, via = bot.pricing, bot.observed.page.via if bot.observed.page else None
    sources = {"graphql": "the page's query", "query": "the repeated query", "dialog": "the dialog's HTML"}
    if via is None or pricing.rate_card is None:
        nothing = "the bot has no Rates" if via is None else "the card is empty or says that there are no details"
        yield _ok("card", nothing) if via else _skipped("query", nothing)
        yield from (_skipped(name, nothing) for name in ("card", "reading", "checks") if via is None or name != "card")
        return
    yield _ok("card", f"{_count(len(pricing.rate_card), 'character')} from {sources[via]}")
    prices, more = _count(len(pricing.rates), "price"), _count(len(pricing.adjustments), "adjustment")
    problem = next((error for error in bot.errors if error.stage == "rates"), None)
    if problem is not None:
        yield _failed("reading", Code(problem.code), f"{prices}, {more}; {problem.message}")
    else:
        yield _ok("reading", f"{prices}, {more}")
    yield _checks(Reading(rates=pricing.rates, adjustments=pricing.adjustments, unparsed=pricing.unparsed), bot)


def _checks(reading: Reading, bot: Bot) -> Step:
    """Where prices agree. A difference is a fact about Poe, so the step does not fail."""
    made = checks(reading, bot.pricing.api)
    if not made:
        return _skipped("checks", "there is nothing to compare")
    texts = []
    for kind, name in (("api_page", "API and card"), ("usd_points", "dollars and points")):
        results = Counter(check.result for check in made if check.kind == kind)
        if results:
            texts.append(f"{name}: {', '.join(_result(*pair) for pair in sorted(results.items()))}")
    return _ok("checks", "; ".join(texts))


def _result(result: str, number: int) -> str:
    one, many = {"agrees": ("agrees", "agree"), "differs": ("differs", "differ")}.get(result, (result, result))
    return f"{number} {one if number == 1 else many}".replace("_", " ")


# --- a profile ---------------------------------------------------------------------------------


def _profile_steps(evidence: Evidence, page: PageEvidence, at: datetime) -> Iterator[Step]:
    came = _page(evidence, page)
    yield came
    if came.state == "failed" or page.html is None:
        return
    try:
        look = look_at_profile(page.html, creator=evidence.subject)
        profile = read_profile(page.html, url=page.url, at=at, site_url=evidence.site_url, creator=evidence.subject)
    except ObservationError as raised:
        error = _explained(page, raised)
        yield _failed("profile", error.code, str(error))
        return
    proof = "its object in the page's data" if look.has_object else "its address"
    advertised = "" if look.advertised is None else f"; it says that it has {_count(look.advertised, 'bot')}"
    yield _ok("profile", f"{profile.creator.handle}, by {proof}{advertised}")
    panel = "no panel" if look.on_panel is None else f"{look.on_panel} on the panel"
    listed = f"{_count(len(profile.bots), 'bot')}: {look.in_data} in the page's data, {panel}"
    if profile.shortfall is not None:
        yield _failed("bots", Code.PROFILE_INCOMPLETE, f"{listed}; {profile.shortfall}")
    else:
        yield _ok("bots", listed)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
