"""The folder of the feed, for writing.

A publication appears in this order: the lines of `changes.jsonl`, the version file, the Atom feed, the
schema, `models.json`. The version file decides: where it stands, the publication is finished at the next
start; where it does not, what came before it is taken back.
"""

import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from poe_scraper.failures import FeedError, GateRefusedError
from poe_scraper.feed import disk
from poe_scraper.feed.atom import atom
from poe_scraper.feed.changes import bot_changes, compare, without_times
from poe_scraper.feed.gate import Gate, PriceMoves
from poe_scraper.feed.lock import WriterLock
from poe_scraper.feed.schema import MOST, bot_misfits, head_misfits, schema_text
from poe_scraper.feed.spool import BotSpool, KnownBots
from poe_scraper.feed.store import FeedStore, FeedTooNewError, feed_text, load_feed
from poe_scraper.items import SCHEMA_VERSION, Bot, Change, Feed, Run, RunReport

logger = logging.getLogger(__name__)

_GZIP = 16 + zlib.MAX_WBITS
"""What makes zlib write a gzip file."""

_LINE_VERSION = re.compile(rb'\{"version":(\d+),')


@dataclass(frozen=True)
class Publication:
    """What came of `FeedWriter.publish`.

    Args:
        version: of the feed as it now stands in `models.json`.
        changes: what the version brought; empty where the version stays.
        new_version: whether the version grew.
    """

    version: int
    changes: Sequence[Change]
    new_version: bool


@dataclass
class _Comparison:
    """What a candidate would change, and what speaks against it."""

    same: bool
    """Whether nothing but times and run figures differs."""
    misfits: list[str]
    changes: list[Change] = field(default_factory=list)
    prices: PriceMoves = field(default_factory=PriceMoves)


