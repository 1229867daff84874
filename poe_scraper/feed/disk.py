"""Writing files so that a reader finds the old or the new file, even if the process dies at any moment."""

import errno
import hashlib
import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from poe_scraper.failures import FeedError

logger = logging.getLogger(__name__)

STRAY = ".*.tmp"
"""Pattern of the temporary files that a process may leave behind when it dies."""

_GZIP = 16 + zlib.MAX_WBITS
"""Makes zlib write a gzip file."""

_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What file systems answer that cannot flush a folder: old CIFS, some FUSE."""

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this process may write",
}


class Staging:
    """Several files that are written first and then put in place, in the order they were added.

    `add` does what needs room on the disk; `commit` only renames. Leaving the `with` block without `commit` removes
    what was written, and no file has changed. A symbolic link stays one: the file that it points to is replaced, in
    its own folder.
    """

    def __init__(self) -> None:
        self._staged: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for temporary, _ in self._staged:
            temporary.unlink(missing_ok=True)

    def add(self, path: Path, data: Iterable[bytes]) -> None:
        """Write the file's new content, given in pieces, to a temporary file in the same folder.

        Raises:
            FeedError: it cannot be written.
        """
        if path.is_symlink():
            path = path.resolve()
        temporary = path.with_name(f".{path.name}.tmp")
        self._staged.append((temporary, path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(temporary, data, os.O_TRUNC)
        except OSError as error:
            raise unwritable(path, error) from error

    def commit(self) -> None:
        """Put every file in its place.

        Raises:
            FeedError: a file cannot be renamed.
        """
        while self._staged:
            temporary, path = self._staged[0]
            try:
                os.replace(temporary, path)  # noqa: PTH105 (the tests kill the process at each call of `os`)
                del self._staged[0]
                _sync_folder(path.parent)
            except OSError as error:
                raise unwritable(path, error) from error


def replace(path: Path, data: Iterable[bytes]) -> None:
    """Replace one file by the pieces of its new content.

    Raises:
        FeedError: it cannot be written; the old one is intact.
    """
    with Staging() as staging:
        staging.add(path, data)
        staging.commit()


def append(path: Path, data: bytes) -> None:
    """Append to a file. If that fails half-way, the file is cut back to what it was.

    Raises:
        FeedError: it cannot be written.
    """
    size = path.stat().st_size if path.exists() else 0
    try:
        try:
            _write(path, [data], os.O_APPEND)
        except OSError:
            if path.exists():
                os.truncate(path, size)
            raise
        if size == 0:
            _sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def truncate(path: Path, size: int) -> None:
    """Cut a file to a size in bytes.

    Raises:
        FeedError: it cannot be written.
    """
    try:
        os.truncate(path, size)
    except OSError as error:
        raise unwritable(path, error) from error


def remove(path: Path) -> None:
    """Remove a file if it exists.

    Raises:
        FeedError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def set_aside(path: Path, why: str) -> None:
    """Rename a file or folder that is not what it should be, with a warning.

    Raises:
        FeedError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    logger.warning("%s It is kept as %s and made anew.", why, aside.name)
    try:
        path.rename(aside)
    except OSError as error:
        raise unwritable(path, error) from error


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises `OSError` if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def zipped(text: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a gzip file. The same bytes for the same text: its header has no time."""
    packer = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, _GZIP)
    for piece in text:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def unwritable(path: Path, error: OSError) -> FeedError:
    """The exception for a file that could not be written: why, and what to do."""
    why = _NO_ROOM.get(error.errno or 0)
    if why is None:
        return FeedError(
            f"{path} could not be written: {error.strerror}. "
            "Check the folder, its owner and its permissions, or set POE_OUTPUT_DIR to another one."
        )
    return FeedError(
        f"{path} could not be written: {why}. The published feed is as it was. "
        "Free some space, or set POE_OUTPUT_DIR to a folder on another disk, and run again."
    )


def _write(path: Path, data: Iterable[bytes], flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o666)
    try:
        for piece in data:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk; the files' content is flushed on its own."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
        _warn_of_no_sync(folder)
    finally:
        os.close(descriptor)


@cache
def _warn_of_no_sync(folder: Path) -> None:
    """Say once that a folder cannot be flushed."""
    logger.warning(
        "The file system of %s cannot flush a folder to the disk: a power failure may cost the newest files.",
        folder,
    )
