"""The drive: every spreadsheet, who may use it, and how it changed. No HTTP.

An edit works on a copy of the spreadsheet and takes effect as a whole: saved first, then seen, then told to listeners.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sandbox.workbook.calculation import Calculation
from sandbox.workbook.spreadsheet import Spreadsheet

SPREADSHEET_TYPE = "application/vnd.google-apps.spreadsheet"
_READERS = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")
_WRITERS = ("owner", "organizer", "fileOrganizer", "writer")


@dataclass(frozen=True, slots=True)
class Permission:
    """`kind` is user, group, domain or anyone; `who` an address, a domain, or empty for anyone."""

    permission_id: str
    kind: str
    role: str
    who: str

    def covers(self, email: str) -> bool:
        if self.kind == "anyone":
            return True
        return self.who == (email.rpartition("@")[2] if self.kind == "domain" else email)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes a spreadsheet: an account's address, or a person's name; `page` tells a person's open pages apart."""

    name: str
    page: str = ""


NOBODY = Editor("")


@dataclass(frozen=True, slots=True)
class File:
    """A spreadsheet as the drive knows it. `version` grows with every change, `change` is the number of the last one
    in the drive's own order, `editor` who made the last change to the spreadsheet since the sandbox started."""

    file_id: str
    spreadsheet: Spreadsheet
    permissions: tuple[Permission, ...]
    created: datetime
    modified: datetime
    version: int = 1
    change: int = 0
    trashed: bool = False
    parents: tuple[str, ...] = ("root",)
    editor: Editor = NOBODY

    @property
    def name(self) -> str:
        return self.spreadsheet.title

    def may_read(self, email: str) -> bool:
        return any(p.role in _READERS and p.covers(email) for p in self.permissions)

    def lists(self, email: str) -> bool:
        """Whether it is among the account's own files and those shared with it, and so among its changes.

        What is open to anyone with the link is in nobody's list.
        """
        return any(p.kind != "anyone" and p.role in _READERS and p.covers(email) for p in self.permissions)

    def may_write(self, email: str) -> bool:
        return any(p.role in _WRITERS and p.covers(email) for p in self.permissions)

    def owners(self) -> tuple[Permission, ...]:
        return tuple(p for p in self.permissions if p.role == "owner")


class Store(Protocol):
    """Where the drive keeps what must outlive the process. Each call is durable when it returns."""

    def save(self, old: File | None, new: File, removed: dict[str, int]) -> None: ...
    def forget(self, file: File, removed: dict[str, int]) -> None: ...


Listener = Callable[[File, File], None]


@dataclass(slots=True)
class Drive:
    """All files. `removed` has the change number at which a file was deleted for good."""

    store: Store
    clock: Callable[[], datetime]
    files: dict[str, File] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    removals: list[Callable[[File], None]] = field(default_factory=list)
    _calculations: dict[str, tuple[int, Calculation]] = field(default_factory=dict)

    @property
    def last_change(self) -> int:
        return max([0, *(file.change for file in self.files.values()), *self.removed.values()])

    def add(self, spreadsheet: Spreadsheet, permissions: tuple[Permission, ...], file_id: str | None = None) -> File:
        """A new file; `file_id` only where it must be a fixed one."""
        now = self.clock()
        file = File(
            file_id or f"1{secrets.token_urlsafe(32)}", spreadsheet, permissions, now, now, change=self.last_change + 1
        )
        self._put(None, file)
        return file

    @contextmanager
    def edit(self, file_id: str, editor: Editor = NOBODY) -> Iterator[Spreadsheet]:
        """A copy to change. Leaving the block makes it the spreadsheet; an exception leaves everything as it was."""
        draft = self.files[file_id].spreadsheet.copy()
        draft.year = self.clock().year
        yield draft
        self.touch(replace(self.files[file_id], spreadsheet=draft, editor=editor))

    def touch(self, new: File) -> File:
        """Takes in a changed file: version, time and change number move."""
        old = self.files[new.file_id]
        new = replace(new, version=old.version + 1, modified=self.clock(), change=self.last_change + 1)
        self._put(old, new)
        return new

    def remove(self, file_id: str) -> None:
        """Deletes a file for good."""
        file = self.files[file_id]
        removed = {**self.removed, file_id: self.last_change + 1}
        self.store.forget(file, removed)
        self.removed = removed
        del self.files[file_id]
        self._calculations.pop(file_id, None)
        for listener in self.removals:
            listener(file)

    def calculation(self, file: File) -> Calculation:
        """The results of the file's formulas, as of the state given."""
        version, calculation = self._calculations.get(file.file_id, (0, Calculation(self.clock)))
        if version != file.version or calculation.is_volatile:
            calculation.bring_up_to_date(file.spreadsheet)
            self._calculations[file.file_id] = (file.version, calculation)
        return calculation

    def _put(self, old: File | None, new: File) -> None:
        self.store.save(old, new, self.removed)
        self.files[new.file_id] = new
        for listener in self.listeners:
            listener(old or new, new)


def permission(kind: str, role: str, who: str) -> Permission:
    """A permission whose id is the same for the same subject, as Google's are."""
    if kind == "anyone":
        return Permission("anyoneWithLink", kind, role, who)
    digest = hashlib.sha256(f"{kind}:{who}".encode()).digest()
    return Permission(str(int.from_bytes(digest[:8]) % 10**20).zfill(20), kind, role, who)
