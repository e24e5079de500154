"""`graphql-transport-ws` with shared delivery: Strawberry's handler, except for operations that have a plan.

An operation begins alone, in a task of its own. Once it has caught up it is a member of its group, and needs no task
until it has to go on alone again: because its client reads too slowly, or the log or the source changed.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any

import structlog
from graphql import GraphQLError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message

from api.graphql_socket import Socket, TransportHandler
from api.live.groups import Member, prepared
from api.live.plan import Plan, plan
from api.live.prepared import next_prefix, text_frame
from api.live.protocol import EXTENSION, FrameProtocol
from api.runtime import runtime
from db.position import Position
from schema.build import RowcastSchema
from schema.context import Context
from schema.error_codes import public_error
from schema.feed import Batch, Feed
from schema.following import follow
from schema.subscriber import Place, Subscriber

_log = structlog.stdlib.get_logger(__name__)

_ACKNOWLEDGED = text_frame(b'{"type":"connection_ack"}')

LiveOperation = Operation[Context, None]


class SharingHandler(TransportHandler):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        assert isinstance(self.websocket, Socket)
        scope = self.websocket.ws.scope
        connection = scope.get("extensions", {}).get(EXTENSION)
        self._connection: FrameProtocol | None = connection if isinstance(connection, FrameProtocol) else None
        if self._connection is not None:
            self._connection.forget_handshake()
        self._live = runtime(self.websocket.ws).live
        self._members: dict[str, Member] = {}

    def on_request_accepted(self) -> None:
        """Waits for `connection_init`, by a timer: most connections need no task for it."""
        wait_s = self.connection_init_wait_timeout.total_seconds()
        self._init_timer: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(wait_s, self._init_missed)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Nothing waits for it any more then."""
        self._stop_timer()
        await super().handle_connection_init(message)
        assert isinstance(self.websocket, Socket)
        self.websocket.ws.headers.raw.clear()  # it is known by now who it is

    async def shutdown(self) -> None:
        """The connection is over."""
        self._stop_timer()
        await super().shutdown()

    async def send_message(self, message: Message) -> None:
        """What every connection is sent has its bytes ready."""
        if self._connection is not None and message == {"type": "connection_ack"}:
            self._connection.write(_ACKNOWLEDGED)
        else:
            await super().send_message(message)

    def _stop_timer(self) -> None:
        if self._init_timer is not None:
            self._init_timer.cancel()
            self._init_timer = None

    def _init_missed(self) -> None:
        self.connection_timed_out = True
        self.connection_init_timeout_task = asyncio.create_task(self._end_unbegun())
        self.connection_init_timeout_task.add_done_callback(self._task_done)

    async def _end_unbegun(self) -> None:
        try:
            await self.websocket.close(code=4408, reason="Connection initialisation timeout")
        except Exception as error:  # noqa: BLE001 - as Strawberry does
            await self.handle_task_exception(error)

    async def run_operation(self, operation: LiveOperation) -> None:
        """Until it is complete, or joins a group."""
        operation.query = sys.intern(operation.query)  # the same few, a hundred thousand times
        found = self._plan(operation)
        if found is None or not (await self._begin(operation, found) or await self._follow(operation, found)):
            await super().run_operation(operation)
        if operation.id in self._members and operation.task is asyncio.current_task():
            operation.task = None

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

    def resume(self, operation: str, place: Place) -> None:
        """The member left its group: it goes on alone from there."""
        self._members.pop(operation, None)
        going_on = self.operations.get(operation)
        if going_on is not None:
            going_on.task = asyncio.create_task(self._resume(going_on, going_on.task, place))
            going_on.task.add_done_callback(self._task_done)

    async def _resume(self, operation: LiveOperation, before: "asyncio.Task[None] | None", place: Place) -> None:
        assert self._connection is not None
        if before is not None:
            await asyncio.wait({before})
        await self._connection.drained()
        found = self._plan(operation)
        assert found is not None, "It had one when it began."
        await self._follow(operation, found, place)

    def _plan(self, operation: LiveOperation) -> Plan | None:
        if self._connection is None or not isinstance(self.schema, RowcastSchema):
            return None
        variables: Mapping[str, Any] | None = operation.variables
        return plan(self.schema, operation.query, variables, operation.operation_name)

    async def _begin(self, operation: LiveOperation, found: Plan) -> bool:
        """With others that want what is to come. False where it must begin alone."""
        if found.wanted.after is not None or found.wanted.snapshot:
            return False
        self.context.activity.subscriptions += 1
        try:
            return await self._live.beginnings.begin(self.context, found.wanted, partial(self._take, operation, found))
        finally:
            self.context.activity.subscriptions -= 1

    def _take(
        self,
        operation: LiveOperation,
        found: Plan,
        subscriber: Subscriber,
        feed: Feed,
        batches: Sequence[Batch],
        position: Position,
    ) -> None:
        connection = self._connection
        if connection is None or self.operations.get(operation.id) is not operation:
            return  # completed just now
        member = Member(self, operation.id, connection, next_prefix(operation.id))
        messages = [prepared(found.name, found.shape, batch) for batch in batches]
        for batch, message in zip(batches, messages, strict=True):
            connection.write(message.frame(member.prefix, connection.window))
            self.context.activity.delivery(len(batch.deltas))
        joined = self._join(operation, member, found, subscriber, feed, position)
        assert joined, "It is not amid a commit."

    async def _follow(self, operation: LiveOperation, found: Plan, place: Place | None = None) -> bool:
        """False where it could not begin: the stock way says why."""
        assert self._connection is not None
        member = Member(self, operation.id, self._connection, next_prefix(operation.id))
        activity, begun = self.context.activity, place is not None
        activity.subscriptions += 1
        admitted = AsyncExitStack()
        try:
            await admitted.enter_async_context(self._live.admission)
            batches = follow(self.context, found.wanted, partial(self._join, operation, member, found), place)
            async with aclosing(batches):
                async for batch in batches:
                    begun = True
                    await admitted.aclose()
                    message = prepared(found.name, found.shape, batch)
                    await self._connection.drained()
                    self._connection.write(message.frame(member.prefix, self._connection.window))
                    activity.delivery(len(batch.deltas))
        except Exception as error:  # noqa: BLE001 - it is the client's to hear of, whatever it is
            if not begun:
                return False
            await self._fail(operation, error)
        finally:
            activity.subscriptions -= 1
            await admitted.aclose()
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
        return True

    async def _fail(self, operation: LiveOperation, error: Exception) -> None:
        """As the stock way ends a stream that raises."""
        shown = public_error(GraphQLError(str(error), original_error=error))
        payload: Any = {"data": None, "errors": [shown.formatted]}
        await operation.send_operation_message({"id": operation.id, "type": "next", "payload": payload})
        await operation.send_operation_message({"id": operation.id, "type": "complete"})
