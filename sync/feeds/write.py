"""Writes edits to a feed, whose records others change at the same time: look, send, look again.

    look ──▶ as the plan saw it? ──no──▶ moved on: the next run sees it anew
               │ yes
               ▼
    send, again with the same key while nobody knows whether it arrived ──refused──▶ a problem of the row
               │ accepted
               ▼
    look ──▶ shows the write ▶ done
             shows something else ▶ done, and what it shows is merged as the feed's own edit of it
             shows the row as before ▶ on its way: a cache may be old; nothing is said of the row, the next run looks
                                       again, and what never shows is a problem at last

A batch that got no answer is sent again as it was, before all else (`sync.feeds.in_doubt`).

HTTP has no compare-and-set that all feeds know, so an edit in the moment between the look and the write is lost.
"""

from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from db.errors import SourceUnreachable
from db.sources import Source
from sync.feeds.client import FeedClient
from sync.feeds.errors import FeedBusy, FeedRefused
from sync.feeds.in_doubt import BatchesInDoubt, may_be_repeated
from sync.feeds.mapping import feed_mapping
from sync.feeds.read import FeedReader
from sync.feeds.records import RecordFormat
from sync.feeds.requests import Group, Requests, Sending
from sync.source import Edit, InDoubt, Problem, SourceRow, WriteOutcome, Written

log = structlog.get_logger(__name__)

_MOST_REFUSALS: Final = 50
_DOWN: Final = 3
"""So many writes in a row that get nowhere are the feed's trouble, and not theirs."""
_UNAUTHORISED: Final = frozenset({401, 407})
_GONE: Final = frozenset({404, 410})


@dataclass(slots=True)
class _Fates:
    """What became of the edits, by key. `sent`: the feed accepted some. `failing`: it gave up on these by its own
    errors."""

    written: dict[str, Written] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    unsent: set[str] = field(default_factory=set)
    failing: dict[str, FeedBusy] = field(default_factory=dict)
    sent: int = 0
    failed_in_a_row: int = 0
    refusals: int = 0

    @property
    def decided(self) -> Collection[str]:
        """The rows whose write was tried."""
        return self.problems.keys() | self.failing.keys()


class _Overtaken(Exception):
    """The feed fails at a batch again, and newer writes of its rows wait."""


