"""A creator's profile: the bots that stand on it, and whether it was read in full.

The page's own data (`__NEXT_DATA__`) says how many bots there are and holds the first of them; the panel
in the document holds as many as came while it was scrolled. `profile.js` does the scrolling, and adds
which bots the page's own requests called deleted.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import lxml.html
from pydantic import BaseModel

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot, Creator
from poe_scraper.pages.catalog import bot_url, is_handle
from poe_scraper.pages.document import hydrated_objects, json_objects, observed, parse_document


class Profile(NamedTuple):
    """What one look at a profile tells."""

    creator: Creator
    """Whose it is."""
    bots: tuple[Bot, ...]
    """The bots it shows, less the deleted ones, each found by `creator`."""
    shortfall: str | None
    """Why it may have more bots than it shows, for a person; None where it was read in full."""


class _Observation(BaseModel):
    """What profile.js reports."""

    settled: bool
    deleted: tuple[str, ...] = ()


class _Row(NamedTuple):
    """A bot on the panel."""

    handle: str | None
    """None where the row names none that is fit to be one."""
    description: str | None


def read_profile(html: str, *, url: str, at: datetime, site_url: str, creator: str) -> Profile:
    """Read a rendered profile.

    Args:
        html: the document, with the observation inside.
        url: its address after redirects.
        at: when it came.
        site_url: address under which the pages stand.
        creator: handle of the creator asked for; handles compare without case.

    Raises:
        ObservationError: the page cannot be used; the code names the cause.
    """
    document = parse_document(html)
    observation = observed(document, _Observation)
    facts = _facts(document, creator)
    handle = _handle(facts, url, creator)
    advertised = _count(facts)
    panels = document.xpath('//*[@id="profile-created-bots"]')
    if not panels and advertised != 0:
        if not observation.settled:
            raise ObservationError(Code.TIMEOUT, "the page did not settle in time, and no panel of bots came")
        raise ObservationError(Code.SITE_CHANGED, "the page shows no panel of bots (#profile-created-bots)")
    nodes = {str(node["handle"]).casefold(): node for node in _nodes(facts)}
    items = [item for panel in panels[:1] for item in panel.xpath(".//*[@data-bot-list-item]")]
    rows = [_row(item, site_url, creator=handle) for item in items]
    shown = {row.handle.casefold(): row for row in rows if row.handle is not None}
    deleted = {name.casefold() for name in observation.deleted}
    deleted |= {key for key, node in nodes.items() if _text(node.get("deletionState")) not in {None, "not_deleted"}}
    maker = Creator(handle=handle, name=_text(facts.get("fullName")))
    return Profile(
        creator=maker,
        bots=tuple(
            Bot(
                id=key,
                handle=row.handle,
                url=bot_url(site_url, str(row.handle)),
                first_seen=at,
                last_seen=at,
                discovered_by=("creator",),
                creator=maker,
                description=_text(nodes.get(key, {}).get("description")) or row.description,
            )
            for key, row in shown.items()
            if key not in deleted
        ),
        shortfall=_shortfall(len(shown), advertised, unusable=sum(row.handle is None for row in rows)),
    )


# --- the page's own data -----------------------------------------------------------------------


def _facts(document: lxml.html.HtmlElement, creator: str) -> Mapping[str, object]:
    """The page's object of the creator: found by its shape, wherever it stands. Empty where there is none."""
    candidates = [
        user
        for user in hydrated_objects(document)
        if isinstance(user.get("handle"), str) and ("createdBotCount" in user or "createdBotsConnection" in user)
    ]
    for user in candidates:
        if str(user["handle"]).casefold() == creator.casefold():
            return user
    if candidates:
        message = f"the page is the profile of {ascii(candidates[0]['handle'])[:100]}"
        raise ObservationError(Code.WRONG_PROFILE, message)
    return {}


def _handle(facts: Mapping[str, object], url: str, creator: str) -> str:
    """The creator's handle with its own case: from the page's data, else from the address it redirected to."""
    handle = str(facts.get("handle") or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))
    if not is_handle(handle) or handle.casefold() != creator.casefold():
        raise ObservationError(Code.WRONG_PROFILE, f"the page is that of {ascii(handle)[:100]}")
    return handle


def _count(facts: Mapping[str, object]) -> int | None:
    """How many bots the page says there are; None where it does not."""
    count = facts.get("createdBotCount")
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _nodes(facts: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The bots that the page's data holds: the first ones of the panel."""
    for node in json_objects(facts.get("createdBotsConnection")):
        if is_handle(node.get("handle")) and ("deletionState" in node or "description" in node):
            yield node


# --- the panel ---------------------------------------------------------------------------------


def _row(element: lxml.html.HtmlElement, site_url: str, *, creator: str) -> _Row:
    """A row of the panel. The link names the bot better than the text, which may be a name for people."""
    names: list[str | None] = [_linked(str(link), site_url) for link in element.xpath(".//a/@href | self::a/@href")]
    handles = [name for name in [*names, *_texts(element, "botName")] if is_handle(name) and name != creator]
    descriptions = _texts(element, "botDescription")
    return _Row(handles[0] if handles else None, descriptions[0] if descriptions else None)


def _linked(link: str, site_url: str) -> str | None:
    """The path that a link leads to on the site, without its first slash; None where it leads elsewhere."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    on_site = parts.netloc in {"", urlsplit(site_url).netloc} and parts.path.startswith("/")
    return unquote(parts.path[1:]) if on_site else None


def _texts(element: lxml.html.HtmlElement, class_part: str) -> list[str]:
    """Texts below an element with a class of this name; the hash behind the name changes with releases."""
    found = element.xpath(".//*[contains(@class, $part)]", part=class_part)
    return [text for part in found if (text := " ".join(part.text_content().split()))]


def _shortfall(shown: int, advertised: int | None, *, unusable: int) -> str | None:
    if advertised is None:
        return f"it does not say how many bots it has, and shows {shown}"
    if shown >= advertised and not unusable:
        return None
    of_these = f" and {unusable} without a usable handle" if unusable else ""
    return f"it says that it has {advertised} bots, and shows {shown}{of_these}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
