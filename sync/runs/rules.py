"""The rules of a run: what holds for every row of a source, as it was read. Pure."""

from db.sources import Direction, Side, Source
from sync.feeds.mapping import feed_mapping
from sync.merge.plan import Rules
from sync.sheets.mapping import SheetMapping
from sync.source import Reading

_OVERWRITING = {Side.SOURCE: Direction.FROM_SOURCE, Side.DATABASE: Direction.TO_SOURCE}


def rules_of(
    source: Source, reading: Reading, generated: frozenset[str], *, first: bool, winner: Side | None = None
) -> Rules:
    """`generated` are the table's own columns, `first` whether nothing was ever merged; `winner` overwrites the other
    side, as if the source had always been synced in that direction."""
    by_name = {column.name: column for column in source.columns}
    return Rules(
        columns=tuple(column for column in source.bound if column.name not in source.key),
        key=tuple(by_name[name] for name in source.key),
        direction=source.direction if winner is None else _OVERWRITING[winner],
        policy=source.conflict_policy,
        mapping=SheetMapping(reading.zone) if source.feed is None else feed_mapping(source.feed.format),
        generated=generated,
        first=first,
        deletes=source.delete_policy,
        overwrite=winner is not None,
    )
