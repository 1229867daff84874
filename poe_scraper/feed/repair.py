"""Making the derived files of a feed anew.

The version files decide. Each other file has one function here that makes it anew; a file that is damaged, or is a
folder, is set aside and never stops a publication.
"""

import errno
import logging
import os
from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from poe_scraper.failures import FeedError, FeedNotFoundError, FeedTooNewError
from poe_scraper.feed import disk
from poe_scraper.feed.atom import atom
from poe_scraper.feed.changelog import line_of
from poe_scraper.feed.changes import compare
from poe_scraper.feed.lock import WriterLock
from poe_scraper.feed.reader import require_writable
from poe_scraper.feed.schema import schema_text
from poe_scraper.feed.small import Digest, is_told_by, slim_text, version_text
from poe_scraper.feed.spool import KnownBots
from poe_scraper.feed.store import FeedStore, feed_text, load_feed
from poe_scraper.items import Change, Feed

logger = logging.getLogger(__name__)


def mend(store: FeedStore) -> tuple[Feed | None, KnownBots]:
    """Finish or undo what a process left undone that died, and make lost or broken files anew.

    It looks only where a publication will read or write, so that its cost does not grow with the history.

    Returns:
        The published feed without its bots, None if there is none; and its bots.

    Raises:
        FeedTooNewError: the feed was written by a later version of this project.
        FeedError: the feed cannot be read and no version can take its place, or a file cannot be written.
    """
    _clear(store)
    head, known, restored = _published(store)
    if head is None:
        if store.change_log.exists():
            disk.truncate(store.change_log, 0)  # changes of a first version that never came
        return None, known
    if not store.version_file(head.version).exists():
        remake_version(store, head, known)
    logged = _usable_log(store, head)
    if logged:
        computed = _computed(store, after=logged)
        added = [change for number, changes in computed if number <= head.version for change in changes or ()]
        store.log.append(added)
    else:
        remake_changes(store, head)
        added = []
    if restored or added or not logged or not store.atom.exists():
        remake_atom(store, known)
    if restored or not store.schema.exists():
        remake_schema(store)
    small = (store.slim, store.models_packed, store.version_note)
    if restored or not all(path.exists() for path in small) or not is_told_by(store.version_note, head):
        remake_small(store, head, known)
    return head, known


def repair(store: FeedStore) -> list[str]:
    """Check every derived file, and make those anew that are not as they should be.

    Returns:
        The names of the files that were made anew.

    Raises:
        FeedLockedError: another process is writing the feed.
        FeedError: there is no feed, or it cannot be read, or a file cannot be written.
    """
    lock = WriterLock(store.folder, "poe-scraper doctor --repair")
    try:
        before = _digests(store)
        head, known = mend(store)
        if head is None:
            message = f"{store.folder} has no feed to repair. Crawl one with 'poe-scraper update'."
            raise FeedNotFoundError(message)
        if not _is_readable(store, head.version):
            disk.set_aside(store.version_file(head.version), f"{store.version_file(head.version)} is broken.")
            remake_version(store, head, known)
        remake_changes(store, head)
        remake_atom(store, known)
        remake_schema(store)
        remake_small(store, head, known)
        return [name for name, digest in _digests(store).items() if before.get(name) != digest]
    finally:
        lock.release()


def remake_version(store: FeedStore, head: Feed, known: KnownBots) -> None:
    """Make the file of the published version anew from `models.json`. Raises `FeedError`."""
    text = feed_text(head, (line for _, line in known.lines()))
    disk.replace(store.version_file(head.version), disk.zipped(text))


def remake_changes(store: FeedStore, head: Feed) -> None:
    """Make `changes.jsonl` anew from the versions.

    The changes of versions that are no longer on disk are taken from the old file, as far as it is readable.

    Raises:
        FeedError: it cannot be written.
    """
    disk.replace(store.change_log, map(line_of, _all_changes(store, head)))


def remake_atom(store: FeedStore, known: KnownBots) -> None:
    """Make `changes.atom` anew from `changes.jsonl`. Raises `FeedError`."""
    first = store.log.first()
    if first is not None:
        disk.replace(store.atom, [atom(first, store.log.recent(), known.page_of)])


def remake_schema(store: FeedStore) -> None:
    """Make `models.schema.json` anew. Raises `FeedError`."""
    disk.replace(store.schema, [schema_text()])


def remake_small(store: FeedStore, head: Feed, known: KnownBots) -> None:
    """Make `slim.json`, `models.json.gz` and `version.json` anew from `models.json`. Raises `FeedError`."""
    digest = Digest()
    with disk.Staging() as staging:
        staging.add(store.slim, slim_text(head, (line for _, line in known.lines())))
        staging.add(store.models_packed, disk.zipped(digest.of(_pieces(store.models))))
        staging.add(store.version_note, [version_text(head, digest)])
        staging.commit()


