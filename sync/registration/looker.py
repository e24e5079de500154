"""Looks at the sheet or feed that is to be a source, and at what is in its way. Nothing is written here but the header
of a managed key column. Plans are made of every value that is there, which takes long: so in a thread.
"""

from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass, replace

from db.errors import BadUserInput
from db.session import Pool
from db.sources import Source, all_sources, source_by_name, sources_of_relation
from db.tables import Relation, Table, describe
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.registration.feed import BoundFeed, check_feed
from sync.registration.feed_plan import bind_feed, direction_of, draft_feed, plan_feed
from sync.registration.input import RegisterSource, WantedSheet, check_registration
from sync.registration.look import (
    FEED_TAKEN,
    TAKEN,
    Draft,
    Look,
    Noted,
    Place,
    SourceAccess,
    adoptable,
    binding_of,
    new_source,
    place_of,
    refuse_other_keys,
)
from sync.registration.plan import draft_registration, plan_registration


@dataclass(frozen=True, slots=True)
class Looker:
    """`look` refuses with BadUserInput; `draft` says all that would be refused."""

    pool: Pool
    access: SourceAccess

    async def look(self, wanted: RegisterSource, relation: Relation) -> Look:
        """What to bind, with a managed key's header in the sheet."""
        await self._refuse_taken(wanted.name)
        if wanted.feed is not None:
            return await self._look_at_feed(wanted, wanted.feed, relation)
        assert wanted.sheet is not None
        return await self._look_at_sheet(wanted, wanted.sheet, relation)

    async def draft(self, wanted: RegisterSource) -> Draft:
        """What `register` would bind, and all that it would refuse it for; nothing is written."""
        problems: list[str] = []
        with Noted(problems):
            check_registration(wanted)
            await self._refuse_taken(wanted.name)
        relation, table = Relation("public", wanted.name), None
        with Noted(problems):
            relation = Relation.parse(wanted.table or wanted.name)
            table = await self._adoptable(relation, wanted)
        if wanted.feed is not None:
            return await self._draft_feed(wanted, wanted.feed, relation, table, problems)
        assert wanted.sheet is not None
        return await self._draft_sheet(wanted, wanted.sheet, relation, table, problems)

    async def _draft_sheet(
        self, wanted: RegisterSource, sheet: WantedSheet, relation: Relation, table: Table | None, problems: list[str]
    ) -> Draft:
        inspected = None
        with Noted(problems):
            inspected = await self.access.inspect(sheet)
        if inspected is None:
            return Draft(problems)
        planned, found = await to_thread(draft_registration, wanted, inspected, table)
        look = Look(planned, wanted.direction, sheet=binding_of(inspected, sheet.credential))
        problems += found
        source = await self._drafted(wanted, relation, look, problems)
        return Draft(problems, planned.columns, planned.key, len(inspected.rows), source, inspected)

    async def _draft_feed(
        self, wanted: RegisterSource, feed: WantedFeed, relation: Relation, table: Table | None, problems: list[str]
    ) -> Draft:
        inspected = None
        with Noted(problems):
            check_feed(feed)
            wanted = replace(wanted, direction=direction_of(wanted, feed))
            inspected = await self._inspect_feed(wanted, feed, table)
        if inspected is None:
            return Draft(problems)
        planned, found = await to_thread(draft_feed, wanted, inspected, table)
        look = Look(planned, wanted.direction, feed=BoundFeed(bind_feed(feed, inspected), feed.secrets))
        problems += found
        source = await self._drafted(wanted, relation, look, problems)
        return Draft(problems, planned.columns, planned.key, inspected.count, source, secrets=feed.secrets)

    async def _drafted(
        self, wanted: RegisterSource, relation: Relation, look: Look, problems: list[str]
    ) -> Source | None:
        """The source that it would be, unless anything is in the way."""
        with Noted(problems):
            if look.sheet is not None:
                await self._refuse_taken_place(place_of(look.sheet), TAKEN)
            if look.feed is not None:
                await self._refuse_taken_place(place_of(look.feed.binding), FEED_TAKEN)
            await self._refuse_other_key(relation, look.planned.key)
        return None if problems else new_source(wanted, relation, look)

    async def _look_at_sheet(self, wanted: RegisterSource, sheet: WantedSheet, relation: Relation) -> Look:
        inspected = await self.access.inspect(sheet)
        table = await self._adoptable(relation, wanted)
        planned = await to_thread(plan_registration, wanted, inspected, table)
        binding = binding_of(inspected, sheet.credential)
        await self._refuse_taken_place(place_of(binding), TAKEN)
        if planned.managed_key:
            await self.access.add_managed_key(binding)
        return Look(planned, wanted.direction, sheet=binding)

    async def _look_at_feed(self, wanted: RegisterSource, feed: WantedFeed, relation: Relation) -> Look:
        check_feed(feed)
        wanted = replace(wanted, direction=direction_of(wanted, feed))
        table = await self._adoptable(relation, wanted)
        inspected = await self._inspect_feed(wanted, feed, table)
        planned = await to_thread(plan_feed, wanted, inspected, table)
        bound = BoundFeed(bind_feed(feed, inspected), feed.secrets)
        await self._refuse_taken_place(place_of(bound.binding), FEED_TAKEN)
        return Look(planned, wanted.direction, feed=bound)

    async def _inspect_feed(self, wanted: RegisterSource, feed: WantedFeed, table: Table | None) -> FeedInspection:
        keyed = wanted.key or (table.primary_key if table is not None else None) or ()
        extra = [column.field for column in wanted.columns if column.field is not None]
        return await self.access.inspect_feed(feed, extra, keyed)

    async def _adoptable(self, relation: Relation, wanted: RegisterSource) -> Table | None:
        async with self.pool.connection() as connection:
            return adoptable(relation, await describe(connection, relation), adopt=wanted.adopt)

    async def _refuse_taken(self, name: str) -> None:
        """Before the sheet is asked; the unique index decides in the end."""
        async with self.pool.connection() as connection:
            if await source_by_name(connection, name) is not None:
                raise BadUserInput(f'There is a source "{name}" already: choose another name, or updateSource.')

    async def _refuse_taken_place(self, place: Place, message: str) -> None:
        """Before a key column is written to a worksheet of another source."""
        async with self.pool.connection() as connection:
            sources = await all_sources(connection)
        if any(place_of(source.sheet or source.feed) == place for source in sources):
            raise BadUserInput(message)

    async def _refuse_other_key(self, relation: Relation, key: Sequence[str]) -> None:
        async with self.pool.connection() as connection:
            refuse_other_keys(relation, key, await sources_of_relation(connection, str(relation)))
