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
        return self.kind == "anyone" or self.names(email)

    def names(self, email: str) -> bool:
        """Whether it is given to the account, or to its domain."""
        subject = email.rpartition("@")[2] if self.kind == "domain" else email
        return self.kind != "anyone" and self.who.lower() == subject.lower()


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
        return any(p.role in _READERS and p.names(email) for p in self.permissions)

    def may_write(self, email: str) -> bool:
        return any(p.role in _WRITERS and p.covers(email) for p in self.permissions)

    def owners(self) -> tuple[Permission, ...]:
        return tuple(p for p in self.permissions if p.role == "owner")


@dataclass(frozen=True, slots=True)
class Loss:
    """A file went for whom these permissions were given: it was deleted for good, or is shared with them no more.
    `change` is the number of that change."""

    file_id: str
    permissions: tuple[Permission, ...]
    change: int
    time: datetime


class Store(Protocol):
    """Where the drive keeps what must outlive the process. Each call is durable when it returns."""

    def save(self, old: File | None, new: File, loss: Loss | None) -> None: ...
    def forget(self, file: File, loss: Loss) -> None: ...


Listener = Callable[[File, File], None]


@dataclass(slots=True)
class Drive:
    """All files, and which ones went for whom."""

    store: Store
    clock: Callable[[], datetime]
    files: dict[str, File] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    removals: list[Callable[[File], None]] = field(default_factory=list)
    _calculations: dict[str, tuple[int, Calculation]] = field(default_factory=dict)

    @property
    def last_change(self) -> int:
        return max([0, *(file.change for file in self.files.values()), *(loss.change for loss in self.losses)])

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
        """Takes in a changed file: version and change number move, and with its contents or name the time."""
        old, now = self.files[new.file_id], self.clock()
        modified = old.modified if new.spreadsheet is old.spreadsheet else now
        new = replace(new, version=old.version + 1, modified=modified, change=self.last_change + 1)
        kept = {entry.permission_id for entry in new.permissions}
        withdrawn = tuple(entry for entry in old.permissions if entry.permission_id not in kept)
        self._put(old, new, Loss(new.file_id, withdrawn, new.change, now) if withdrawn else None)
        return new

    def remove(self, file_id: str) -> None:
        """Deletes a file for good."""
        file = self.files[file_id]
        loss = self._loss(file)
        self.store.forget(file, loss)
        del self.files[file_id]
        self._removed(file, loss)

    def renew(self, spreadsheet: Spreadsheet, permissions: tuple[Permission, ...], file_id: str) -> File:
        """Deletes a file for good, and adds another one under its id. Rows that both share are written no more."""
        old, now = self.files[file_id], self.clock()
        loss = self._loss(old)
        new = File(file_id, spreadsheet, permissions, now, now, change=loss.change + 1)
        self.store.save(old, new, loss)
        self._removed(old, loss)
        self.files[file_id] = new
        for listener in self.listeners:
            listener(new, new)
        return new

    def calculation(self, file: File) -> Calculation:
        """The results of the file's formulas, as of the state given."""
        version, calculation = self._calculations.get(file.file_id, (0, Calculation(self.clock)))
        if version != file.version or calculation.is_volatile:
            calculation.bring_up_to_date(file.spreadsheet)
            self._calculations[file.file_id] = (file.version, calculation)
        return calculation

    def lost(self, email: str, since: int) -> list[Loss]:
        """What went for an account since that change, the last time of each file that it hasn't got again."""
        found = {
            loss.file_id: loss
            for loss in self.losses
            if loss.change >= since and any(entry.names(email) for entry in loss.permissions)
        }
        has = {file.file_id for file in self.files.values() if file.lists(email)}
        return [loss for loss in found.values() if loss.file_id not in has]

    def _loss(self, file: File) -> Loss:
        return Loss(file.file_id, file.permissions, self.last_change + 1, self.clock())

    def _removed(self, file: File, loss: Loss) -> None:
        self.losses.append(loss)
        self._calculations.pop(file.file_id, None)
        for listener in self.removals:
            listener(file)

    def _put(self, old: File | None, new: File, loss: Loss | None = None) -> None:
        self.store.save(old, new, loss)
        if loss is not None:
            self.losses.append(loss)
        self.files[new.file_id] = new
        for listener in self.listeners:
            listener(old or new, new)


def permission(kind: str, role: str, who: str) -> Permission:
    """A permission whose id is the same for the same subject, as Google's are."""
    if kind == "anyone":
        return Permission("anyoneWithLink", kind, role, who)
    digest = hashlib.sha256(f"{kind}:{who.lower()}".encode()).digest()
    return Permission(str(int.from_bytes(digest[:8]) % 10**20).zfill(20), kind, role, who)
