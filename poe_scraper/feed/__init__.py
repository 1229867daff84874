"""The feed on disk.

Reading and writing are apart. Nothing here imports Scrapy, Twisted or Playwright.

Reading needs no lock and never changes a file::

    store = FeedStore(Path("output"))       # feed/store.py
    store.current()                         # Feed, or None where nothing was published yet
    store.versions(); store.version(42)     # the numbers on disk; one old feed
    store.changes(); store.runs(); store.refusals()

Writing is one process's at a time::

    with FeedWriter(store, "crawl of poe_models") as writer:   # feed/writer.py
        writer.head; writer.known           # what the feed knew; mended first if a process died here
        writer.publish(bots, run, now=now)  # passes the gate, or raises GateRefusedError
        writer.report(run_report)

In a crawl `pipelines.publish` opens the writer before the first request, hands what the feed knew to
the spider as `crawl_state.known`, and publishes after the last item. The spider asks `is_due` (feed/due.py)
about each entry. Bots wait on disk until they are asked for (`BotSpool`, feed/spool.py), so that memory
does not grow with the catalog. See also `merge` and `carry_over` (feed/merge.py), `Gate.reasons` (feed/gate.py),
`compare` (feed/changes.py), `schema` and `misfits` (feed/schema.py), `figures` (feed/report.py).
"""
