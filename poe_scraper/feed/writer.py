"""The folder of the feed, for writing.

A publication is written in this order: the lines of `changes.jsonl`, the version file, the Atom feed, the schema,
`models.json`, the small files. The version file decides: if it exists, the next start finishes the publication; if it
does not, the next start undoes what was written before it.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from poe_scraper import clock
from poe_scraper.failures import FeedError, GateRefusedError
from poe_scraper.feed import disk
from poe_scraper.feed.atom import atom
from poe_scraper.feed.changes import bot_changes, without_times
from poe_scraper.feed.gate import Gate, PriceMoves
from poe_scraper.feed.lock import WriterLock
from poe_scraper.feed.repair import mend
from poe_scraper.feed.schema import MOST, bot_misfits, head_misfits, schema_text
from poe_scraper.feed.site import require_site
from poe_scraper.feed.small import Digest, slim_text, version_text
from poe_scraper.feed.spool import BotSpool, KnownBots, not_later_than
from poe_scraper.feed.store import FeedStore, feed_text
from poe_scraper.items import Bot, Change, Feed, Run, RunReport, Site

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """The result of `FeedWriter.publish`.

    Args:
        version: the version of the feed that `models.json` now holds.
        changes: the changes of the version; empty if the version is the same as before.
        new_version: True if the version grew.
    """

    version: int
    changes: Sequence[Change]
    new_version: bool


@dataclass
class _Comparison:
    """How a candidate differs from the published feed, and from its schema."""

    same: bool
    """True if nothing but times and run figures differs."""
    misfits: list[str]
    changes: list[Change] = field(default_factory=list)
    prices: PriceMoves = field(default_factory=PriceMoves)


class FeedWriter:
    """The one writer of a feed's folder, until `close`. What an earlier writer left undone is repaired first.

    Args:
        store: the folder.
        purpose: why the feed is written, for the message that a second writer gets.
        site: the site to be published; None for that of the feed.

    Attributes:
        head: the published feed without its bots; None if there is none.
        known: its bots.
        site: the site that the feed belongs to, or will belong to.

    Raises:
        FeedLockedError: another process is writing; the text says which.
        OtherSiteError: the feed belongs to another site.
        FeedError: the folder cannot be written, or the feed in it cannot be read.
    """

    def __init__(self, store: FeedStore, purpose: str, site: Site | None = None) -> None:
        self.store = store
        self._lock = WriterLock(store.folder, purpose)
        try:
            self.head, self.known = mend(store)
            if site is not None:
                require_site(site, self.head, self.known, store.folder)
            self.site = site or (self.head.site if self.head else None)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def publish(
        self,
        bots: Iterable[Bot] | KnownBots,
        run: Run,
        *,
        now: datetime,
        gate: Gate | None = None,
        accept: bool = False,
    ) -> Publication:
        """Publish the bots as the feed, or refuse them. Whatever happens, readers find a valid feed.

        Args:
            bots: all bots of the feed, those carried over included. The writer takes ownership of a `KnownBots`. Times
                later than `now`, as a wrong clock left them, are set to `now`.
            run: the run that made them.
            now: when the feed is written.
            gate: how much may differ from the published feed.
            accept: publish even what the gate would refuse. A candidate that does not fit its schema is refused anyway.

        Raises:
            GateRefusedError: the candidate is refused; it is in `refused/` with the reasons.
            FeedError: the files cannot be written; the published feed is as it was.
        """
        spool = bots if isinstance(bots, KnownBots) else KnownBots(bots)
        for key in spool:
            if spool.summary(key).last_time > now:
                spool[key] = not_later_than(spool[key], now)
        number = self.head.version if self.head else 0
        candidate = Feed(version=number + 1, generated_at=now, site=self.site, run=run)
        comparison = self._compare(candidate, spool)
        if self.head is not None and comparison.same:
            candidate = candidate.model_copy(update={"version": number})
        self._pass_gate(candidate, spool, comparison, gate or Gate(), accept=accept)
        new_version = candidate.version > number
        changes = comparison.changes if new_version else []
        packed = [b"".join(disk.zipped(_text(candidate, spool)))]
        with disk.Staging() as staging:
            if new_version:
                staging.add(self.store.version_file(candidate.version), packed)
            if changes:
                staging.add(self.store.atom, [self._atom(candidate.version, changes, spool)])
            if not _has_content(self.store.schema, schema_text()):
                staging.add(self.store.schema, [schema_text()])
            digest = Digest()
            staging.add(self.store.models, digest.of(_text(candidate, spool)))
            staging.add(self.store.slim, slim_text(candidate, (line for _, line in spool.lines())))
            staging.add(self.store.models_packed, packed)
            staging.add(self.store.version_note, [version_text(candidate, digest)])
            self._commit(staging, changes)
        self.head = candidate
        self.known = spool
        return Publication(version=candidate.version, changes=changes, new_version=new_version)

    def report(self, report: RunReport) -> None:
        """Keep the report of a run.

        Raises:
            FeedError: it cannot be written.
        """
        text = report.model_dump_json(indent=2, by_alias=True) + "\n"
        disk.replace(self.store.run_folder / f"{report.id}.json", [text.encode()])

    def prune(self, *, versions: int = 0, runs: int = 0, refused: int = 0) -> None:
        """Remove old files. Each argument is the number of the newest ones to keep; 0 keeps all."""
        _remove_oldest([self.store.version_file(number) for number in self.store.versions()], versions)
        _remove_oldest(self.store.run_files(), runs)
        _remove_oldest(self.store.refused_files(), refused)

    def _atom(self, version: int, changes: Sequence[Change], bots: KnownBots) -> bytes:
        log = self.store.log
        recent = log.recent(version) if log.path.exists() else ()
        return atom(log.first() or changes[0], chain(recent, changes), bots.page_of)

    def _compare(self, candidate: Feed, bots: BotSpool) -> "_Comparison":
        """Compare a candidate with the published feed, bot by bot."""
        head = self.head
        comparison = _Comparison(
            same=head is not None and _identity(head) == _identity(candidate) and len(bots) == len(self.known),
            misfits=head_misfits(candidate),
        )
        # what was published under the same schema fits it; checking it again would take most of the time
        is_checked = head is not None and _has_content(self.store.schema, schema_text())
        for number, (key, line) in enumerate(bots.lines()):
            entry = json.loads(line)
            known = self.known.find_key(key, bots.summary(key))
            if known is not None and is_checked:
                before = json.loads(self.known.line(known))
                if without_times(before) == without_times(entry):
                    comparison.prices.add_unmoved(entry)
                    continue
            self._compare_bot(known, line, f"data[{number}] ({key!r})", candidate, comparison)
        return comparison

    def _compare_bot(
        self, known: str | None, line: bytes, path: str, candidate: Feed, comparison: "_Comparison"
    ) -> None:
        """Check one bot of a candidate against the schema, and compare it with the published one.

        Args:
            known: the key of the published bot; None if the bot is new.
            line: the bot as JSON.
            path: its place in the candidate.
            candidate: the candidate without its bots.
            comparison: the results are added to it.
        """
        misfits = bot_misfits(json.loads(line), path) if len(comparison.misfits) < MOST else []
        comparison.misfits += misfits
        try:
            bot = Bot.model_validate_json(line)
        except ValidationError as error:
            comparison.misfits += [] if misfits else [f"{path}: {error}"]
            return
        before = None if known is None else self.known[known]
        if before is not None:
            comparison.prices.add(before, bot)
        changes = list(bot_changes(before, bot, candidate.version, candidate.generated_at))
        comparison.same &= not changes
        comparison.changes += changes

    def _pass_gate(
        self, candidate: Feed, bots: BotSpool, comparison: "_Comparison", gate: Gate, *, accept: bool
    ) -> None:
        reasons = [f"The candidate does not fit its schema: {misfit}" for misfit in comparison.misfits[:MOST]]
        odd = gate.reasons(self.known, bots, comparison.prices)
        if accept:
            for reason in odd:
                logger.warning("Published although the gate would refuse it: %s", reason)
        else:
            reasons += odd
        if reasons:
            self._refuse(candidate, bots, reasons)

    def _refuse(self, candidate: Feed, bots: BotSpool, reasons: list[str]) -> None:
        refusal = {
            "object": "refusal",
            "id": candidate.run.id,
            "refused_at": clock.text(candidate.generated_at),
            "reasons": reasons,
        }
        path = self.store.refused_folder / f"{candidate.run.id}.json.gz"
        opening = f'{json.dumps(refusal)[:-1]}, "feed": '.encode()
        disk.replace(path, disk.zipped(chain([opening], _text(candidate, bots), [b"}\n"])))
        raise GateRefusedError(tuple(reasons))

    def _commit(self, staging: disk.Staging, changes: Sequence[Change]) -> None:
        log = self.store.log
        log.append(list(changes))
        try:
            staging.commit()
        except FeedError:
            log.cut(max(self.store.versions(), default=0))
            raise


def _remove_oldest(files: Sequence[Path], keep: int) -> None:
    """Remove the files but the newest ones; 0 keeps all."""
    try:
        for path in files[:-keep] if keep > 0 else ():
            disk.remove(path)
    except FeedError as error:
        logger.warning("An old file is kept: %s", error)  # what was published stays published


def _identity(head: Feed) -> tuple[object, ...]:
    """What of a feed's head makes a new version if it changes. Script hosts do not: they differ from crawl to crawl."""
    site = head.site and (head.site.url, head.site.api_url)
    return head.schema_version, head.points_per_usd, site


def _has_content(path: Path, text: bytes) -> bool:
    try:
        return path.read_bytes() == text
    except FileNotFoundError:
        return False


def _text(head: Feed, bots: BotSpool) -> Iterator[bytes]:
    return feed_text(head, (line for _, line in bots.lines()))
