"""Subscriptions that get the same messages, as one: executed, encoded and compressed once for all.

A group is what members agree in: source, filter, operations, columns, selection, and who asks. Where each began is left
out: it joins once it has caught up. `Table` takes the log's slices of one table for all groups of it. Everything here
happens between two awaits or says so: a member gets each slice exactly once, by its group or by reading the log itself.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog

from api.live.beginnings import Beginnings
from api.live.index import MatchIndex, Places
from api.live.members import Group, GroupKey, Member
from api.live.selection import Shape
from api.live.throttle import Throttle
from db.changes import Transaction
from db.cursor import Cursor
from db.errors import NotFound
from db.position import Position
from db.sources import Source
from schema.activity import Activity
from schema.context import Context
from schema.feed import Batch, Feed
from schema.filter_predicate import unfit
from schema.filters import FilterColumn, columns_of
from schema.source_ending import until_deleted
from schema.subscriber import ASK_AGAIN_S, QUIET_S, Place, Subscriber

_log = structlog.stdlib.get_logger(__name__)

_TURN_S = 0.005
"""How long deliveries may keep the event loop from everything else."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A batch on its way, to those who were members when it was handed on."""

    group: Group
    batch: Batch
    members: Sequence[Member]
    before: Place


class Table:
    """The groups that follow one table."""

    def __init__(self, live: "Live", relation: str) -> None:
        self._live = live
        self._relation = relation
        self._position: Position | None = None
        self._groups: OrderedDict[GroupKey, Group] = OrderedDict()  # who was sent nothing for longest is first
        self._index: MatchIndex[Group] = MatchIndex()
        self._within: set[Group] = set()
        self._filtered: Counter[FilterColumn] = Counter()  # by how many groups
        self._sources: Counter[UUID] = Counter()
        self._watching: dict[UUID, asyncio.Task[None]] = {}
        self._deleted: set[UUID] = set()
        self._ending: set[Group] = set()
        self._delivering = False

    def join(
        self, member: Member, subscriber: Subscriber, feed: Feed, position: Position, name: str, shape: Shape
    ) -> None:
        """Takes a member, in its group."""
        key = (
            subscriber.source.id,
            subscriber.where,
            subscriber.operations,
            feed.shown,
            subscriber.ignored,
            name,
            shape.key,
            subscriber.principal.on(subscriber.source.name),
        )
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self, key, subscriber, feed, name, shape)
            group.sent_at = self._live.clock()
            self._index.add(group, group.subscriber.where)
            self._filtered.update(columns_of(group.subscriber.where))
            self._watch(subscriber.source)
        group.members[member] = None
        member.group = group
        self._live.activity.subscriptions += 1
        self._live.members += 1
        self._position = position if self._position is None else max(position, self._position)

    @property
    def groups(self) -> int:
        """How many there are."""
        return len(self._groups)

    def remove(self, member: Member) -> None:
        """Forgets a member, and a group that has no other."""
        group = member.group
        assert group is not None
        member.group = None
        del group.members[member]
        self._live.activity.subscriptions -= 1
        self._live.members -= 1
        if not group.members:
            del self._groups[group.key]
            if group.asking is not None:
                group.asking.cancel()
            self._index.remove(group, group.subscriber.where)
            self._filtered -= Counter(columns_of(group.subscriber.where))
            self._within.discard(group)
            self._unwatch(group.subscriber.source)
            if not self._groups:
                self._live.drop(self._relation)

    # ---- from the hub

    async def take(self, transaction: Transaction) -> None:
        """Sends a slice to whom it concerns. Whoever reads too slowly leaves."""
        if self._position is not None and transaction.position <= self._position:
            return
        first = transaction.changes[0].position
        before = Position(first.epoch, first.lsn, first.index - 1)
        if transaction.anew:
            # Everybody looks for itself what to make of it.
            for group in list(self._groups.values()):
                self._dissolve(group, group.place(before))
            return
        deliveries = list(self._deliveries(transaction, before))
        self._position = transaction.position
        await self._deliver(deliveries)

    async def reached(self, position: Position) -> None:
        """Tells those who were sent nothing for long how far it is."""
        if self._position is None or position < self._position:
            return
        self._position = position
        quiet = self._live.clock() - QUIET_S
        deliveries = []
        while self._groups:
            group = next(iter(self._groups.values()))
            if group.sent_at > quiet:
                break
            self._sent(group)
            batch = group.feed.passed(Cursor(position))
            if batch is not None:
                deliveries.append(_Delivery(group, batch, list(group.members), Place(batch.cursor, group.subscriber)))
        await self._deliver(deliveries)

    def expire(self) -> None:
        """Everybody looks for itself how to go on."""
        for group in list(self._groups.values()):
            self._dissolve(group)

    # ----

    def _deliveries(self, transaction: Transaction, before: Position) -> Iterator[_Delivery]:
        # Nothing here may wait: who is a member now has not got the slice, and whoever joins later has.
        self._leave_altered(transaction, before)
        concerned: dict[Group, Places] = dict.fromkeys(self._within, ())
        concerned.update(self._index.match(transaction.changes))
        names = transaction.names()  # once: a commit of all rows may concern as many groups
        for group, places in concerned.items():
            place = group.place(before)
            if self._may_be_new(group, group.feed.unknown(names)):
                # Who reads the log looks whether the columns are the source's by now.
                self._dissolve(group, place)
                continue
            part = transaction
            if places is not None:
                part = replace(transaction, changes=tuple(transaction.changes[each] for each in places))
            try:
                batch = group.feed.slice(part, Cursor(transaction.position))
            except Exception:  # noqa: BLE001 - logged with its trace
                # It is for the stock way to say, and nobody else may miss the slice for it.
                _log.exception("a slice could not be made a batch", source=group.subscriber.source.name)
                self._dissolve(group, place)
                continue
            if group.feed.within:
                self._within.add(group)
            else:
                self._within.discard(group)
            if batch is not None:
                self._sent(group)
                yield _Delivery(group, batch, list(group.members), place)

    def _leave_altered(self, transaction: Transaction, before: Position) -> None:
        """Who filters by columns that the rows have no longer, or of another type, looks for itself what became of
        them."""
        # Its ends say it: a commit may alter the table between two of its changes.
        changes = transaction.changes
        altered = unfit(changes if len(changes) < 3 else (changes[0], changes[-1]), self._filtered)
        if not altered:
            return
        for group in list(self._groups.values()):
            if not altered.isdisjoint(columns_of(group.subscriber.where)):
                self._dissolve(group, group.place(before))

    def _may_be_new(self, group: Group, unknown: frozenset[str]) -> bool:
        if group.feed.shown.chosen:
            return False
        if not unknown <= group.subscriber.ignored:
            return True
        # They were looked at before, and no source's. That they are now is rare, so nobody waits for the answer.
        now = self._live.clock()
        if unknown and now - group.asked_at >= ASK_AGAIN_S and group.asking is None:
            group.asked_at = now
            group.asking = asyncio.create_task(self._ask(group, unknown))
        return group.gains

    async def _ask(self, group: Group, unknown: frozenset[str]) -> None:
        try:
            group.gains = await group.subscriber.gains(unknown)
        finally:
            group.asking = None

    def _sent(self, group: Group) -> None:
        group.sent_at = self._live.clock()
        self._groups.move_to_end(group.key)

    def _dissolve(self, group: Group, place: Place | None = None) -> None:
        if place is None:
            assert self._position is not None
            place = group.place(self._position)
        for member in list(group.members):
            self._evict(member, place)

    def _evict(self, member: Member, place: Place) -> None:
        group = member.group
        assert group is not None
        self.remove(member)
        member.owner.resume(member, group, place)

    async def _deliver(self, deliveries: Sequence[_Delivery]) -> None:
        self._delivering = True
        try:
            await self._send(deliveries)
        finally:
            self._delivering = False
            self._let_go()

    async def _send(self, deliveries: Sequence[_Delivery]) -> None:
        clock = self._live.clock
        until = clock() + _TURN_S
        for delivery in deliveries:
            try:
                message = delivery.group.prepare(delivery.batch)
            except Exception:  # noqa: BLE001 - logged with its trace
                # What the stock way makes of it is for it to say.
                _log.exception(
                    "a batch could not be delivered to its group", source=delivery.group.subscriber.source.name
                )
                for member in delivery.members:
                    if member.group is delivery.group:
                        self._evict(member, delivery.before)
                continue
            sent = 0
            for member in delivery.members:
                if member.group is not delivery.group:
                    continue
                connection = member.connection
                if connection.full:
                    self._live.activity.slow += 1
                    self._evict(member, delivery.before)
                    continue
                connection.write(message.frame(member.prefix, connection.window))
                sent += 1
                if not sent % 64 and clock() > until:
                    await asyncio.sleep(0)
                    until = clock() + _TURN_S
            self._live.activity.delivery(len(delivery.batch.deltas), to=sent)
            if clock() > until:
                await asyncio.sleep(0)
                until = clock() + _TURN_S

    def _watch(self, source: Source) -> None:
        """Lets members go once the source is deleted: nothing of its table is logged from then on."""
        self._sources[source.id] += 1
        if source.id not in self._watching:
            watching = asyncio.create_task(self._live.deleted(source, partial(self._check_filters, source.id)))
            watching.add_done_callback(lambda task: None if task.cancelled() else self._gone(source.id))
            self._watching[source.id] = watching

    def _unwatch(self, source: Source) -> None:
        self._sources[source.id] -= 1
        if not self._sources[source.id]:
            del self._sources[source.id]
            self._watching.pop(source.id).cancel()

    def _gone(self, source: UUID) -> None:
        self._deleted.add(source)
        self._let_go()

    async def _check_filters(self, source: UUID) -> None:
        """Its columns may be others: members whose filter ends for it look for themselves, and say why."""
        checked: set[Group] = set()
        while groups := [
            group for group in self._groups.values() if group.subscriber.source.id == source and group not in checked
        ]:
            checks = (group.subscriber.check_filter() for group in groups)
            for group, error in zip(groups, await asyncio.gather(*checks, return_exceptions=True), strict=True):
                if error is not None:
                    self._ending.add(group)
            checked.update(groups)
            self._let_go()

    def _let_go(self) -> None:
        """Whose source is deleted, or whose filter ends. Not amid a delivery: nobody can say where a member is."""
        if self._delivering or not (self._deleted or self._ending):
            return
        for group in list(self._groups.values()):
            if group.subscriber.source.id in self._deleted or group in self._ending:
                self._dissolve(group)
        self._deleted.clear()
        self._ending.clear()


