"""Registering, changing and ending sources: what any API process may do, in one transaction each.

A source exists once its table, its place in the publication and its binding do; the import is the first run, which the
leader is woken for. The only thing ever written to a sheet here is the header of a managed key column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from secrets import token_urlsafe
from uuid import UUID

from psycopg import errors

from db.errors import BadUserInput, Conflict, NotFound
from db.events import EventKind, insert_event
from db.feeds import FeedBinding, FeedSecrets
from db.log import log_state
from db.notify import notify_deleted, wake
from db.secrets import Keyring, delete_secrets, feed_secrets, store_feed_secrets, store_hook_secret
from db.session import Connection, Pool
from db.sources import (
    DeletePolicy,
    Direction,
    Initial,
    SheetBinding,
    Side,
    Source,
    SourceState,
    all_sources,
    delete_source,
    insert_source,
    lock_relation,
    set_state,
    source_by_name,
    source_to_change,
    sources_of_relation,
    update_source,
)
from db.sync_requests import request_sync, withdraw_all
from db.tables import (
    PUBLICATION,
    Relation,
    Table,
    add_column,
    alter_column,
    create_table,
    describe,
    drop_table,
    publish,
    set_default_key,
    unpublish,
)
from db.wire import SQL_TYPES
from sync.absent import ABSENT
from sync.feeds.input import UpdateFeed, WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.registration.change import moved, refuse_nulls, twice_in, with_changes
from sync.registration.feed import BoundFeed, check_feed, moved_feed, rebound_feed, write_problems
from sync.registration.feed_plan import bind_feed, direction_of, draft_feed, plan_feed
from sync.registration.input import (
    RegisterSource,
    UpdateSheet,
    UpdateSource,
    WantedSheet,
    check_registration,
    check_settings,
)
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
    exists,
    new_source,
    place_of,
    refuse_other_keys,
    taken,
)
from sync.registration.plan import draft_registration, plan_registration
from sync.registration.table import listed
from sync.soft_delete import MARK, soft_problems, without_mark


@dataclass(frozen=True, slots=True)
class Registration:
    """The service that the GraphQL mutations call."""

    pool: Pool
    keyring: Keyring
    access: SourceAccess

    async def register(self, wanted: RegisterSource) -> Source:
        """Create the source, its table unless it adopts one, and its place in the publication."""
        check_registration(wanted)
        relation = Relation.parse(wanted.table or wanted.name)
        await self._refuse_taken(wanted.name)
        if wanted.feed is not None:
            look = await self._look_at_feed(wanted, wanted.feed, relation)
        else:
            assert wanted.sheet is not None
            look = await self._look_at_sheet(wanted, wanted.sheet, relation)
        source = new_source(wanted, relation, look)
        try:
            async with self.pool.connection() as connection:
                await self._create(connection, source, relation)
                if look.feed is not None and look.feed.secrets is not None:
                    await store_feed_secrets(connection, self.keyring, source.id, look.feed.secrets)
        except errors.UniqueViolation as error:
            raise taken(error, source) from error
        except errors.DuplicateTable as error:
            raise BadUserInput(exists(relation)) from error
        except errors.UndefinedTable as error:
            raise Conflict(f"{relation} was dropped at the same moment: look at it, then try again.") from error
        except errors.InsufficientPrivilege as error:
            raise BadUserInput(
                f"Postgres does not let this server do it: {error.diag.message_primary}. "
                "Let its role, or let the table's owner publish the table."
            ) from error
        return source

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
        planned, found = draft_registration(wanted, inspected, table)
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
        planned, found = draft_feed(wanted, inspected, table)
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
        planned = plan_registration(wanted, inspected, await self._adoptable(relation, wanted))
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
        planned = plan_feed(wanted, inspected, table)
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

    async def update(self, name: str, wanted: UpdateSource) -> Source:
        """Change the settings that are given."""
        refuse_nulls(wanted)
        source = await self.get(name)
        kind, other = ("sheet", "feed") if source.sheet is not None else ("feed", "sheet")
        if getattr(wanted, other) is not ABSENT:
            raise BadUserInput(f"{name} is a {kind}, so it has no settings of a {other}: give those of its {kind}.")
        changed, secrets = await self._rebound(source, wanted)
        check_settings(changed.poll_seconds, changed.max_delete_share)
        if changed.managed_key and changed.direction is Direction.FROM_SOURCE:
            raise BadUserInput("FROM_SOURCE writes nothing to the sheet, and this sheet's key column is written by us.")
        try:
            async with self.pool.connection() as connection:
                now = await source_to_change(connection, source.id)
                if now is None or _settings(now) != _settings(source):
                    raise Conflict(f"{name} was changed or deleted at the same moment: look at it, then try again.")
                if changed.columns != source.columns:
                    await self._alter_columns(connection, source, changed)
                if changed.hides_deleted:
                    await _prepare_marks(connection, changed)
                updated = await update_source(connection, changed)
                if secrets is not None:
                    await store_feed_secrets(connection, self.keyring, source.id, secrets)
                await _forget_seen(connection, source, changed)
                await insert_event(connection, EventKind.STATE, name, "The settings were changed.", {})
                await wake(connection, source.id, "MANUAL")
        except errors.UniqueViolation as error:
            raise taken(error, changed) from error
        return updated

    async def delete(self, name: str, *, drop: bool) -> Source:
        """Forget the source. Its table and history stay, unless `drop` drops a table of ours that nobody shares."""
        source = await self.get(name)
        relation = Relation.parse(source.relation)
        async with self.pool.connection() as connection:
            await lock_relation(connection, source.relation)
            others = [
                other for other in await sources_of_relation(connection, source.relation) if other.id != source.id
            ]
            if drop and (source.adopted or others):
                reason = "is shared with " + ", ".join(other.name for other in others) if others else "was adopted"
                raise BadUserInput(f"{source.relation} {reason}, so it is not dropped: leave dropTable out.")
            if await source_to_change(connection, source.id) is None:
                raise NotFound(_unknown(name))
            await delete_source(connection, source.id)
            await notify_deleted(connection, source.id)
            await delete_secrets(connection, source.id)
            if not others:
                await unpublish(connection, relation)
            if drop:
                await drop_table(connection, relation)
            await insert_event(connection, EventKind.STATE, name, "The source was deleted.", {"deleted": True})
        return source

    async def pause(self, name: str) -> Source:
        """No runs until it is resumed."""
        return await self._set_state(name, SourceState.PAUSED, "The source was paused.")

    async def resume(self, name: str) -> Source:
        """Run again, at once. A held source stays held: its deletes are confirmed, or its rows restored."""
        source = await self.get(name)
        if source.state is SourceState.PAUSED:
            return await self._set_state(name, SourceState.ACTIVE, "The source was resumed.")
        await self._wake(source.id)
        return source

    async def rotate_hook_secret(self, name: str) -> str:
        """A new secret for the source's hook; the one before it serves for a day more."""
        source = await self.get(name)
        secret = token_urlsafe(32)
        async with self.pool.connection() as connection:
            await store_hook_secret(connection, self.keyring, source.id, secret)
        return secret

    async def get(self, name: str) -> Source:
        """The source of that name. NotFound if there is none."""
        async with self.pool.connection() as connection:
            source = await source_by_name(connection, name)
        if source is None:
            raise NotFound(_unknown(name))
        return source

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

    async def _create(self, connection: Connection, source: Source, relation: Relation) -> None:
        await lock_relation(connection, source.relation)
        others = await sources_of_relation(connection, source.relation)
        refuse_other_keys(relation, source.key, others)
        if source.adopted:
            await publish(connection, relation)
            await _refuse_unstreamed(connection, relation)
        else:
            marks = (MARK,) if source.hides_deleted else ()
            await create_table(connection, relation, (*source.columns, *marks), source.key)
            if source.managed_key:
                await set_default_key(connection, relation, source.key[0])
        await insert_source(connection, source)
        if source.initial is not Initial.MERGE:
            await request_sync(connection, source.id, Side(source.initial.value), lasting=True)
        await insert_event(
            connection, EventKind.STATE, source.name, "The source was registered.", {"table": source.relation}
        )
        await wake(connection, source.id, "START")

    async def _rebound(self, source: Source, wanted: UpdateSource) -> tuple[Source, FeedSecrets | None]:
        """The source with what is wanted of it, its new binding looked at, and a feed's new secrets."""
        given = {
            one.name: value
            for one in fields(wanted)
            if (value := getattr(wanted, one.name)) is not ABSENT and one.name not in ("sheet", "feed", "columns")
        }
        changed = replace(source, **given)
        if changed.delete_policy is DeletePolicy.SOFT and not changed.hides_deleted:
            changed = replace(changed, hides_deleted=True, columns=without_mark(changed.columns))
        columns = () if wanted.columns is ABSENT else wanted.columns
        if columns:
            changed = replace(changed, columns=with_changes(changed, columns))
        bound_anew = any(column.field is not None for column in columns)
        if source.feed is not None:
            return await self._rebound_feed(changed, source.feed, wanted, look=bound_anew)
        if wanted.sheet is ABSENT and not bound_anew:
            return changed, None
        assert source.sheet is not None
        return await self._rebound_sheet(changed, source.sheet, wanted), None

    async def _rebound_feed(
        self, changed: Source, feed: FeedBinding, wanted: UpdateSource, *, look: bool
    ) -> tuple[Source, FeedSecrets | None]:
        if wanted.feed is ABSENT and not look:
            if problems := write_problems(changed.direction, feed):
                raise BadUserInput(listed(problems))
            return changed, None
        given = UpdateFeed() if wanted.feed is ABSENT else wanted.feed
        async with self.pool.connection() as connection:
            known = await feed_secrets(connection, self.keyring, changed.id)
        moved = moved_feed(feed, known, given)
        paths = [column.field for column in changed.bound if column.field is not None]
        inspected = await self.access.inspect_feed(moved, paths, changed.key)
        renewed = given.headers is not ABSENT or given.auth is not ABSENT
        bound = rebound_feed(changed, moved, inspected, secrets=renewed)
        return replace(changed, feed=bound.binding), bound.secrets

    async def _rebound_sheet(self, changed: Source, sheet: SheetBinding, wanted: UpdateSource) -> Source:
        place = moved(sheet, UpdateSheet() if wanted.sheet is ABSENT else wanted.sheet)
        inspected = await self.access.inspect(place)
        headers = [column.field for column in changed.bound]
        shown = {column.header for column in inspected.columns}
        problems = [
            *inspected.problems,
            *(f'{inspected.worksheet} has no header "{header}": add it.' for header in headers if header not in shown),
            *(f'The header "{header}" is bound twice.' for header in sorted(twice_in(headers))),
        ]
        if problems:
            raise BadUserInput(" ".join(problems))
        binding = binding_of(inspected, place.credential)
        if place_of(binding) != place_of(sheet):
            changed = replace(changed, columns=tuple(replace(column, tag=None) for column in changed.columns))
        return replace(changed, sheet=binding)

    async def _alter_columns(self, connection: Connection, source: Source, changed: Source) -> None:
        relation = Relation.parse(source.relation)
        for column in changed.columns:
            before = source.column(column.name)
            if before is not None and before.type is column.type:
                continue
            table = await describe(connection, relation)
            found = None if table is None else table.column(column.name)
            if found is not None and found.type is column.type:
                continue  # made or altered by SQL before
            if source.adopted:
                what = f'ADD "{column.name}"' if found is None else f'ALTER "{column.name}" TYPE'
                raise BadUserInput(
                    f"{source.relation} was adopted, so its columns are its owner's: ALTER TABLE {relation.quoted} "
                    f"{what} {SQL_TYPES[column.type]};"
                )
            if found is None:
                await add_column(connection, relation, column)
                continue
            await alter_column(connection, relation, column.name, column.type)

    async def _set_state(self, name: str, state: SourceState, message: str) -> Source:
        source = await self.get(name)
        async with self.pool.connection() as connection:
            if state is SourceState.PAUSED:
                await withdraw_all(connection, source.id)
            if await set_state(connection, source.id, state, None):
                await insert_event(connection, EventKind.STATE, name, message, {"state": state})
            await wake(connection, source.id, "MANUAL")
        return await self.get(name)

    async def _wake(self, id_: UUID) -> None:
        async with self.pool.connection() as connection:
            await wake(connection, id_, "MANUAL")