class FeedWriter:
    """Carries out the edits of one run. `in_doubt` and `accepted` outlive it.

    `accepted` has, by idempotency key, since when a write was accepted that doesn't show yet, by `clock` (monotonic).
    """

    def __init__(
        self,
        source: Source,
        client: FeedClient,
        records: RecordFormat,
        reader: FeedReader,
        check: Callable[[], None],
        accepted: MutableMapping[str, float],
        in_doubt: InDoubt,
        clock: Callable[[], float],
    ) -> None:
        assert source.feed is not None
        self._mapping = feed_mapping(source.feed.format)
        self._client = client
        self._content_type = records.content_type
        self._requests = Requests(source, records)
        self._reader = reader
        self._check = check
        self._accepted = accepted
        self._in_doubt = BatchesInDoubt(in_doubt, self._requests)
        self._clock = clock
        self._columns = {column.name: column for column in source.bound}

    async def write(self, edits: Sequence[Edit]) -> WriteOutcome:
        """As `sync.source.SourceAdapter` says."""
        calls = self._client.calls
        await self._in_doubt.load()
        before, kept = await self._look(edits)
        fates = _Fates()
        due = [edit for edit in edits if self._is_due(edit, before.get(edit.key), fates)]
        alone = await self._repeat(due, before, kept, fates)
        sendings = self._sendings(due, before, kept, fates)
        for group in self._requests.groups(sendings, alone):
            await self._send_or_bisect(group, fates)
        await self._judge_failing(fates)
        after = (await self._look(edits))[0] if sendings or fates.sent else before
        for edit in due:
            if edit.key not in fates.written and edit.key not in fates.unsent:
                self._confirm(edit, before.get(edit.key), after.get(edit.key), fates)
        await self._forget_settled([edit for edit in due if edit.key not in fates.written])
        return WriteOutcome(list(fates.written.values()), self._client.calls - calls)

    async def _look(self, edits: Sequence[Edit]) -> tuple[Mapping[str, SourceRow], Mapping[str, bytes]]:
        wanted = {edit.key for edit in edits} | self._in_doubt.rows
        read = await self._reader.look(wanted)
        return read.rows.of(wanted), read.kept

    def _is_due(self, edit: Edit, row: SourceRow | None, fates: _Fates) -> bool:
        """Whether the row still is what the plan saw."""
        if row is None and edit.cells is None:
            fates.written[edit.key] = Written(edit.key, None)
            return False
        expected = edit.expected.items()
        if edit.insert is (row is not None) or (
            row is not None and any(not self._mapping.unchanged(row.cells.get(name), cell) for name, cell in expected)
        ):
            self._accepted.pop(edit.idempotency_key, None)
            fates.written[edit.key] = Written(edit.key, row, moved_on=True)
            return False
        return True

    def _sendings(
        self, due: Sequence[Edit], before: Mapping[str, SourceRow], kept: Mapping[str, bytes], fates: _Fates
    ) -> Sequence[Sending]:
        """What is to be sent: not what was accepted before, and only doesn't show yet."""
        sendings = []
        for edit in due:
            if edit.idempotency_key in self._accepted or edit.key in fates.unsent or edit.key in fates.decided:
                continue
            row = before.get(edit.key)
            made = self._requests.sending(edit, row, kept.get(edit.key))
            if isinstance(made, Sending):
                sendings.append(made)
            else:
                fates.written[edit.key] = Written(edit.key, row, [made])
        return sendings

    # ---- sending

    async def _repeat(
        self, due: Sequence[Edit], before: Mapping[str, SourceRow], kept: Mapping[str, bytes], fates: _Fates
    ) -> Collection[str]:
        """Send the batches that got no answer again. Returns the edits that are to go alone, by idempotency key."""
        alone: set[str] = set(self._in_doubt.gone)
        await self._forget_settled(due)
        for group in self._in_doubt.groups:
            if all(edit.idempotency_key in self._accepted for edit in due if edit.idempotency_key in group.writes):
                continue  # it was answered
            if all(
                may_be_repeated(one, before.get(one.edit.key), kept.get(one.edit.key), self._mapping, self._columns)
                for one in group.sendings
            ):
                await self._repeat_one(group, due, fates)
            else:
                await self._in_doubt.forget([group])
                alone |= group.writes
        return alone

    async def _forget_settled(self, due: Sequence[Edit]) -> None:
        """The batches without one of these edits: the feed shows what became of them, or nobody wants them any more."""
        wanted = {edit.idempotency_key for edit in due}
        await self._in_doubt.forget([one for one in self._in_doubt.groups if one.writes.isdisjoint(wanted)])

    async def _repeat_one(self, group: Group, due: Sequence[Edit], fates: _Fates) -> None:
        newer = {edit.key for edit in due if edit.key in group.rows and edit.idempotency_key not in group.writes}
        try:
            await self._send_or_bisect(group, fates, give_up=bool(newer))
        except _Overtaken:
            await self._in_doubt.forget([group])
            return
        # What came of an older write says nothing of the newer one, which goes after it, in the next run.
        for key in newer:
            fates.problems.pop(key, None)
            fates.failing.pop(key, None)
        fates.unsent |= newer
        for write in group.writes.difference(edit.idempotency_key for edit in due):
            self._accepted.pop(write, None)

    async def _send_or_bisect(self, group: Group, fates: _Fates, *, give_up: bool = False) -> None:
        """`give_up`: there are newer writes of its rows, which must not wait for one that the feed fails at. _Overtaken
        says so."""
        keys = group.rows
        if fates.refusals >= _MOST_REFUSALS:
            fates.unsent.update(keys)
            return
        try:
            await self._send(group, fates)
        except FeedRefused as error:
            if error.status in _UNAUTHORISED:
                raise
            if len(group.sendings) > 1:
                for half in group.halves():
                    await self._send_or_bisect(self._requests.group(half), fates)
                return
            self._refused(group.sendings[0].edit, error, fates)
        except FeedBusy as error:
            if give_up and error.answered:
                raise _Overtaken from error
            # It may be this request that the feed fails at: the next ones tell.
            fates.failed_in_a_row += 1
            if fates.failed_in_a_row >= _DOWN:
                message = f"{error} So it was with {_DOWN} writes; the next run tries again."
                raise SourceUnreachable(message, rest_s=error.rest_s) from error
            fates.failing.update(dict.fromkeys(keys, error))
        else:
            fates.sent += 1
            fates.failed_in_a_row = 0
            now = self._clock()
            self._accepted.update({sending.edit.idempotency_key: now for sending in group.sendings})

    async def _send(self, group: Group, fates: _Fates) -> None:
        headers = {"Idempotency-Key": group.once}
        if group.body is not None:
            headers["Content-Type"] = self._content_type
        if group.batch:
            await self._in_doubt.keep(group)
        failed = 0
        while True:
            self._check()
            try:
                await self._client.send(group.method, group.url, group.body, headers)
            except FeedRefused:
                await self._in_doubt.forget([group])
                raise
            except FeedBusy as error:
                failed += 1
                # After one request that got nowhere, each has one try.
                if fates.failing or not await self._client.may_try_again(error, failed):
                    raise
            else:
                return

    def _refused(self, edit: Edit, error: FeedRefused, fates: _Fates) -> None:
        if edit.cells is None and error.status in _GONE:
            return  # it is gone: the reading back confirms it
        fates.refusals += 1
        reason = f": {error.reason}" if error.reason else ""
        message = f"The feed refused the row ({error.status}{reason}). Correct the row, or what the feed takes."
        fates.problems[edit.key] = Problem("REFUSED", message, key=edit.key)

    async def _judge_failing(self, fates: _Fates) -> None:
        """The feed works but for one request: that is its rows' problem, and no other's."""
        for key, error in fates.failing.items():
            if fates.sent == 0:
                message = f"{error} Gave up; the next run tries again by itself."
                raise SourceUnreachable(message, rest_s=error.rest_s) from error
            message = f"The feed takes other rows, and always fails at this one: {error} Correct the row, or the feed."
            fates.problems[key] = Problem("FAILING", message, key=key)
        await self._in_doubt.forget_rows(fates.failing)

    # ---- what came of it

    def _confirm(self, edit: Edit, before: SourceRow | None, after: SourceRow | None, fates: _Fates) -> None:
        problem = fates.problems.get(edit.key)
        if problem is not None:
            fates.written[edit.key] = Written(edit.key, after, [problem])
        elif (column := self._lags(edit, before, after)) is not None:
            self._wait_for(edit, after, column, fates)
        else:
            self._accepted.pop(edit.idempotency_key, None)
            # A record that is there again after its delete, or gone after a write, is somebody else's doing.
            overtaken = (after is None) is not (edit.cells is None)
            fates.written[edit.key] = Written(edit.key, after, moved_on=overtaken)

    def _lags(self, edit: Edit, before: SourceRow | None, after: SourceRow | None) -> str | None:
        """A column that still shows what it did before the write, or "" where the whole row does."""
        if before is None or after is None:
            return "" if before is after else None
        if edit.cells is None:
            return "" if (before.cells, before.errors) == (after.cells, after.errors) else None
        for name, cell in edit.cells.items():
            shows = after.cells.get(name)
            if not self._mapping.same(self._columns[name], shows, cell) and self._mapping.unchanged(
                shows, before.cells.get(name)
            ):
                return name
        return None

    def _wait_for(self, edit: Edit, after: SourceRow | None, column: str, fates: _Fates) -> None:
        waited = self._clock() - self._accepted.get(edit.idempotency_key, self._clock())
        if waited < self._client.limits.shown_within_s:
            log.info("the feed accepted a write and doesn't show it yet", key=edit.key, seconds=round(waited, 1))
            return
        self._accepted.pop(edit.idempotency_key, None)
        message = (
            f"The feed accepted the write {waited:.0f} s ago and still shows what it did before: check that `write`"
            " leads to the records that the feed shows, and that it takes this field."
        )
        problem = Problem("NOT_SHOWN", message, column=column or None, key=edit.key)
        fates.written[edit.key] = Written(edit.key, after, [problem])
