"""What a look at a worksheet finds, for registration: its headers, and a sample of every cell below them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sync.values.infer import Sample


@dataclass(frozen=True, slots=True)
class InspectedColumn:
    """A column with a header. `letter` is its A1 letter; `samples` has a cell for each of `SheetInspection.rows`."""

    header: str
    letter: str
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class SheetInspection:
    """A worksheet as it stands. `rows` are the numbers (from 1) of its rows that aren't blank, below the header.

    `problems` say what keeps it from being bound (a blank header over data, a header that stands twice), each with
    its cell and what to do. `zone` is the spreadsheet's time zone. `reader` is our account's address where it may only
    read the spreadsheet.
    """

    spreadsheet: str
    title: str
    worksheet: str
    sheet_id: int
    zone: str
    header_row: int
    columns: Sequence[InspectedColumn]
    rows: Sequence[int]
    problems: Sequence[str]
    reader: str | None = None
