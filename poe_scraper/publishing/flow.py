"""The publication of a run, the same for a crawl, a merge of shards and a new reading of stored cards.

Gate and files, deliveries, run report, pruning: in this order, and all by the same settings.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from scrapy.settings import BaseSettings

from poe_scraper.clock import end_of
from poe_scraper.failures import FeedError, GateRefusedError
from poe_scraper.feed.gate import Gate
from poe_scraper.feed.report import figures
from poe_scraper.feed.spool import KnownBots
from poe_scraper.feed.writer import FeedWriter, Publication
from poe_scraper.items import Bot, Run, RunReport
from poe_scraper.publishing import DeliverySettings, deliver

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublicationSettings:
    """How a run is published.

    Args:
        gate: how much may differ from the published feed.
        accept: publish even what the gate would refuse.
        keep_gone: how long bots stay in the feed that are gone.
        keep_versions, keep_runs, keep_refused: number of the newest files to keep; 0 keeps all.
        delivery: where to deliver the feed.
    """

    gate: Gate
    accept: bool
    keep_gone: timedelta
    keep_versions: int
    keep_runs: int
    keep_refused: int
    delivery: DeliverySettings

    @classmethod
    def of(cls, settings: BaseSettings) -> Self:
        """From Scrapy settings."""
        return cls(
            gate=Gate(
                min_share=settings.getfloat("POE_GATE_MIN_SHARE"),
                max_jumps=settings.getfloat("POE_GATE_MAX_JUMPS"),
                max_lost=settings.getfloat("POE_GATE_MAX_LOST"),
            ),
            accept=settings.getbool("POE_ACCEPT"),
            keep_gone=timedelta(days=settings.getfloat("POE_KEEP_GONE")),
            keep_versions=settings.getint("POE_KEEP_VERSIONS"),
            keep_runs=settings.getint("POE_KEEP_RUNS"),
            keep_refused=settings.getint("POE_KEEP_REFUSED"),
            delivery=DeliverySettings.of(settings),
        )


def publish(
    writer: FeedWriter,
    bots: Iterable[Bot] | KnownBots,
    draft: RunReport,
    settings: PublicationSettings,
    *,
    at: datetime,
    delivers: bool = True,
) -> RunReport:
    """Publish the bots of a run, deliver the feed, and write the run report.

    Args:
        writer: of the feed.
        bots: all bots of the feed. The writer takes ownership of a `KnownBots`.
        draft: the run report, with what is known of the run itself.
        settings: how to publish.
        at: when the feed is written.
        delivers: False if the feed is a part that is not to be delivered by itself.

    Returns:
        The run report as written.
    """
    run = Run(
        id=draft.id,
        started_at=draft.started_at,
        finished_at=end_of(draft.started_at),
        seen=draft.seen,
        visited=draft.visited,
        failed=sum(draft.failed.values()),
    )
    try:
        publication = writer.publish(bots, run, now=at, gate=settings.gate, accept=settings.accept)
    except GateRefusedError as error:
        logger.error("The new feed is refused. %s", error)
        return report(writer, draft, settings, outcome="refused", reasons=error.reasons)
    except FeedError as error:
        logger.error("%s", error)
        return report(writer, draft, settings, outcome="failed", reasons=(str(error),))
    if delivers:
        undelivered = deliver(
            writer.store,
            version=publication.version,
            new_version=publication.new_version,
            settings=settings.delivery,
        )
        draft = draft.model_copy(update={"problems": (*draft.problems, *undelivered)})
    outcome = "published" if publication.new_version else "unchanged"
    return report(writer, draft, settings, outcome=outcome, publication=publication)


def report(
    writer: FeedWriter,
    draft: RunReport,
    settings: PublicationSettings,
    *,
    outcome: str,
    reasons: tuple[str, ...] = (),
    publication: Publication | None = None,
) -> RunReport:
    """Complete the report of a run, write it, and remove old files.

    A report that cannot be written is logged, and returned all the same.
    """
    version = writer.head.version if writer.head else None
    changes = publication.changes if publication else ()
    after = figures(version, writer.known.entries(), changes)
    ending = {"outcome": outcome, "reasons": reasons, "finished_at": end_of(draft.started_at)}
    done = draft.model_copy(update={**after, **ending})
    try:
        writer.report(done)
    except FeedError as error:
        logger.error("The run report could not be written: %s", error)
    writer.prune(versions=settings.keep_versions, runs=settings.keep_runs, refused=settings.keep_refused)
    return done
