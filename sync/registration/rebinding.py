"""What an update makes of a source: its settings, and its binding once the sheet or feed was looked at. Nothing is
written here.
"""

from asyncio import to_thread
from dataclasses import dataclass, fields, replace

from db.errors import BadUserInput
from db.feeds import FeedBinding, FeedSecrets
from db.secrets import Keyring, feed_secrets
from db.session import Pool
from db.sources import DeletePolicy, SheetBinding, Source
from sync.absent import ABSENT
from sync.feeds.input import UpdateFeed
from sync.registration.change import moved, twice_in, with_changes
from sync.registration.feed import moved_feed, rebound_feed, write_problems
from sync.registration.input import UpdateSheet, UpdateSource
from sync.registration.look import SourceAccess, binding_of, place_of
from sync.registration.table import listed
from sync.soft_delete import without_mark


@dataclass(frozen=True, slots=True)
class Rebinding:
    """`rebound` refuses with BadUserInput what can't be bound."""

    pool: Pool
    keyring: Keyring
    access: SourceAccess

    async def rebound(self, source: Source, wanted: UpdateSource) -> tuple[Source, FeedSecrets | None]:
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
        bound = await to_thread(rebound_feed, changed, moved, inspected, secrets=renewed)
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
