"""`graphql-transport-ws` with shared delivery: Strawberry's handler, except for operations that have a plan.

An operation begins with others that come at the same time, or alone, in a task of its own. Once it has caught up it is
a member of its group, and needs no task until it has to go on alone: because its client reads too slowly, or the log or
the source changed.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import GraphQLError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage

from api.live.connection import ConnectionHandler
from api.live.members import Group, Member, prepared
from api.live.plan import Plan, plan
from api.live.throttle import Turn
from db.position import Position
from schema.build import RowcastSchema
from schema.context import Context
from schema.error_codes import public_error
from schema.feed import Batch, Feed
from schema.following import follow
from schema.subscriber import Place, Subscriber, Wanted

LiveOperation = Operation[Context, None]


class SharingHandler(ConnectionHandler):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._live = self.websocket.runtime.live
        self._members: dict[str, Member] = {}

    async def begin(self, message: SubscribeMessage) -> None:
        """With others that want what is to come, else alone; the stock way where it has no plan."""
        payload: Mapping[str, Any] = message["payload"]
        variables, name = payload.get("variables"), payload.get("operationName")
        refused = not self.connection_acknowledged or message["id"] in self.operations
        found = None if refused else self._plan(payload["query"], variables, name)
        if found is None:
            await super().begin(message)
            return
        operation = LiveOperation(self, message["id"], payload["query"], variables, name)
        self.operations[operation.id] = operation
        if not self._begin_together(operation, found):
            self._begin_alone(operation, found)

    async def cleanup_operation(self, operation_id: str) -> None:
        """The client completed it, or is gone."""
        member = self._members.pop(operation_id, None)
        if member is not None:
            member.leave()
        operation = self.operations.get(operation_id)
        if operation is not None and operation.task is None:
            del self.operations[operation_id]
        else:
            await super().cleanup_operation(operation_id)
        # A connection that ends may have had a thousand.
        await self.context.hub.turns.share()

    def resume(self, member: Member, group: Group, place: Place) -> None:
        """It left the group: it goes on alone from there."""
        self._members.pop(member.operation, None)
        going_on = self.operations.get(member.operation)
        if going_on is not None:
            # What else was wanted is in the subscriber of the place.
            wanted = Wanted(place.subscriber.source.name, snapshot=member.snapshot)
            found = Plan(group.name, wanted, group.shape)
            self._spawn(going_on, self._resume(going_on, going_on.task, found, place))

    async def _resume(
        self, operation: LiveOperation, before: "asyncio.Task[None] | None", found: Plan, place: Place
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        await self._follow(operation, found, place)
        self._forget_task(operation)

    def _spawn(self, operation: LiveOperation, work: Coroutine[Any, Any, None]) -> None:
        operation.task = self.spawn(work)
        operation.task.add_done_callback(self._task_done)

    def _forget_task(self, operation: LiveOperation) -> None:
        """A member needs none."""
        if operation.id in self._members and operation.task is asyncio.current_task():
            operation.task = None

    def _plan(self, query: str, variables: Mapping[str, Any] | None, name: str | None) -> Plan | None:
        if self.connection is None or not isinstance(self.schema, RowcastSchema):
            return None
        return plan(self.schema, query, variables, name)

    # ---- how it begins

    def _begin_together(self, operation: LiveOperation, found: Plan) -> bool:
        """False where it must begin alone."""
        if found.wanted.after is not None or found.wanted.snapshot:
            return False
        beginning = Beginning(self, operation, found)
        if not self._live.beginnings.begin(self.context, found.wanted, beginning):
            return False
        self.context.activity.subscriptions += 1
        return True

    def begun(
        self,
        operation: LiveOperation,
        found: Plan,
        subscriber: Subscriber,
        feed: Feed,
        batches: Sequence[Batch],
        position: Position,
    ) -> None:
        """With others: it is sent the batches, and joins its group; alone where its client has first to read."""
        connection = self.connection
        if connection is None or connection.full:
            self.left_alone(operation, found)
            return
        # Made first: where one can't be, it has to begin alone, and nothing was sent.
        messages = [prepared(found.name, found.shape, batch) for batch in batches]
        self.context.activity.subscriptions -= 1
        if self.operations.get(operation.id) is not operation:
            return  # completed just now
        member = Member(self, operation.id, connection, found.wanted.snapshot)
        for batch, message in zip(batches, messages, strict=True):
            connection.write(message.frame(member.prefix, connection.window))
            self.context.activity.delivery(len(batch.deltas))
        joined = self._join(operation, member, found, subscriber, feed, position)
        assert joined, "It is not amid a commit."

    def left_alone(self, operation: LiveOperation, found: Plan) -> None:
        """It could not begin with others."""
        self.context.activity.subscriptions -= 1
        if self.operations.get(operation.id) is operation:
            self._begin_alone(operation, found)

    def _begin_alone(self, operation: LiveOperation, found: Plan) -> None:
        self._spawn(operation, self._alone(operation, found))

    async def _alone(self, operation: LiveOperation, found: Plan) -> None:
        if not await self._follow(operation, found):
            await self.run_operation(operation)
        self._forget_task(operation)

    async def _follow(self, operation: LiveOperation, found: Plan, place: Place | None = None) -> bool:
        """False where it could not begin: the stock way says why."""
        assert self.connection is not None
        member = Member(self, operation.id, self.connection, found.wanted.snapshot)
        activity, begun = self.context.activity, place is not None
        activity.subscriptions += 1
        turn: Turn | None = None
        try:
            # Before anything is held for it: a turn, and the read of a snapshot, of which there are few.
            await self.connection.drained()
            turn = await self._live.throttle.turn()
            batches = follow(self.context, found.wanted, partial(self._join, operation, member, found), place)
            async with aclosing(batches):
                async for batch in batches:
                    begun = True
                    turn.over()
                    message = prepared(found.name, found.shape, batch)
                    await self.connection.drained()
                    self.connection.write(message.frame(member.prefix, self.connection.window))
                    activity.delivery(len(batch.deltas))
        except Exception as error:  # noqa: BLE001 - it is the client's to hear of, whatever it is
            if not begun:
                return False
            await self._fail(operation, error)
        finally:
            activity.subscriptions -= 1
            if turn is not None:
                turn.over()
        return True

    def _join(
        self,
        operation: LiveOperation,
        member: Member,
        found: Plan,
        subscriber: Subscriber,
        feed: Feed,
        position: Position,
    ) -> bool:
        if self.operations.get(operation.id) is not operation:
            return False  # completed just now
        if not self._live.join(member, subscriber, feed, position, found.name, found.shape):
            return False
        self._members[operation.id] = member
        operation.query, operation.variables = "", None  # the group knows what it is sent
        return True

    async def _fail(self, operation: LiveOperation, error: Exception) -> None:
        """As the stock way ends a stream that raises."""
        shown = public_error(GraphQLError(str(error), original_error=error))
        payload: Any = {"data": None, "errors": [shown.formatted]}
        await operation.send_operation_message({"id": operation.id, "type": "next", "payload": payload})
        await operation.send_operation_message({"id": operation.id, "type": "complete"})


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """An operation that waits for others to begin with."""

    handler: SharingHandler
    operation: LiveOperation
    found: Plan

    def take(self, subscriber: Subscriber, feed: Feed, batches: Sequence[Batch], position: Position) -> None:
        """See `Beginner`."""
        self.handler.begun(self.operation, self.found, subscriber, feed, batches, position)

    def alone(self) -> None:
        """See `Beginner`."""
        self.handler.left_alone(self.operation, self.found)
