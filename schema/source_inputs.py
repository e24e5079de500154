"""What clients send to register and update sources. Shapes only: `schema.registration` reads them."""

import strawberry
from strawberry import UNSET

import schema.enums  # noqa: F401 - exposes the enums that the types here name
from db.feeds import FeedAuthKind, FeedFormat, FeedPaginationKind
from db.sources import ConflictPolicy, DeletePolicy, Direction, DriftPolicy, Initial
from db.wire import ColumnType
from schema.scalars import JSON


@strawberry.input(description="A header that goes with every request to a feed.")
class HeaderInput:
    name: str = strawberry.field(description="The header's name.")
    value: str = strawberry.field(description="Its value; never shown again.")


@strawberry.input(description="How requests to a feed are authorised.")
class FeedAuthInput:
    kind: FeedAuthKind = strawberry.field(description="The kind of authorisation.")
    name: str | None = strawberry.field(default=UNSET, description="The header, query parameter or user, by kind.")
    secret: str = strawberry.field(description="The token, password or client secret; never shown again.")
    token_url: str | None = strawberry.field(default=UNSET, description="Where OAuth2 tokens are issued.")
    client_id: str | None = strawberry.field(default=UNSET, description="The OAuth2 client.")
    scope: str | None = strawberry.field(default=UNSET, description="The OAuth2 scope asked for.")


@strawberry.input(description="How a feed of several pages is read.")
class FeedPaginationInput:
    kind: FeedPaginationKind = strawberry.field(description="How the next page is found.")
    next: str | None = strawberry.field(default=UNSET, description="Where the document names the next page.")
    parameter: str | None = strawberry.field(default=UNSET, description="The query parameter that counts.")
    size: int | None = strawberry.field(default=UNSET, description="Records a page.")
    max_pages: int | None = strawberry.field(default=1000, description="More pages than this fail the read.")


@strawberry.input(
    description="A request to a feed. {column} in the URL is replaced by the row's value, percent-encoded."
)
class FeedRequestInput:
    method: str = strawberry.field(description="The HTTP method.")
    url: str = strawberry.field(description="The URL template.")


@strawberry.input(description="How rows are written to a feed.")
class FeedWriteInput:
    upsert: FeedRequestInput | None = strawberry.field(default=UNSET, description="For new and changed rows.")
    insert: FeedRequestInput | None = strawberry.field(
        default=UNSET, description="For new rows; upsert then serves changed rows only."
    )
    delete: FeedRequestInput | None = strawberry.field(default=UNSET, description="For deleted rows.")
    batch_size: int | None = strawberry.field(default=1, description="Above 1, one request carries a list of records.")


@strawberry.input(description="A worksheet of a Google spreadsheet.")
class SheetInput:
    spreadsheet: str = strawberry.field(description="The spreadsheet's id or URL.")
    worksheet: str | None = strawberry.field(
        default=UNSET, description="The worksheet's title or gid; none: the first one."
    )
    header_row: int | None = strawberry.field(default=1, description="The row of the headers, counted from 1.")
    credential: str | None = strawberry.field(
        default=UNSET, description="A named credential; none: the server's own service account."
    )


@strawberry.input(description="A JSON or XML document behind a URL.")
class FeedInput:
    url: str = strawberry.field(description="Where the feed is.")
    format: FeedFormat | None = strawberry.field(
        default=UNSET, description="None: by Content-Type, then by the first byte."
    )
    records: str | None = strawberry.field(
        default=UNSET, description="JMESPath or XPath 1.0 to the list of records; none: found."
    )
    namespaces: JSON | None = strawberry.field(default=UNSET, description="Prefixes for XPath: prefix to namespace.")
    headers: list[HeaderInput] | None = strawberry.field(default=UNSET, description="Headers of every request.")
    auth: FeedAuthInput | None = strawberry.field(default=UNSET, description="How requests are authorised.")
    pagination: FeedPaginationInput | None = strawberry.field(default=UNSET, description="How further pages are read.")
    write: FeedWriteInput | None = strawberry.field(
        default=UNSET, description="How rows are written; none: the feed is read only."
    )


@strawberry.input(description="A column: overrides what is inferred.")
class ColumnInput:
    name: str = strawberry.field(description="The column's name in the table and in row values.")
    field: str | None = strawberry.field(
        default=UNSET, description="The header's text, or the JMESPath or XPath in a record."
    )
    type: ColumnType | None = strawberry.field(default=UNSET, description="None: inferred from the values.")
    read_only: bool | None = strawberry.field(default=UNSET, description="True: never written to the source.")
    format: str | None = strawberry.field(default=UNSET, description="How values are written in the source.")


