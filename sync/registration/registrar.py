"""Registering, changing and ending sources: what any API process may do, in one transaction each.

A source exists once its table, its place in the publication and its binding do; the import is the first run, which the
leader is woken for. The only thing ever written to a sheet here is the header of a managed key column.
"""

from dataclasses import dataclass, replace
from secrets import token_urlsafe
from uuid import UUID

from psycopg import errors

from db.errors import BadUserInput, Conflict, NotFound
from db.events import EventKind, insert_event
from db.notify import notify_altered, notify_deleted, wake
from db.secrets import Keyring, delete_secrets, store_feed_secrets, store_hook_secret
from db.session import Pool
from db.sources import (
    Direction,
    Source,
    SourceState,
    delete_source,
    lock_relation,
    set_state,
    source_by_name,
    source_to_change,
    sources_of_relation,
    update_source,
)
from db.sync_requests import withdraw_all
from db.tables import Relation, drop_table, unpublish
from sync.absent import ABSENT
from sync.registration.alteration import alter_columns, forget_seen, prepare_marks
from sync.registration.change import refuse_nulls
from sync.registration.creation import create, refusals_in_words
from sync.registration.input import RegisterSource, UpdateSource, check_registration, check_settings
from sync.registration.look import Draft, SourceAccess, new_source, taken
from sync.registration.looker import Looker
from sync.registration.rebinding import Rebinding


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
        look = await self._looker.look(wanted, relation)
        source = new_source(wanted, relation, look)
        with refusals_in_words(source, relation):
            async with self.pool.connection() as connection:
                await create(connection, source, relation)
                if look.feed is not None and look.feed.secrets is not None:
                    await store_feed_secrets(connection, self.keyring, source.id, look.feed.secrets)
        return source

    async def draft(self, wanted: RegisterSource) -> Draft:
        """What `register` would bind, and all that it would refuse it for; nothing is written."""
        return await self._looker.draft(wanted)

    async def update(self, name: str, wanted: UpdateSource) -> Source:
        """Change the settings that are given."""
        refuse_nulls(wanted)
        source = await self.get(name)
        kind, other = ("sheet", "feed") if source.sheet is not None else ("feed", "sheet")
        if getattr(wanted, other) is not ABSENT:
            raise BadUserInput(f"{name} is a {kind}, so it has no settings of a {other}: give those of its {kind}.")
        changed, secrets = await Rebinding(self.pool, self.keyring, self.access).rebound(source, wanted)
        check_settings(changed.poll_seconds, changed.max_delete_share)
        if changed.managed_key and changed.direction is Direction.FROM_SOURCE:
            raise BadUserInput("FROM_SOURCE writes nothing to the sheet, and this sheet's key column is written by us.")
        try:
            async with self.pool.connection() as connection:
                now = await source_to_change(connection, source.id)
                if now is None or _settings(now) != _settings(source):
                    raise Conflict(f"{name} was changed or deleted at the same moment: look at it, then try again.")
                if changed.columns != source.columns:
                    await alter_columns(connection, source, changed)
                    await notify_altered(connection, source.id)
                if changed.hides_deleted:
                    await prepare_marks(connection, changed)
                updated = await update_source(connection, changed)
                if secrets is not None:
                    await store_feed_secrets(connection, self.keyring, source.id, secrets)
                await forget_seen(connection, source, changed)
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

    @property
    def _looker(self) -> Looker:
        return Looker(self.pool, self.access)

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


def _unknown(name: str) -> str:
    return f'There is no source "{name}": sources lists them.'


def _settings(source: Source) -> Source:
    """The source without what its runs change."""
    return replace(source, state=SourceState.ACTIVE, state_reason=None, updated_at=source.created_at)
