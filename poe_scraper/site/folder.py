"""The folder of a catalogue on disk."""

import json
from pathlib import Path

from poe_scraper.failures import PoeScraperError

MANIFEST = "catalogue.json"
"""Lists the files of a catalogue, so that the next build knows which files belong to it."""


class CatalogueError(PoeScraperError):
    """A catalogue cannot be written."""


class Folder:
    """The folder of a catalogue. Only changed files are written; files that are not part of it are never touched.

    Args:
        path: the folder. It must be empty, not exist yet, or contain an earlier catalogue.
        stamp: stands for all that the catalogue is made from; the same stamp means the same files.

    Raises:
        CatalogueError: the folder contains something else.
    """

    def __init__(self, path: Path, stamp: str) -> None:
        self.path = path
        self._stamp = stamp
        self._stamp_before: object = None
        self._sizes: dict[str, int] = {}
        self.written: list[str] = []
        self.unchanged: list[str] = []
        self.removed: list[str] = []
        try:
            self._before = self._own_files()
        except OSError as error:
            raise _unwritable(path, error) from error

    def _own_files(self) -> dict[str, object]:
        """Names and sizes of the files of the earlier build; sizes are None if its list has none."""
        try:
            manifest = json.loads((self.path / MANIFEST).read_bytes())
            self._stamp_before = manifest.get("stamp")
            files = manifest["files"]
            return {str(name): files[name] if isinstance(files, dict) else None for name in files}
        except FileNotFoundError:
            if self.path.exists() and any(self.path.iterdir()):
                message = (
                    f"{self.path} is not empty and is not a catalogue: name a new or an empty folder, "
                    "so that none of your files is overwritten."
                )
                raise CatalogueError(message) from None
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"{self.path / MANIFEST} is broken ({error}): remove the folder and build again."
            raise CatalogueError(message) from error

    def is_current(self) -> bool:
        """True if the folder holds the files of this very stamp, each of its size; they are `unchanged` then."""
        if self._stamp_before != self._stamp:
            return False
        for name, size in self._before.items():
            try:
                if (self.path / name).stat().st_size != size:
                    return False
            except OSError:
                return False
        self.unchanged = [*self._before, MANIFEST]
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write a file, unless it already has this content.

        Raises:
            CatalogueError: it cannot be written.
        """
        path = self.path / name
        self._sizes[name] = len(content)
        try:
            if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
                self.unchanged.append(name)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            # a server may be reading the folder: it must see either the old file or the new one
            temporary = path.with_name(f".{path.name}.tmp")
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise _unwritable(path, error) from error
        self.written.append(name)

    def close(self) -> None:
        """Remove the files that only an earlier build wrote, and write the list of the catalogue's files.

        Raises:
            CatalogueError: the folder cannot be written.
        """
        now = {*self.written, *self.unchanged}
        try:
            for name in sorted(self._before.keys() - now - {MANIFEST}):
                path = self.path / name
                if path.resolve().is_relative_to(self.path.resolve()):  # someone may have edited the list
                    path.unlink(missing_ok=True)
                    self.removed.append(name)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        manifest = {"stamp": self._stamp, "files": dict(sorted(self._sizes.items()))}
        self.write(MANIFEST, json.dumps(manifest, indent=0).encode())


def _unwritable(path: Path, error: OSError) -> CatalogueError:
    return CatalogueError(f"The catalogue cannot be written: {path}: {error.strerror}. Name another folder with --out.")
