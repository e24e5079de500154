"""Drive's marks of spreadsheets: the version of each, as last heard, so that nobody has to ask for it again.

A mark that is older than the values that are read after it is safe: what changed in between is read once more. So
what is known may be old, but a hint that a file differs voids it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DriveMark:
    """Drive's version of the file, which rises with every change, and the time of the last one."""

    version: str
    modified_at: datetime


class DriveMarks:
    """The newest mark of each file that one credential has seen, by the file's id.

    It counts as known only while somebody follows the file's changes.
    """

    def __init__(self) -> None:
        self._seen: dict[str, DriveMark] = {}
        self._followed: set[str] = set()

    def known(self, file: str) -> DriveMark | None:
        """The mark, if it is followed and nothing speaks against it."""
        return self._seen.get(file) if file in self._followed else None

    def seen(self, file: str) -> bool:
        """Whether there is a mark that nothing speaks against."""
        return file in self._seen

    def learn(self, file: str, mark: DriveMark) -> None:
        """Drive's answers may overtake each other: the newer one stays."""
        seen = self._seen.get(file)
        if seen is None or int(seen.version) < int(mark.version):
            self._seen[file] = mark

    def void(self, file: str) -> None:
        """Something says that the file may differ: ask."""
        self._seen.pop(file, None)

    def void_all(self) -> None:
        """Nothing is known any more."""
        self._seen.clear()

    def follow(self, files: Collection[str]) -> None:
        """The changes of these files are looked at from now on, and of no others."""
        self._followed = set(files)