def _clear(store: FeedStore) -> None:
    """Remove temporary files, and set aside what is a folder and should be a file, or the reverse.

    Raises:
        FeedError: a file or folder cannot be written: a crawl should not find that out after it visited all pages.
    """
    folders = (store.version_folder, store.refused_folder, store.run_folder)
    for path in folders:
        if path.exists() and not path.is_dir():
            disk.set_aside(path, f"{path} is not a folder.")
    for path in store.current_files:
        if path.is_dir():
            disk.set_aside(path, f"{path} is a folder, not a file.")
    for path in (store.folder, *folders, store.change_log):
        if path.exists() and not os.access(path, os.W_OK):
            raise disk.unwritable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    for folder in (store.folder, *folders):
        for stray in folder.glob(disk.STRAY):
            if not stray.is_dir():
                disk.remove(stray)


def _published(store: FeedStore) -> tuple[Feed | None, KnownBots, bool]:
    """The published feed without its bots, its bots, and whether it had to be put back from a version."""
    known = KnownBots()
    head, broken = None, None
    try:
        head = load_feed(store.models, known)
    except FeedNotFoundError:
        pass
    except FeedTooNewError:
        raise
    except FeedError as error:
        broken = error
    newest = _newest_version(store, after=head.version if head else 0)
    if newest is not None:
        head, known = newest
        logger.warning("%s is put back from version %d.", store.models, head.version)
        disk.replace(store.models, feed_text(head, (line for _, line in known.lines())))
    elif broken is not None:
        message = (
            f"{broken} No file in {store.version_folder} can replace it. Move {store.models} away and crawl again."
        )
        raise FeedError(message)
    if head is not None:
        require_writable(head.schema_version, store.folder)
    return head, known, newest is not None


def _newest_version(store: FeedStore, *, after: int) -> tuple[Feed, KnownBots] | None:
    """Load the newest version that can be read and is newer than `after`; None if there is none."""
    for number in reversed(store.versions()):
        if number <= after:
            break
        bots = KnownBots()
        try:
            return load_feed(store.version_file(number), bots), bots
        except FeedTooNewError:
            raise
        except FeedError as error:
            logger.warning("%s", error)
    return None


def _usable_log(store: FeedStore, head: Feed) -> int:
    """Cut the log to the published version.

    Returns:
        The version of its last line; 0 if there is none, or the log is broken.
    """
    log = store.log
    try:
        log.check(head.version)
        log.cut(head.version)
        return log.last_version()
    except (FeedError, OSError) as error:
        logger.warning("%s It is made anew from the versions; the old file is kept as %s.broken.", error, log.path.name)
        _keep_copy(log.path)
        return 0


def _keep_copy(path: Path) -> None:
    """Keep a broken file beside the one that will be made of it."""
    disk.replace(path.with_name(f"{path.name}.broken"), _pieces(path))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _all_changes(store: FeedStore, head: Feed) -> Iterator[Change]:
    """The changes of all versions up to the published one."""
    groups = groupby(store.log.read(), lambda change: change.version)
    logged = ((number, list(changes)) for number, changes in groups)
    done = 0
    for number, sources in groupby(merge(_computed(store), logged, key=itemgetter(0)), itemgetter(0)):
        found = [changes for _, changes in sources if changes is not None]
        if not found:
            logger.warning("The changes of version %d are lost: the version before it was removed.", number)
        elif done < number <= head.version:
            done = number
            yield from found[0]


def _computed(store: FeedStore, *, after: int = 0) -> Iterator[tuple[int, list[Change] | None]]:
    """The changes of each version on disk, oldest first; None if they cannot be computed.

    Args:
        store: the folder of the feed.
        after: start after this version.
    """
    before: Feed | None = None
    for number in store.versions():
        if number < after:
            continue
        try:
            feed = store.version(number)
        except FeedError as error:
            logger.warning("%s", error)
            feed = None
        follows = number == 1 or (before is not None and before.version == number - 1)
        if number > after:
            yield number, compare(before, feed) if feed is not None and follows else None
        before = feed


def _is_readable(store: FeedStore, number: int) -> bool:
    try:
        load_feed(store.version_file(number), KnownBots())
    except FeedError:
        return False
    return True


def _digests(store: FeedStore) -> dict[str, str | None]:
    """The SHA-256 of each file that can be made anew; None for one that cannot be read."""
    newest = [store.version_file(number) for number in store.versions()[-1:]]
    return {str(path.relative_to(store.folder)): _digest(path) for path in (*store.current_files, *newest)}


def _digest(path: Path) -> str | None:
    try:
        return disk.digest(path)
    except OSError:
        return None
