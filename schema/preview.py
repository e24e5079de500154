"""previewSource: what a registration would bind, and what is in its way. By POST alone: it has the server read."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from db.errors import BadUserInput
from db.sources import Column as StoredColumn
from schema.context import Info
from schema.registration import read_registration
from schema.scalars import JSON, BigInt
from schema.source_inputs import RegisterSourceInput
from schema.source_types import Column, SourcePreview
from sync.runs.preview import Counts, Preview, Previews

Wanted = Annotated[RegisterSourceInput, strawberry.argument(description="The source.")]


async def preview_source(info: Info, input: Wanted) -> SourcePreview:  # noqa: A002 - the contract's name
    """Reads it now; saves nothing."""
    info.context.principal.require_administering()
    context = info.context
    if context.by_get:
        raise BadUserInput("previewSource has the server read a source, which a link must not: send it by POST.")
    try:
        wanted = read_registration(input)
    except BadUserInput as error:
        return _shown(Preview((), (), (), 0, Counts(), [str(error)]))
    return _shown(await Previews(context.pool, context.registration, context.dry_runs.reader_of).of(wanted))


def _shown(preview: Preview) -> SourcePreview:
    return SourcePreview(
        columns=[_column(column, preview.key) for column in preview.columns],
        key=list(preview.key),
        rows=[JSON(row) for row in preview.rows],
        row_count=BigInt(preview.row_count),
        only_in_source=BigInt(preview.counts.only_in_source),
        only_in_database=BigInt(preview.counts.only_in_database),
        different=BigInt(preview.counts.different),
        problems=list(preview.problems),
    )


def _column(column: StoredColumn, key: Sequence[str]) -> Column:
    return Column(
        name=column.name,
        field=column.field,
        type=column.type,
        read_only=column.read_only,
        is_key=column.name in key,
    )
