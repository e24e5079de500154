"""What a workbook refuses.

WorkbookError
├── InvalidArgument    the request is wrong; the message is Google's
└── NotFound           nothing has that id
"""


class WorkbookError(Exception):
    """A refusal whose message is meant for the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgument(WorkbookError):
    """The request is wrong, and nothing of it was done."""


class NotFound(WorkbookError):
    """Nothing has that id."""
