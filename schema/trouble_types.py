"""What waits for people, as they see it: conflicts and failures."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from db.conflicts import ConflictChoice, ConflictKind, ConflictRecord, ConflictState
from db.failures import Failure as StoredFailure
from db.failures import FailureState
from db.paging import Page
from db.sources import Side, Source
from schema.keys import key_object
from schema.paging import encode_after
from schema.scalars import JSON


@strawberry.type(description="Both sides changed the same thing to different values.")
class Conflict:
    id: strawberry.ID = strawberry.field(description="Names it for resolveConflict.")
    source: str = strawberry.field(description="The source's name.")
    key: JSON = strawberry.field(description="The row's key.")
    kind: ConflictKind = strawberry.field(description="What conflicts.")
    column: str | None = strawberry.field(description="The cell's column; null where the whole row conflicts.")
    base: JSON | None = strawberry.field(description="The value that both sides last agreed on.")
    database: JSON | None = strawberry.field(description="The table's value, when it was found.")
    source_value: JSON | None = strawberry.field(description="The source's value, when it was found.")
    state: ConflictState = strawberry.field(description="Whether it is settled.")
    resolution: ConflictChoice | None = strawberry.field(
        description="How it was settled; null where the sides came to agree by themselves."
    )
    detected_at: datetime = strawberry.field(description="When it was found.")
    resolved_at: datetime | None = strawberry.field(description="When it was settled.")
    resolved_by: str | None = strawberry.field(description="Who or what settled it.")

    @classmethod
    def of(cls, record: ConflictRecord, source: Source) -> Self:
        resolved = record.state is ConflictState.RESOLVED
        return cls(
            id=strawberry.ID(str(record.id)),
            source=record.source,
            key=key_object(source, record.key),
            kind=record.kind,
            column=record.column,
            base=_json(record.base),
            database=_json(record.database),
            source_value=_json(record.source_value),
            state=record.state,
            resolution=record.resolution,
            detected_at=record.detected_at,
            resolved_at=record.resolved_at,
            resolved_by=record.resolved_by if resolved else None,
        )


@strawberry.type(description="A page of conflicts, newest first.")
class ConflictConnection:
    nodes: list[Conflict] = strawberry.field(description="The conflicts.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    total_count: int = strawberry.field(description="How many there are, on all pages.")

    @classmethod
    def of(cls, page: Page[ConflictRecord], sources: Mapping[UUID, Source]) -> Self:
        return cls(
            nodes=[Conflict.of(record, sources[record.source_id]) for record in page.nodes],
            end_cursor=encode_after("conflicts", [page.nodes[-1].id]) if page.nodes else None,
            has_next_page=page.has_next_page,
            total_count=page.total,
        )


@strawberry.type(description="A cell, row or request that can't go through. It waits; everything else goes on.")
class Failure:
    id: strawberry.ID = strawberry.field(description="Names it.")
    source: str = strawberry.field(description="The source's name.")
    key: JSON | None = strawberry.field(description="The row's key, where it is known.")
    column: str | None = strawberry.field(description="The column, where it is one cell.")
    address: str | None = strawberry.field(description="The cell or the path in the feed.")
    side: Side = strawberry.field(
        description="The side that can't take the value: DATABASE where a cell of the source is no value of its column."
    )
    value: JSON | None = strawberry.field(description="The value.")
    code: str = strawberry.field(description="The kind of failure, for programs.")
    message: str = strawberry.field(description="What is wrong and what mends it.")
    attempts: int = strawberry.field(description="How often it was tried.")
    state: FailureState = strawberry.field(description="What becomes of it.")
    first_at: datetime = strawberry.field(description="When it failed first.")
    last_at: datetime = strawberry.field(description="When it failed last.")

    @classmethod
    def of(cls, failure: StoredFailure, source: Source) -> Self:
        return cls(
            id=strawberry.ID(str(failure.id)),
            source=failure.source,
            key=None if failure.key is None else key_object(source, failure.key),
            column=failure.column,
            address=failure.address,
            side=failure.side,
            value=_json(failure.value),
            code=failure.code,
            message=failure.message,
            attempts=failure.attempts,
            state=failure.state,
            first_at=failure.first_at,
            last_at=failure.last_at,
        )


@strawberry.type(description="A page of failures, newest first.")
class FailureConnection:
    nodes: list[Failure] = strawberry.field(description="The failures.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for the next page.")
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    total_count: int = strawberry.field(description="How many there are, on all pages.")

    @classmethod
    def of(cls, page: Page[StoredFailure], sources: Mapping[UUID, Source]) -> Self:
        return cls(
            nodes=[Failure.of(failure, sources[failure.source_id]) for failure in page.nodes],
            end_cursor=encode_after("failures", [page.nodes[-1].id]) if page.nodes else None,
            has_next_page=page.has_next_page,
            total_count=page.total,
        )


def _json(value: object) -> JSON | None:
    return None if value is None else JSON(value)
