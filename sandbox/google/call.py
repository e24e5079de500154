"""One authenticated call, as the methods of the Sheets API see it."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sandbox.drive import Drive, Editor, File
from sandbox.google.document import Document
from sandbox.google.errors import invalid_fields, no_entity, no_permission
from sandbox.workbook.spreadsheet import Spreadsheet


@dataclass(frozen=True, slots=True)
class Call:
    """`argument` is what the path names below the spreadsheet: a range, a number. `query` keeps repeated names."""

    drive: Drive
    email: str
    file_id: str
    argument: str
    query: Mapping[str, Sequence[str]]
    body: Document

    def option(self, name: str, default: str = "") -> str:
        values = self.query.get(name)
        return values[-1] if values else default

    def number(self, name: str) -> int:
        """The argument, which must be a whole number; `name` is what Google calls it."""
        if re.fullmatch(r"-?[0-9]{1,10}", self.argument) is None:
            at = f"Invalid value at '{name}' (TYPE_INT32), \"{self.argument}\""
            raise invalid_fields([(name, at)])
        return int(self.argument)

    @property
    def editor(self) -> str | None:
        """Who edits, as protections see it: None for the file's owner, who may edit anything."""
        file = self.drive.files.get(self.file_id)
        owns = file is not None and any(owner.names(self.email) for owner in file.owners())
        return None if owns else self.email

    def file(self, writing: bool = False) -> File:
        """The spreadsheet that the call is about.

        Raises:
            EntityNotFound: there is none.
            PermissionDenied: it isn't shared with the account, or not for writing.
        """
        file = self.drive.files.get(self.file_id)
        if file is None:
            raise no_entity()
        if not (file.may_write(self.email) if writing else file.may_read(self.email)):
            raise no_permission()
        return file

    def edit(self) -> AbstractContextManager[Spreadsheet]:
        """A copy of the spreadsheet to change, as `Drive.edit` gives it."""
        return self.drive.edit(self.file_id, Editor(self.email))
