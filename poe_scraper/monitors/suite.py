"""The monitors. Each reads the run report and fails if the run exceeds a limit."""

from spidermon import Monitor, MonitorSuite, monitors
from spidermon.results.monitor import MonitorResult

from poe_scraper.failures import Code
from poe_scraper.items import BotError, RunReport
from poe_scraper.monitors import report_problems
from poe_scraper.pipelines.publish import PublishPipeline


class RunMonitor(Monitor):  # type: ignore[misc]
    """Base class of the monitors."""

    @property
    def report(self) -> RunReport:
        """The report of the run."""
        publisher = self.data.crawler.get_item_pipeline(PublishPipeline)
        report: RunReport | None = publisher.report if publisher else None
        if report is None:
            message = "The crawl ended without a run report: see its log."
            raise self.failureException(message)
        return report

    def limit(self, name: str) -> float:
        """A limit from the settings."""
        return float(self.data.crawler.settings.getfloat(name))

    def at_most(self, part: int, whole: int, name: str, what: str) -> None:
        """Fail if `part` is a larger share of `whole` than the named setting allows."""
        share, most = part / max(whole, 1), self.limit(name)
        if share > most:
            self.fail(f"{what}: {part} of {whole} ({share:.1%}); {name} allows {most:.1%}")


@monitors.name("outcome")
class OutcomeMonitor(RunMonitor):
    """The feed was published, or had not changed."""

    def test(self) -> None:
        """Check the outcome."""
        if self.report.outcome not in {"published", "unchanged"}:
            self.fail(f"Nothing was published ({self.report.outcome}). {' '.join(self.report.reasons)}")


@monitors.name("coverage")
class CoverageMonitor(RunMonitor):
    """Enough of the active bots have a price from their page."""

    def test(self) -> None:
        """Check the share."""
        part, whole = self.report.active_with_rates, self.report.active
        share, least = part / max(whole, 1), self.limit("POE_MONITOR_COVERAGE")
        if share < least:
            self.fail(
                f"Active bots with prices: {part} of {whole} ({share:.1%}); POE_MONITOR_COVERAGE requires {least:.1%}"
            )


@monitors.name("age")
class AgeMonitor(RunMonitor):
    """The stalest page of an active bot was read recently enough."""

    def test(self) -> None:
        """Check the age of the stalest page."""
        oldest, most = self.report.oldest_page, self.limit("POE_MONITOR_AGE")
        if oldest is not None:
            age = (self.report.finished_at - oldest).total_seconds()
            if age > most:
                self.fail(f"The oldest page was read {age:.0f} seconds ago; POE_MONITOR_AGE allows {most:.0f}")


@monitors.name("failures")
class FailuresMonitor(RunMonitor):
    """The share of visited pages that failed is within the limit."""

    def test(self) -> None:
        """Check the share."""
        failed = self.report.failed
        codes = ", ".join(f"{count} x {code}" for code, count in sorted(failed.items()))
        self.at_most(sum(failed.values()), self.report.visited, "POE_MONITOR_FAILURES", f"Failed pages ({codes})")


@monitors.name("catalog_drift")
class CatalogDriftMonitor(RunMonitor):
    """The models API gives every field as before."""

    def test(self) -> None:
        """Check the run's problems."""
        drifted = [problem for problem in self.report.problems if problem.code == Code.CATALOG_DRIFT]
        fields = [str(problem.field) for problem in drifted if isinstance(problem, BotError)]
        if fields:
            self.fail(f"The models API has changed these fields: {', '.join(fields)}")


@monitors.name("unparsed")
class UnparsedMonitor(RunMonitor):
    """The share of bots with an amount that could not be parsed is within the limit."""

    def test(self) -> None:
        """Check the share."""
        part, whole = self.report.with_unparsed, self.report.bots
        self.at_most(part, whole, "POE_MONITOR_UNPARSED", "Bots with an amount that could not be parsed")


@monitors.name("differences")
class DifferencesMonitor(RunMonitor):
    """The share of bots whose prices contradict each other is within the limit."""

    def test(self) -> None:
        """Check the share."""
        part, whole = self.report.with_differences, self.report.bots
        self.at_most(part, whole, "POE_MONITOR_DIFFERENCES", "Bots whose prices contradict each other")


class PoeModelsSuite(MonitorSuite):  # type: ignore[misc]
    """All monitors. Failures are added to the run's problems and change its exit code.

    For notifications by e-mail, Slack and so on, subclass it, add Spidermon's actions, and name the subclass in
    `SPIDERMON_ENGINE_STOP_MONITORS`.
    """

    monitors = (
        OutcomeMonitor,
        CoverageMonitor,
        AgeMonitor,
        FailuresMonitor,
        CatalogDriftMonitor,
        UnparsedMonitor,
        DifferencesMonitor,
    )

    def on_monitors_failed(self, result: MonitorResult) -> None:
        """Add the failures to the report."""
        failed = result.monitors_failed_results
        messages = [
            f"{each.monitor.monitor_name}: {each.reason or 'the monitor itself failed, see the log'}" for each in failed
        ]
        report_problems(failed[0].monitor.data.crawler, messages)