@strawberry.input(description="A new source. An explicit null is the default.")
class RegisterSourceInput:
    name: str = strawberry.field(
        description="[a-z][a-z0-9_]{0,47}; names the source everywhere and, by default, its table."
    )
    description: str | None = strawberry.field(default=UNSET, description="For people.")
    sheet: SheetInput | None = strawberry.field(default=UNSET, description="Exactly one of sheet and feed.")
    feed: FeedInput | None = strawberry.field(default=UNSET, description="Exactly one of sheet and feed.")
    table: str | None = strawberry.field(
        default=UNSET, description='"table" or "schema.table"; created unless it exists. None: public.<name>.'
    )
    adopt: bool | None = strawberry.field(
        default=False, description="True binds to an existing table of yours; false refuses one that exists."
    )
    key: list[str] | None = strawberry.field(
        default=UNSET, description="The key's columns; none: a managed key column is added to the sheet."
    )
    columns: list[ColumnInput] | None = strawberry.field(default=UNSET, description="Overrides what is inferred.")
    direction: Direction | None = strawberry.field(default=Direction.TWO_WAY, description="Which side's edits travel.")
    poll_seconds: int | None = strawberry.field(
        default=30, description="Seconds between looks at the source; 1 or more."
    )
    conflict_policy: ConflictPolicy | None = strawberry.field(
        default=ConflictPolicy.DATABASE_WINS, description="Who wins a conflict."
    )
    delete_policy: DeletePolicy | None = strawberry.field(
        default=DeletePolicy.PROPAGATE, description="What a row's disappearance from the source does."
    )
    drift_policy: DriftPolicy | None = strawberry.field(
        default=DriftPolicy.ADD_COLUMNS, description="What a new column in the source does."
    )
    max_delete_share: float | None = strawberry.field(
        default=0.5, description="A run that would delete a larger share of either side holds the source."
    )
    initial: Initial | None = strawberry.field(
        default=Initial.MERGE, description="What the first run does where both sides have rows."
    )


@strawberry.input(description="Changed settings of a sheet. Absent keeps, null clears.")
class SheetUpdateInput:
    spreadsheet: str | None = strawberry.field(default=UNSET, description="Another spreadsheet's id or URL.")
    worksheet: str | None = strawberry.field(default=UNSET, description="Another worksheet's title or gid.")
    header_row: int | None = strawberry.field(default=UNSET, description="The row of the headers, counted from 1.")
    credential: str | None = strawberry.field(default=UNSET, description="A named credential; null: the server's own.")


@strawberry.input(description="Changed settings of a feed. Absent keeps, null clears.")
class FeedUpdateInput:
    url: str | None = strawberry.field(default=UNSET, description="Where the feed is.")
    format: FeedFormat | None = strawberry.field(default=UNSET, description="How it is written; null: found.")
    records: str | None = strawberry.field(default=UNSET, description="The path to the records; null: found.")
    namespaces: JSON | None = strawberry.field(default=UNSET, description="Prefixes for XPath.")
    headers: list[HeaderInput] | None = strawberry.field(default=UNSET, description="Headers of every request.")
    auth: FeedAuthInput | None = strawberry.field(default=UNSET, description="How requests are authorised.")
    pagination: FeedPaginationInput | None = strawberry.field(default=UNSET, description="How further pages are read.")
    write: FeedWriteInput | None = strawberry.field(default=UNSET, description="How rows are written.")


@strawberry.input(description="Changed settings of a source. Absent keeps, null clears what can be cleared.")
class UpdateSourceInput:
    description: str | None = strawberry.field(default=UNSET, description="For people.")
    sheet: SheetUpdateInput | None = strawberry.field(default=UNSET, description="The sheet's settings.")
    feed: FeedUpdateInput | None = strawberry.field(default=UNSET, description="The feed's settings.")
    columns: list[ColumnInput] | None = strawberry.field(
        default=UNSET, description="Columns to change; those not named stay as they are."
    )
    direction: Direction | None = strawberry.field(default=UNSET, description="Which side's edits travel.")
    poll_seconds: int | None = strawberry.field(default=UNSET, description="Seconds between looks at the source.")
    conflict_policy: ConflictPolicy | None = strawberry.field(default=UNSET, description="Who wins a conflict.")
    delete_policy: DeletePolicy | None = strawberry.field(
        default=UNSET, description="What a row's disappearance from the source does."
    )
    drift_policy: DriftPolicy | None = strawberry.field(
        default=UNSET, description="What a new column in the source does."
    )
    max_delete_share: float | None = strawberry.field(
        default=UNSET, description="A run that would delete a larger share of either side holds the source."
    )
