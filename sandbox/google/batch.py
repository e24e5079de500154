"""`spreadsheets.batchUpdate`: each kind of request has a function; all of them happen or none."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.google.document import Document
from sandbox.google.errors import NotSupported
from sandbox.google.json_value import JsonObject
from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.protection import check
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet


@dataclass(frozen=True, slots=True)
class Batch:
    """What a request works on. `editor` is the account, or None for who may edit anything: a person, the owner."""

    spreadsheet: Spreadsheet
    editor: str | None
    calculation: Calculation
    new_id: Callable[[], int]

    def may_write(self, sheet: Sheet, area: Area) -> None:
        """Raises InvalidArgument where the cells are protected against this editor."""
        check(self.spreadsheet.protections, self.editor, sheet.sheet_id, area)


Handler = Callable[[Batch, Document], JsonObject]

# What the API knows beside what the sandbox does, so that a misspelt kind is told from a missing one.
LACKING = frozenset(
    [
        "addBanding",
        "addChart",
        "addCommentReply",
        "addConditionalFormatRule",
        "addDataSource",
        "addSlicer",
        "cancelDataSourceRefresh",
        "deleteBanding",
        "deleteComment",
        "deleteCommentReply",
        "deleteConditionalFormatRule",
        "deleteDataSource",
        "deleteEmbeddedObject",
        "insertComment",
        "refreshDataSource",
        "updateBanding",
        "updateChartSpec",
        "updateCommentPost",
        "updateConditionalFormatRule",
        "updateDataSource",
        "updateEmbeddedObjectBorder",
        "updateEmbeddedObjectPosition",
        "updateSlicerSpec",
    ]
)


def apply(batch: Batch, requests: list[Document], handlers: dict[str, Handler]) -> list[JsonObject]:
    """The replies, in order.

    Raises:
        InvalidArgument: with the number and kind of the request that can't be done.
        NotSupported: Google can do it, the sandbox can't.
    """
    replies = []
    for index, request in enumerate(requests):
        if not request.fields:
            raise InvalidArgument(f"Invalid requests[{index}]: No request set.")
        kind = next(iter(request.fields))
        if kind in LACKING:
            raise NotSupported(f"requests[{index}].{kind}")
        try:
            replies.append(handlers[kind](batch, request.inner(kind)))
        except InvalidArgument as error:
            raise InvalidArgument(f"Invalid requests[{index}].{kind}: {error.message}") from error
    return replies
