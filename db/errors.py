"""The one error tree of rowcast. Each error says what to do; `code` is what GraphQL clients see.

    RowcastError
    ├── BadUserInput          the caller can mend it by calling differently
    ├── Unauthenticated       no token, or one that is not in use
    ├── Forbidden             the principal may not do that
    ├── NotFound              no such source, row, run, conflict, failure
    ├── Conflict              the state does not allow it now
    ├── CursorExpired         the log no longer reaches back to the cursor
    ├── LimitExceeded         a documented limit was passed
    ├── RateLimited           too many operations in too short a time; try again a little later
    ├── SourceUnreachable     the sheet or feed can't be read or written
    └── Unavailable           the process can't serve this now; try again
        └── LeadershipLost    this process no longer holds the lease: stop, write nothing

Never raised: a bare RowcastError. Anything else that escapes is a bug, and is answered as INTERNAL.
"""

from typing import ClassVar


class RowcastError(Exception):
    """An error whose message is meant for the caller."""

    code: ClassVar[str]


class BadUserInput(RowcastError):
    code = "BAD_USER_INPUT"


class Unauthenticated(RowcastError):
    code = "UNAUTHENTICATED"


class Forbidden(RowcastError):
    code = "FORBIDDEN"


class NotFound(RowcastError):
    code = "NOT_FOUND"


class Conflict(RowcastError):
    code = "CONFLICT"


class CursorExpired(RowcastError):
    code = "CURSOR_EXPIRED"


class LimitExceeded(RowcastError):
    code = "LIMIT_EXCEEDED"


class RateLimited(RowcastError):
    """`after_s`: then it may be tried again."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class SourceUnreachable(RowcastError):
    """`rest_s`: for so long the source is to be left alone."""

    code = "SOURCE_UNREACHABLE"

    def __init__(self, message: str, *, rest_s: float = 0.0) -> None:
        super().__init__(message)
        self.rest_s = rest_s


class Unavailable(RowcastError):
    code = "UNAVAILABLE"


class LeadershipLost(Unavailable):
    """The lease went to another process: whatever was under way must stop without a write."""