class FeedWriter:
    """The one writer of a feed's folder, until `close`. What a dead predecessor left undone is mended first.

    Args:
        store: the folder.
        purpose: what is written for, for the message that a second writer gets.

    Attributes:
        head: the published feed without its bots; None where there is none.
        known: its bots.

    Raises:
        FeedLockedError: another process writes; the text says which.
        FeedError: the folder cannot be written, or the feed in it cannot be read.
    """

    def __init__(self, store: FeedStore, purpose: str) -> None:
        self.store = store
        self.known = KnownBots()
        self._lock = WriterLock(store.folder, purpose)
        try:
            self.head = self._mend()
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
        """Let others write."""
        self._lock.release()

    def publish(
        self,
        bots: Iterable[Bot] | KnownBots,
        run: Run,
        *,
        now: datetime,
        gate: Gate | None = None,
        accept: bool = False,
        keep: int = 0,
    ) -> Publication:
        """Publish the bots as the feed, or refuse them. Whatever happens, readers find a valid feed.

        Args:
            bots: all bots of the feed, the carried ones too. A shelf of them is the writer's from now on.
            run: the crawl behind them.
            now: when the feed is written.
            gate: how much may differ from the published feed.
            accept: publish even what the gate finds odd. A misfit with the schema is refused in any case.
            keep: newest versions to keep on disk; 0 keeps all.

        Raises:
            GateRefusedError: the candidate is refused; it lies in `refused/` with the reasons.
            FeedError: the files cannot be written; the published feed is as it was.
        """
        shelf = bots if isinstance(bots, KnownBots) else KnownBots(bots)
        number = self.head.version if self.head else 0
        candidate = Feed(version=number + 1, generated_at=now, run=run)
        comparison = self._compare(candidate, shelf)
        if self.head is not None and comparison.same:
            candidate = candidate.model_copy(update={"version": number})
        self._pass_gate(candidate, shelf, comparison, gate or Gate(), accept=accept)
        new_version = candidate.version > number
        changes = comparison.changes if new_version else []
        with disk.Staging() as staging:
            if new_version:
                staging.add(self.store.version_file(candidate.version), _zipped(_text(candidate, shelf)))
            if changes:
                staging.add(self.store.atom, [atom(chain(self.store.changes(), changes))])
            if not _holds(self.store.schema, schema_text()):
                staging.add(self.store.schema, [schema_text()])
            staging.add(self.store.models, _text(candidate, shelf))
            self._commit(staging, changes)
        self.head = candidate
        self.known = shelf
        self._prune(keep)
        return Publication(version=candidate.version, changes=changes, new_version=new_version)

    def report(self, report: RunReport) -> None:
        """Keep the report of a run.

        Raises:
            FeedError: it cannot be written.
        """
        text = report.model_dump_json(indent=2, by_alias=True) + "\n"
        disk.replace(self.store.run_folder / f"{report.id}.json", [text.encode()])

    def _compare(self, candidate: Feed, bots: BotSpool) -> "_Comparison":
        """Hold a candidate against the published feed, one bot after the other."""
        head = self.head
        comparison = _Comparison(
            same=head is not None
            and (head.schema_version, head.points_per_usd) == (candidate.schema_version, candidate.points_per_usd)
            and len(bots) == len(self.known),
            misfits=head_misfits(candidate),
        )
        # what was published under this very schema fits it; to look again would take most of the time
        is_checked = head is not None and _holds(self.store.schema, schema_text())
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
        """Hold one bot of a candidate against the schema and against its published self.

        Args:
            known: the key of the published bot; None where it is new.
            line: the bot as JSON.
            path: where it stands in the candidate.
            candidate: the feed that it is of.
            comparison: takes what is found.
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
                logger.warning("Accepted although: %s", reason)
        else:
            reasons += odd
        if reasons:
            self._refuse(candidate, bots, reasons)

    def _refuse(self, candidate: Feed, bots: BotSpool, reasons: list[str]) -> None:
        refusal = {
            "object": "refusal",
            "id": candidate.run.id,
            "refused_at": candidate.generated_at.isoformat().replace("+00:00", "Z"),
            "reasons": reasons,
        }
        path = self.store.refused_folder / f"{candidate.run.id}.json.gz"
        opening = f'{json.dumps(refusal)[:-1]}, "feed": '.encode()
        disk.replace(path, _zipped(chain([opening], _text(candidate, bots), [b"}\n"])))
        raise GateRefusedError(tuple(reasons))

    def _commit(self, staging: disk.Staging, changes: Iterable[Change]) -> None:
        self._log(changes)
        try:
            staging.commit()
        except FeedError:
            self._cut_log(max(self.store.versions(), default=0))
            raise

    def _log(self, changes: Iterable[Change]) -> None:
        lines = "".join(change.model_dump_json() + "\n" for change in changes)
        if lines:
            disk.append(self.store.change_log, lines.encode())

    def _prune(self, keep: int) -> None:
        old = self.store.versions()[:-keep] if keep > 0 else []
        try:
            for number in old:
                disk.remove(self.store.version_file(number))
        except FeedError as error:
            logger.warning("An old version is kept: %s", error)  # the new one is published all the same

    def _mend(self) -> Feed | None:
        """Finish, or take back, what a process left that died while it published."""
        store = self.store
        for folder in (store.folder, store.version_folder, store.refused_folder, store.run_folder):
            for stray in folder.glob(disk.STRAY):
                disk.remove(stray)
        head, finished = self._mend_models()
        logged = self._cut_log(head.version if head else 0)
        if head is None:
            return None
        if not store.version_file(head.version).exists():
            disk.replace(store.version_file(head.version), _zipped(_text(head, self.known)))
        missing = [
            change for number in store.versions() if logged < number <= head.version for change in self._brought(number)
        ]
        self._log(missing)
        if (finished or missing or not store.atom.exists()) and any(store.changes()):
            disk.replace(store.atom, [atom(store.changes())])
        if finished or not store.schema.exists():
            disk.replace(store.schema, [schema_text()])
        return head

    def _mend_models(self) -> tuple[Feed | None, bool]:
        """The published feed without its bots, and whether its publication had to be finished."""
        store = self.store
        head, broken = None, None
        try:
            head = load_feed(store.models, self.known)
        except FileNotFoundError:
            pass
        except FeedTooNewError:
            raise
        except FeedError as error:
            broken = error
        newest = self._newest_version(after=head.version if head else 0)
        if newest is not None:
            logger.warning("%s is put back from version %d.", store.models, newest.version)
            disk.replace(store.models, _text(newest, self.known))
            head = newest
        elif broken is not None:
            message = (
                f"{broken} No file in {store.version_folder} can take its place. "
                f"Move {store.models} away and crawl again."
            )
            raise FeedError(message)
        if head is not None and _minor(head.schema_version) > _minor(SCHEMA_VERSION):
            message = (
                f"The feed in {store.folder} has schema version {head.schema_version}, and this program writes "
                f"{SCHEMA_VERSION}: it would lose what it does not know. Update poe-scraper."
            )
            raise FeedTooNewError(message)
        return head, newest is not None

    def _newest_version(self, *, after: int) -> Feed | None:
        """Load the newest version that can be read and is newer than `after`; None where there is none."""
        for number in reversed(self.store.versions()):
            if number <= after:
                break
            bots = KnownBots()
            try:
                head = load_feed(self.store.version_file(number), bots)
            except FeedTooNewError:
                raise
            except FeedError as error:
                logger.warning("%s", error)
            else:
                self.known = bots
                return head
        return None

    def _cut_log(self, version: int) -> int:
        """Take back an unfinished last line and the changes of versions that never came.

        Returns:
            The version of the last line that stays; 0 where none does.
        """
        log = self.store.change_log
        end = last = 0
        if not log.exists():
            return last
        with log.open("rb") as lines:
            for line in lines:
                number = _LINE_VERSION.match(line)
                if not line.endswith(b"\n") or (number and int(number[1]) > version):
                    break
                end += len(line)
                last = int(number[1]) if number else last
        if end < log.stat().st_size:
            disk.truncate(log, end)
        return last

    def _brought(self, number: int) -> Sequence[Change]:
        """The changes that a version on disk brought."""
        if number > 1 and not self.store.version_file(number - 1).exists():
            logger.warning("The changes of version %d are lost: the version before it was removed.", number)
            return ()
        before = self.store.version(number - 1) if number > 1 else None
        return compare(before, self.store.version(number))


def _minor(schema_version: str) -> int:
    return int(schema_version.partition(".")[2])


def _holds(path: Path, text: bytes) -> bool:
    try:
        return path.read_bytes() == text
    except FileNotFoundError:
        return False


def _text(head: Feed, bots: BotSpool) -> Iterator[bytes]:
    return feed_text(head, (line for _, line in bots.lines()))


def _zipped(text: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a gzip file. The same bytes for the same text: no time stands in its head."""
    packer = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, _GZIP)
    for piece in text:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
