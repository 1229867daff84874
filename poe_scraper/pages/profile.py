"""A creator's profile: the bots listed on it, and whether it was read in full.

The page's own data says how many bots there are and lists the first of them, or all; the panel in the document
lists those that came while it was scrolled. The profile's bots are those of both lists. `profile.js` does the
scrolling, and adds which bots the page's own requests called deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import lxml.html
from pydantic import BaseModel

from poe_scraper.failures import Code, ObservationError
from poe_scraper.items import Bot, Creator
from poe_scraper.pages.answer import asks_to_sign_in
from poe_scraper.pages.catalog import bot_url, is_handle
from poe_scraper.pages.document import json_objects, observed, page_data, parse_document


class Profile(NamedTuple):
    """What one look at a profile shows."""

    creator: Creator
    """Whose profile it is."""
    bots: tuple[Bot, ...]
    """The bots it lists, without the deleted ones, each found by `creator`."""
    shortfall: str | None
    """Why it may have more bots than it lists, for a person; None if it was read in full."""


class _Observation(BaseModel):
    """What profile.js reports."""

    settled: bool
    """The panel was there, or the page came to rest without it."""
    deleted: tuple[str, ...] = ()
    """Handles of the bots that the page's own requests called deleted."""


class _Row(NamedTuple):
    """A bot on the panel."""

    handle: str | None
    """None if the row has no usable handle."""
    description: str | None


def read_profile(html: str, *, url: str, at: datetime, site_url: str, creator: str) -> Profile:
    """Read a rendered profile.

    Args:
        html: the document, with the observation inside.
        url: its address after redirects.
        at: when it came.
        site_url: address under which the pages are.
        creator: handle of the creator asked for; handles compare without case.

    Raises:
        ObservationError: the page cannot be used; the code names the cause.
    """
    document = parse_document(html)
    observation = observed(document, _Observation)
    data = page_data(document)
    facts = _facts(data, creator)
    handle = _handle(facts, url, creator)
    advertised = _count(facts)
    nodes = {str(node["handle"]).casefold(): node for node in _nodes(data, creator)}
    panels = document.xpath('//*[@id="profile-created-bots"]')
    if not panels and not nodes and advertised != 0:
        raise _not_a_profile(document, observation)
    items = [item for panel in panels[:1] for item in panel.xpath(".//*[@data-bot-list-item]")]
    rows = [_row(item, site_url, creator=handle) for item in items]
    shown = {row.handle.casefold(): row for row in rows if row.handle is not None}
    listed = {key: _Row(str(node["handle"]), None) for key, node in nodes.items()} | shown
    deleted = {name.casefold() for name in observation.deleted}
    deleted |= {key for key, node in nodes.items() if _is_deleted(node)}
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
            for key, row in listed.items()
            if key not in deleted
        ),
        shortfall=_shortfall(len(listed), advertised, unusable=sum(row.handle is None for row in rows)),
    )


class ProfileLook(NamedTuple):
    """Where a rendered profile lists bots. `read_profile` gives the bots themselves."""

    has_object: bool
    """True if the page's data has the creator's object."""
    advertised: int | None
    """How many bots the page says there are; None if it does not say."""
    in_data: int
    """Bots in the page's data, the deleted ones included."""
    on_panel: int | None
    """Bots on the panel; None if there is no panel."""


def look_at_profile(html: str, *, creator: str) -> ProfileLook:
    """Say where a profile lists bots, whether or not `read_profile` can use the page.

    Raises:
        ObservationError: the page is another creator's.
    """
    document = parse_document(html)
    data = page_data(document)
    facts = _facts(data, creator)
    panels = document.xpath('//*[@id="profile-created-bots"]')
    return ProfileLook(
        has_object=bool(facts),
        advertised=_count(facts),
        in_data=len({str(node["handle"]).casefold() for node in _nodes(data, creator)}),
        on_panel=len(panels[0].xpath(".//*[@data-bot-list-item]")) if panels else None,
    )


