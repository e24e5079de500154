"""The enums of the contract: those of the layers below, with their descriptions, and those that only clients need."""

from collections.abc import Mapping
from enum import Enum, StrEnum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from db.changes import Cause, Operation
from db.conflicts import ConflictChoice, ConflictKind, ConflictState
from db.events import EventKind
from db.failures import FailureState
from db.feeds import FeedAuthKind, FeedFormat, FeedPaginationKind
from db.runs import RunState, RunTrigger
from db.sources import ConflictPolicy, DeletePolicy, Direction, DriftPolicy, Initial, Side, SourceKind, SourceState
from db.wire import ColumnType


class OrderDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


class Role(StrEnum):
    ADMIN = "ADMIN"
    EDITOR = "EDITOR"
    VIEWER = "VIEWER"


def _expose(enum: type[Enum], description: str, values: Mapping[str, str]) -> None:
    strawberry.enum(enum, description=description)
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


_expose(
    SourceKind,
    "What a source is.",
    {"SHEET": "A worksheet of a Google spreadsheet.", "FEED": "A JSON or XML document behind a URL."},
)
_expose(
    SourceState,
    "How a source is doing.",
    {
        "ACTIVE": "It is kept in step.",
        "PAUSED": "Somebody paused it; resumeSource goes on.",
        "HELD": "The delete guard waits for confirmDeletes; nothing is written either way.",
        "FAILING": "It can't be read or written now; stateReason says why and what mends it. It is tried again.",
    },
)
_expose(
    Direction,
    "Which side's edits travel.",
    {
        "TWO_WAY": "Edits of either side reach the other.",
        "FROM_SOURCE": "The source decides; database edits to its columns are kept in history and reverted.",
        "TO_SOURCE": "The database decides; edits in the source are reverted.",
    },
)
_expose(
    ConflictPolicy,
    "Who wins where both sides changed the same cell to different values. Every conflict is recorded.",
    {
        "DATABASE_WINS": "The database's value goes to the source.",
        "SOURCE_WINS": "The source's value goes to the database.",
        "LATEST_WINS": "The later edit, as far as the times are known; a tie goes to the database.",
        "MANUAL": "Neither, until resolveConflict; the row's other cells go on.",
    },
)
_expose(
    DeletePolicy,
    "What a row's disappearance from the source does.",
    {
        "PROPAGATE": "The row is deleted from the table too.",
        "SOFT": "The row stays in the table with deleted_at set.",
        "IGNORE": "The row stays, marked as absent in the source.",
    },
)
_expose(
    DriftPolicy,
    "What a new column in the source does.",
    {"ADD_COLUMNS": "It is added to the table.", "STRICT": "It is reported, and left alone."},
)
_expose(
    Initial,
    "What the first run does where both sides have rows.",
    {
        "MERGE": "Rows are merged by key.",
        "SOURCE": "The source overwrites the table.",
        "DATABASE": "The table overwrites the source.",
    },
)
_expose(Side, "One of the two sides that are kept in step.", {"SOURCE": "The sheet or feed.", "DATABASE": "The table."})
_expose(
    ColumnType,
    "The type of a column. Postgres types outside this list count as TEXT, as Postgres prints them.",
    {
        "TEXT": "A string.",
        "INTEGER": "A whole number that fits 32 bits; a JSON number.",
        "BIGINT": "A whole number that fits 64 bits; an exact string in JSON.",
        "FLOAT": 'A double; a JSON number, or "NaN", "Infinity", "-Infinity".',
        "NUMERIC": "An exact decimal number; a string in JSON.",
        "BOOLEAN": "true or false.",
        "DATE": "A calendar day, ISO 8601.",
        "TIME": "A time of day without a zone, ISO 8601.",
        "TIMESTAMP": "A date and time without a zone, ISO 8601.",
        "TIMESTAMPTZ": "An instant, ISO 8601 with an offset.",
        "UUID": "A UUID in lower case.",
        "JSON": "Any JSON value.",
    },
)
_expose(FeedFormat, "How a feed is written.", {"JSON": "A JSON document.", "XML": "An XML document."})
_expose(
    FeedAuthKind,
    "How requests to a feed are authorised.",
    {
        "BEARER": "Authorization: Bearer, with the secret.",
        "HEADER": "The secret in the header `name`.",
        "QUERY": "The secret in the query parameter `name`.",
        "BASIC": "HTTP Basic with the user `name`.",
        "OAUTH2_CLIENT_CREDENTIALS": "A token from `tokenUrl` for `clientId`.",
    },
)
_expose(
    FeedPaginationKind,
    "How a feed's next page is found.",
    {
        "LINK_HEADER": "The Link header with rel=next.",
        "NEXT_URL": "A URL in the document, at `next`.",
        "PAGE": "The query parameter counts pages from 1.",
        "OFFSET": "The query parameter counts records.",
        "CURSOR": "The query parameter carries the value at `next`.",
    },
)
_expose(
    OrderDirection,
    "A direction of ordering.",
    {"ASC": "Smallest first, NULL last.", "DESC": "Largest first, NULL first."},
)
_expose(
    Operation,
    "What happened to a row.",
    {
        "INSERT": "It is new, or new to the filter.",
        "UPDATE": "It changed.",
        "DELETE": "It is gone, or gone from the filter.",
        "TRUNCATE": "The whole table was emptied.",
    },
)
_expose(
    Cause,
    "Where a commit came from. For people to read.",
    {
        "SOURCE": "A run brought an edit of the source.",
        "API": "A mutation of this API.",
        "SQL": "Anybody else who wrote to the database.",
        "ROLLBACK": "A rollback to an earlier state.",
    },
)
_expose(
    ConflictState,
    "Whether a conflict is settled.",
    {"OPEN": "It waits for somebody.", "RESOLVED": "A policy, a person or the sides themselves settled it."},
)
_expose(
    ConflictKind,
    "What conflicts.",
    {
        "CELL": "Both sides changed one cell to different values.",
        "EDIT_DELETE": "One side edited the row that the other deleted.",
        "INSERT_INSERT": "Both sides have a new row of the same key with different values.",
    },
)
_expose(
    ConflictChoice,
    "How a conflict is settled.",
    {"DATABASE": "By the table's value.", "SOURCE": "By the source's value.", "VALUE": "By a given value."},
)
_expose(
    FailureState,
    "What becomes of a failure.",
    {
        "OPEN": "It waits until its value changes.",
        "RETRYING": "It is being tried again.",
        "RESOLVED": "It went away.",
        "DISCARDED": "Somebody gave it up.",
    },
)
_expose(
    RunState,
    "The outcome of a run.",
    {
        "RUNNING": "It is under way.",
        "SUCCEEDED": "Both sides agree, but for what conflicts and failures name.",
        "PARTIAL": "Something was left for the next run.",
        "FAILED": "It ended early; message says why.",
        "HELD": "It would have deleted too much, and wrote nothing.",
        "UNCHANGED": "Nothing had changed on either side.",
    },
)
_expose(
    RunTrigger,
    "What made a run begin.",
    {
        "START": "The process began to lead.",
        "SCHEDULE": "The poll interval.",
        "HOOK": "A hook said that the source changed.",
        "CHANGE": "A commit to the table.",
        "MANUAL": "Somebody asked for it.",
    },
)
_expose(
    EventKind,
    "What an event tells of.",
    {
        "RUN_STARTED": "A run began.",
        "RUN_PROGRESS": "How far a long run has come.",
        "RUN_FINISHED": "A run ended.",
        "CONFLICT": "A conflict was found or settled.",
        "FAILURE": "A failure was found or went away.",
        "DRIFT": "The source's columns changed.",
        "STATE": "A source's state or registration changed.",
        "SYSTEM": "The server itself: leadership, the replication slot, the log.",
    },
)
_expose(
    Role,
    "What a principal may do.",
    {"ADMIN": "Everything.", "EDITOR": "Read and write rows.", "VIEWER": "Read rows."},
)
