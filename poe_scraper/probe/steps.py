"""From evidence to steps: what works, what does not, what was found instead, and what to do.

Pure functions. A recording is read with the same ones, so that it gives the same steps.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from poe_scraper.failures import FAILURES, Code, ObservationError
from poe_scraper.items import Bot, Reading
from poe_scraper.pages.answer import check_answer
from poe_scraper.pages.bot import read_bot
from poe_scraper.pages.document import observed, parse_document
from poe_scraper.pages.profile import read_profile
from poe_scraper.pricing.checks import checks
from poe_scraper.probe.evidence import ApiEvidence, Evidence, PageEvidence, Problem, RequestEvidence, RobotsEvidence

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
        return "; no rate-limit headers"
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
    return "".join(f"; {_hop(hop)}" for hop in hops[:5]) + (f"; and {len(hops) - 5} more" if len(hops) > 5 else "")


def _hop(hop: RequestEvidence) -> str:
    path = unquote(urlsplit(hop.url).path) or "/"
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


# --- a bot -------------------------------------------------------------------------------------


class _Answer(BaseModel):
    status: int


class _Observed(BaseModel):
    """The part of the observation that tells how far a look at a bot's page got."""

    trigger: bool = False
    controls: tuple[str, ...] = ()
    answers: tuple[_Answer, ...] = ()
    dialog: str | None = None
    repeated: bool | str | int | None = None


def _bot_steps(evidence: Evidence, page: PageEvidence, at: datetime) -> Iterator[Step]:
    came = _page(evidence, page)
    yield came
    if came.state == "failed" or page.html is None:
        return
    try:
        bot = read_bot(page.html, url=page.url, at=at, site_url=evidence.site_url, seen=evidence.seen(at))
    except ObservationError as error:
        yield from _unread(page.html, error)
    else:
        yield from _read(page.html, bot)


def _unread(html: str, error: ObservationError) -> Iterator[Step]:
    yield _failed("bot", error.code, str(error))


def _read(html: str, bot: Bot) -> Iterator[Step]:
    observation = observed(parse_document(html), _Observed)
    yield _ok("bot", f"{bot.handle}")
    pricing, via = bot.pricing, bot.observed.page.via if bot.observed.page else None
    if not observation.trigger and via is None:
        yield _ok("trigger", "the bot has no Rates")
        return
    yield _ok("trigger", "Rates was found")
    yield _ok("query", ", ".join(f"status {answer.status}" for answer in observation.answers) or "none")
    yield _ok("card", f"{len(pricing.rate_card or '')} characters, from {via}")
    reading = Reading(rates=pricing.rates, adjustments=pricing.adjustments, unparsed=pricing.unparsed)
    yield _ok("reading", f"{len(reading.rates)}")
    yield _ok("checks", f"{len(checks(reading, pricing.api))}")


# --- a profile ---------------------------------------------------------------------------------


def _profile_steps(evidence: Evidence, page: PageEvidence, at: datetime) -> Iterator[Step]:
    came = _page(evidence, page)
    yield came
    if came.state == "failed" or page.html is None:
        return
    try:
        profile = read_profile(page.html, url=page.url, at=at, site_url=evidence.site_url, creator=evidence.subject)
    except ObservationError as error:
        step = "profile" if error.code == Code.WRONG_PROFILE else "bots"
        yield _failed(step, error.code, str(error))
        return
    yield _ok("profile", f"the profile of {profile.creator.handle}")
    names = ", ".join(str(bot.handle) for bot in profile.bots[:3])
    more = ", ..." if len(profile.bots) > 3 else ""
    listed = f"{_count(len(profile.bots), 'bot')}{': ' if names else ''}{names}{more}"
    if profile.shortfall is not None:
        yield _failed("bots", Code.PROFILE_INCOMPLETE, f"{listed}; {profile.shortfall}")
    else:
        yield _ok("bots", listed)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