async def _prepare_marks(connection: Connection, source: Source) -> None:
    """Make sure that rows of the table can be marked as deleted. BadUserInput where its owner has to."""
    relation = Relation.parse(source.relation)
    table = await describe(connection, relation)
    if problems := soft_problems(source.columns, relation, table, ours=not source.adopted):
        raise BadUserInput(" ".join(problems))
    if table is not None and table.column(MARK.name) is None:
        await add_column(connection, relation, MARK)


async def _refuse_unstreamed(connection: Connection, relation: Relation) -> None:
    """An owner's publication is streamed a little after it was made; changes before that would be in no log."""
    table, state = await describe(connection, relation), await log_state(connection)
    if table is None or state is None or PUBLICATION in table.publications:
        return
    if not set(table.publications) & set(state.publications):
        raise Conflict(
            f"The publication {table.publications[0]} of {relation} is new, and not streamed yet: try again in a few "
            "seconds."
        )


def _unknown(name: str) -> str:
    return f'There is no source "{name}": sources lists them.'


def _settings(source: Source) -> Source:
    """The source without what its runs change."""
    return replace(source, state=SourceState.ACTIVE, state_reason=None, updated_at=source.created_at)


async def _forget_seen(connection: Connection, source: Source, changed: Source) -> None:
    """What was seen was seen with other settings: the next run reads everything. In another worksheet it is the first
    one: what only that sheet has was not added by anybody since."""
    await connection.execute("UPDATE rowcast.sync_state SET seen = '{}' WHERE source_id = %s", (source.id,))
    if place_of(source.sheet or source.feed) != place_of(changed.sheet or changed.feed):
        await connection.execute("UPDATE rowcast.sync_state SET cursor = NULL WHERE source_id = %s", (source.id,))
