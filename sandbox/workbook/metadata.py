"""Developer metadata: notes that programs attach to a spreadsheet, a sheet, a row or a column; they move along."""

from dataclasses import dataclass

from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.shifts import Dimension

MAX_CHARACTERS = 30_000


@dataclass(frozen=True, slots=True)
class Location:
    """Where metadata is attached: nothing set is the spreadsheet, `sheet_id` alone a sheet, all set rows or columns."""

    sheet_id: int | None = None
    dimension: Dimension | None = None
    start: int = 0
    end: int = 0

    @property
    def kind(self) -> str:
        if self.sheet_id is None:
            return "SPREADSHEET"
        if self.dimension is None:
            return "SHEET"
        return "ROW" if self.dimension is Dimension.ROWS else "COLUMN"


@dataclass(frozen=True, slots=True)
class DeveloperMetadata:
    """`visibility` is DOCUMENT or PROJECT; a key may be used many times."""

    metadata_id: int
    key: str
    value: str
    visibility: str
    location: Location


def check_size(metadata: dict[int, DeveloperMetadata]) -> None:
    """Raises InvalidArgument where a sheet, or the spreadsheet itself, carries more than Google allows."""
    totals: dict[int | None, int] = {}
    for entry in metadata.values():
        sheet_id = entry.location.sheet_id
        totals[sheet_id] = totals.get(sheet_id, 0) + len(entry.key) + len(entry.value)
    if any(total > MAX_CHARACTERS for total in totals.values()):
        raise InvalidArgument(f"Developer metadata exceeds the limit of {MAX_CHARACTERS} characters.")
