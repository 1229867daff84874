"""The folder of the feed, for writing.

A publication appears in this order: the lines of `changes.jsonl`, the version file, the Atom feed, the
schema, `models.json`. The version file decides: where it stands, the publication is finished at the next
start; where it does not, what came before it is taken back.
"""

import gzip
import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from poe_scraper.failures import FeedError, GateRefusedError
from poe_scraper.feed import disk
from poe_scraper.feed.atom import atom
from poe_scraper.feed.changes import compare, same_facts
from poe_scraper.feed.gate import Gate
from poe_scraper.feed.lock import WriterLock
from poe_scraper.feed.schema import misfits, schema_text
from poe_scraper.feed.store import FeedStore, FeedTooNewError, feed_text, read_feed
from poe_scraper.items import SCHEMA_VERSION, Bot, Change, Feed, Run, RunReport

logger = logging.getLogger(__name__)

_LINE_VERSION = re.compile(rb'\{"version":(\d+),')


@dataclass(frozen=True)
class Publication:
    """What came of `FeedWriter.publish`.

    Args:
        feed: the feed as it now stands in `models.json`.
        changes: what the version brought; empty where the version stays.
        new_version: whether the version grew.
    """

    feed: Feed
    changes: Sequence[Change]
    new_version: bool


class FeedWriter:
    """The one writer of a feed's folder, until `close`. What a dead predecessor left undone is mended first.

    Args:
        store: the folder.
        purpose: what is written for, for the message that a second writer gets.

    Raises:
        FeedLockedError: another process writes; the text says which.
        FeedError: the folder cannot be written, or the feed in it cannot be read.
    """

    def __init__(self, store: FeedStore, purpose: str) -> None:
        self.store = store
        self._lock = WriterLock(store.folder, purpose)
        try:
            self.feed = self._mend()
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
        bots: Iterable[Bot],
        run: Run,
        *,
        now: datetime,
        gate: Gate | None = None,
        accept: bool = False,
        keep: int = 0,
    ) -> Publication:
        """Publish the bots as the feed, or refuse them. Whatever happens, readers find a valid feed.

        Args:
            bots: all bots of the feed, the carried ones too.
            run: the crawl behind them.
            now: when the feed is written.
            gate: how much may differ from the published feed.
            accept: publish even what the gate finds odd. A misfit with the schema is refused in any case.
            keep: newest versions to keep on disk; 0 keeps all.

        Raises:
            GateRefusedError: the candidate is refused; it lies in `refused/` with the reasons.
            FeedError: the files cannot be written; the published feed is as it was.
        """
        candidate = self._candidate(bots, run, now)
        self._pass_gate(candidate, gate or Gate(), accept=accept)
        new_version = self.feed is None or candidate.version > self.feed.version
        changes = compare(self.feed, candidate) if new_version else []
        text = feed_text(candidate)
        with disk.Staging() as staging:
            if new_version:
                staging.add(self.store.version_file(candidate.version), _zipped(text))
            if changes:
                staging.add(self.store.atom, atom([*self.store.changes(), *changes]))
            if not _holds(self.store.schema, schema_text()):
                staging.add(self.store.schema, schema_text())
            staging.add(self.store.models, text)
            self._commit(staging, changes)
        self.feed = candidate
        self._prune(keep)
        return Publication(feed=candidate, changes=changes, new_version=new_version)

    def report(self, report: RunReport) -> None:
        """Keep the report of a run.

        Raises:
            FeedError: it cannot be written.
        """
        text = report.model_dump_json(indent=2, by_alias=True) + "\n"
        disk.replace(self.store.run_folder / f"{report.id}.json", text.encode())

    def _candidate(self, bots: Iterable[Bot], run: Run, now: datetime) -> Feed:
        data = tuple(sorted(bots, key=lambda bot: bot.id))
        version = self.feed.version if self.feed else 0
        candidate = Feed(version=max(version, 1), generated_at=now, run=run, data=data)
        if self.feed is None or same_facts(self.feed, candidate):
            return candidate
        return candidate.model_copy(update={"version": version + 1})

    def _pass_gate(self, candidate: Feed, gate: Gate, *, accept: bool) -> None:
        published = self.feed.data if self.feed and _holds(self.store.schema, schema_text()) else ()
        reasons = [f"The candidate does not fit its schema: {misfit}" for misfit in misfits(candidate, published)]
        odd = gate.reasons(self.feed, candidate)
        if accept:
            for reason in odd:
                logger.warning("Accepted although: %s", reason)
        else:
            reasons += odd
        if reasons:
            self._refuse(candidate, reasons)

    def _refuse(self, candidate: Feed, reasons: list[str]) -> None:
        refusal = {
            "object": "refusal",
            "id": candidate.run.id,
            "refused_at": candidate.generated_at.isoformat().replace("+00:00", "Z"),
            "reasons": reasons,
            "feed": candidate.model_dump(mode="json", by_alias=True),
        }
        path = self.store.refused_folder / f"{candidate.run.id}.json.gz"
        disk.replace(path, _zipped(json.dumps(refusal).encode()))
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
        feed, finished = self._mend_models()
        logged = self._cut_log(feed.version if feed else 0)
        if feed is None:
            return None
        if not store.version_file(feed.version).exists():
            disk.replace(store.version_file(feed.version), _zipped(feed_text(feed)))
        missing = [
            change for number in store.versions() if logged < number <= feed.version for change in self._brought(number)
        ]
        self._log(missing)
        if (finished or missing or not store.atom.exists()) and (changes := list(store.changes())):
            disk.replace(store.atom, atom(changes))
        if finished or not store.schema.exists():
            disk.replace(store.schema, schema_text())
        return feed

    def _mend_models(self) -> tuple[Feed | None, bool]:
        """The published feed, and whether its publication had to be finished."""
        store = self.store
        feed, broken = None, None
        try:
            feed = read_feed(store.models)
        except FileNotFoundError:
            pass
        except FeedTooNewError:
            raise
        except FeedError as error:
            broken = error
        newest = store.newest_version(after=feed.version if feed else 0)
        if newest is not None:
            logger.warning("%s is put back from version %d.", store.models, newest.version)
            disk.replace(store.models, feed_text(newest))
            feed = newest
        elif broken is not None:
            message = (
                f"{broken} No file in {store.version_folder} can take its place. "
                f"Move {store.models} away and crawl again."
            )
            raise FeedError(message)
        if feed is not None and _minor(feed.schema_version) > _minor(SCHEMA_VERSION):
            message = (
                f"The feed in {store.folder} has schema version {feed.schema_version}, and this program writes "
                f"{SCHEMA_VERSION}: it would lose what it does not know. Update poe-scraper."
            )
            raise FeedTooNewError(message)
        return feed, newest is not None

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


def _zipped(text: bytes) -> bytes:
    """The same bytes for the same text: no time stands in the file's head."""
    return gzip.compress(text, mtime=0)
