"""Tags: developer metadata that rowcast leaves at a sheet's columns, so that it knows them again by whatever header.

A tag is written by the column's place, which may be another column's by then. So it counts only once a reading shows
it at its column, found by the header; its id is stored with the source then. An id that nobody stored says nothing,
wherever it came from.
"""

import secrets
from collections.abc import Callable, Mapping, MutableSet, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from db.sources import Column, Direction, Source, SourceState
from sync.google.errors import GoogleBusy, GoogleRefused, WorksheetMoved
from sync.sheets.answer import TAG_KEY
from sync.sheets.binding import Bound
from sync.sheets.calls import SheetCalls
from sync.sheets.requests import Request
from sync.sheets.rows import Rows

log = structlog.get_logger(__name__)

NewTag = Callable[[], int]


def random_tag() -> int:
    """The id of a new tag, which no other metadata of the spreadsheet has."""
    return secrets.randbelow(2**31 - 1) + 1


class Tagger:
    """Tags the columns of one source, once; made anew for each reading.

    `refused` are the sources whose sheet takes no more metadata: they go by their headers until the next start.
    """

    def __init__(self, source: Source, refused: MutableSet[UUID], new_tag: NewTag = random_tag) -> None:
        self._source = source
        self._refused = refused
        self._new_tag = new_tag
        self._written: dict[str, int] = {}

    def wants(self, bound: Bound) -> bool:
        """Whether columns are to be tagged. Nothing is written to a sheet that is only read, or that is held."""
        source = self._source
        may_write = source.direction is not Direction.FROM_SOURCE and source.state is not SourceState.HELD
        return may_write and not self._written and source.id not in self._refused and bool(bound.untagged)

    async def tag(self, calls: SheetCalls, rows: Rows) -> None:
        """One call. What becomes of it shows in the next look."""
        self._written = {column.name: self._new_tag() for column, _ in rows.bound.untagged}
        requests = tag_requests(rows.grid.sheet_id, self._source.name, rows.bound.untagged, self._written)
        try:
            await calls.write_batch(requests)
        except GoogleRefused as error:
            self._refused.add(self._source.id)
            log.warning("columns can't be tagged; they are found by their headers", reason=error.reason)
        except (GoogleBusy, WorksheetMoved) as error:
            log.info("columns may not have been tagged; the next run tries again", reason=str(error))

    def tagged(self, rows: Rows) -> tuple[Column, ...]:
        """All of the source's columns, with the tags that arrived where they were meant to be."""
        return tuple(_with_tag(column, self._written, rows) for column in rows.bound.seen)


def _with_tag(column: Column, written: Mapping[str, int], rows: Rows) -> Column:
    tag = written.get(column.name)
    if tag is None or rows.grid.tags.get(tag) != rows.bound.places.get(column.name, -1):
        return column
    return replace(column, tag=tag)


def tag_requests(
    sheet_id: int, source: str, columns: Sequence[tuple[Column, int]], ids: Mapping[str, int]
) -> list[Request]:
    """Of `batchUpdate`: a developer metadata at each column, with the column's name for people to see."""
    return [
        {
            "createDeveloperMetadata": {
                "developerMetadata": {
                    "metadataId": ids[column.name],
                    "metadataKey": TAG_KEY,
                    "metadataValue": f"{source}.{column.name}",
                    "visibility": "DOCUMENT",
                    "location": {
                        "dimensionRange": {
                            "sheetId": sheet_id,
                            "dimension": "COLUMNS",
                            "startIndex": place,
                            "endIndex": place + 1,
                        }
                    },
                }
            }
        }
        for column, place in columns
    ]