def _not_a_profile(document: lxml.html.HtmlElement, observation: _Observation) -> ObservationError:
    if asks_to_sign_in(document):
        return ObservationError(Code.LOGIN_REQUIRED, "the page asks the visitor to sign in")
    if not observation.settled:
        return ObservationError(Code.TIMEOUT, "the page did not settle in time, and lists no bots yet")
    message = "the page lists no bots, neither in its data nor on a panel (#profile-created-bots)"
    return ObservationError(Code.SITE_CHANGED, message)


# --- the page's own data -----------------------------------------------------------------------


def _facts(data: Sequence[object], creator: str) -> Mapping[str, object]:
    """The creator's object in the page's data, wherever it is; empty if the data has none.

    Streamed data may describe the creator in several pieces: they are put together, the most complete one last.
    """
    candidates = [
        user
        for user in json_objects(*data)
        if isinstance(user.get("handle"), str) and ("createdBotCount" in user or "createdBotsConnection" in user)
    ]
    own = [user for user in candidates if str(user["handle"]).casefold() == creator.casefold()]
    if candidates and not own:
        message = f"the page is the profile of {ascii(candidates[0]['handle'])[:100]}"
        raise ObservationError(Code.WRONG_PROFILE, message)
    own.sort(key=len)
    return {key: value for user in own for key, value in user.items()}


def _handle(facts: Mapping[str, object], url: str, creator: str) -> str:
    """The creator's handle in its own case: from the page's data, else from the address after redirects."""
    handle = str(facts.get("handle") or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))
    if not is_handle(handle) or handle.casefold() != creator.casefold():
        raise ObservationError(Code.WRONG_PROFILE, f"the page is that of {ascii(handle)[:100]}")
    return handle


def _count(facts: Mapping[str, object]) -> int | None:
    """How many bots the page says there are; None if it does not say."""
    count = facts.get("createdBotCount")
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _nodes(data: Sequence[object], creator: str) -> Iterator[Mapping[str, object]]:
    """The bots in the page's data: the nodes of every connection of the creator's, in however many pieces it came."""
    for owner in json_objects(*data):
        if "createdBotsConnection" not in owner or not _is_of(owner, creator):
            continue
        for node in json_objects(owner["createdBotsConnection"]):
            is_bot = "deletionState" in node or "description" in node
            if is_bot and is_handle(node.get("handle")) and _is_of(node.get("creator"), creator):
                yield node


def _is_of(user: object, creator: str) -> bool:
    """False if a JSON object names another user than the creator."""
    handle = user.get("handle") if isinstance(user, Mapping) else None
    return not isinstance(handle, str) or handle.casefold() == creator.casefold()


def _is_deleted(node: Mapping[str, object]) -> bool:
    return node.get("isDeleted") is True or _text(node.get("deletionState")) not in {None, "not_deleted"}


# --- the panel ---------------------------------------------------------------------------------


def _row(element: lxml.html.HtmlElement, site_url: str, *, creator: str) -> _Row:
    """A row of the panel. Its link names the bot better than its text, which may be a display name."""
    names: list[str | None] = [_linked(str(link), site_url) for link in element.xpath(".//a/@href | self::a/@href")]
    handles = [name for name in [*names, *_texts(element, "botName")] if is_handle(name) and name != creator]
    descriptions = _texts(element, "botDescription")
    return _Row(handles[0] if handles else None, descriptions[0] if descriptions else None)


def _linked(link: str, site_url: str) -> str | None:
    """The path on the site that a link leads to, without its first slash; None if it leads elsewhere."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    on_site = parts.netloc in {"", urlsplit(site_url).netloc} and parts.path.startswith("/")
    return unquote(parts.path[1:]) if on_site else None


def _texts(element: lxml.html.HtmlElement, class_part: str) -> list[str]:
    """Texts below an element with a class of this name. The hash after the name changes with releases."""
    found = element.xpath(".//*[contains(@class, $part)]", part=class_part)
    return [text for part in found if (text := " ".join(part.text_content().split()))]


def _shortfall(listed: int, advertised: int | None, *, unusable: int) -> str | None:
    if advertised is None:
        return f"it does not say how many bots it has, and shows {listed}"
    if listed >= advertised and not unusable:
        return None
    also = f" and {unusable} without a usable handle" if unusable else ""
    return f"it says that it has {advertised} bots, and shows {listed}{also}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