class Live:
    """All groups of a process; one is made where the process is put together."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tables: dict[str, Table] = {}
        self.activity: Activity = context.activity
        self.members = 0
        self.throttle = Throttle()
        self.beginnings = Beginnings()
        self.clock: Callable[[], float] = context.clock

    def join(
        self, member: Member, subscriber: Subscriber, feed: Feed, position: Position, name: str, shape: Shape
    ) -> bool:
        """Takes a member that has everything up to `position`. False amid a commit of which a part was sent."""
        if feed.within:
            return False
        relation = subscriber.source.logged_as
        table = self._tables.get(relation)
        if table is None:
            table = self._tables[relation] = Table(self, relation)
            self._context.hub.attach(relation, table)
        table.join(member, subscriber, feed, position, name, shape)
        return True

    @property
    def waiting(self) -> int:
        """How many subscriptions wait to begin."""
        return self.throttle.waiting + self.beginnings.waiting

    @property
    def groups(self) -> int:
        """How many there are."""
        return sum(table.groups for table in self._tables.values())

    def drop(self, relation: str) -> None:
        """A table without groups."""
        del self._tables[relation]
        self._context.hub.detach(relation)

    async def deleted(self, source: Source, altered: Callable[[], Awaitable[None]]) -> None:
        """Returns once the source is deleted. `altered` is called where its columns may be others."""
        with suppress(NotFound):
            await until_deleted(self._context, source, altered)
