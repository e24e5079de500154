"""A group of subscriptions that get the same messages, and its members. Nothing here waits."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from api.live.prepared import Prepared, encode_json, next_prefix
from api.live.protocol import FrameProtocol
from api.live.selection import Shape
from db.cursor import Cursor
from db.position import Position
from schema.change_types import as_batch
from schema.feed import Batch, Feed
from schema.subscriber import Place, Subscriber

if TYPE_CHECKING:
    from api.live.groups import Table

GroupKey = tuple[object, ...]


class Owner(Protocol):
    """The connection's handler, to which a member belongs."""

    def resume(self, member: "Member", group: "Group", place: Place) -> None:
        """The member left the group: it goes on alone from there. Never waits."""


class Member:
    """A subscription within a group."""

    __slots__ = ("connection", "group", "operation", "owner", "prefix", "snapshot")

    def __init__(self, owner: Owner, operation: str, connection: FrameProtocol, snapshot: bool) -> None:
        """`snapshot`: it gets one where the log no longer reaches back to it."""
        self.owner = owner
        self.operation = operation
        self.connection = connection
        self.prefix = next_prefix(operation)
        self.snapshot = snapshot
        self.group: Group | None = None

    def leave(self) -> None:
        """It gets nothing more."""
        if self.group is not None:
            self.group.table.remove(self)


class Group:
    """What its members are sent. `name` and `shape`: the field in the answer, and its value."""

    __slots__ = (
        "asked_at",
        "asking",
        "feed",
        "gains",
        "key",
        "members",
        "name",
        "sent_at",
        "shape",
        "subscriber",
        "table",
    )

    def __init__(
        self, table: "Table", key: GroupKey, subscriber: Subscriber, feed: Feed, name: str, shape: Shape
    ) -> None:
        self.table = table
        self.key = key
        self.subscriber = subscriber.alone()
        self.asked_at = subscriber.asked_at
        self.asking: asyncio.Task[None] | None = None
        self.gains = False
        """Whether columns of its rows, which it wasn't sent, are the source's by now."""
        self.feed = feed
        self.name = name
        self.shape = shape
        self.members: dict[Member, None] = {}
        self.sent_at = 0.0

    def place(self, position: Position) -> Place:
        """Where a member goes on that has everything up to the position."""
        return Place(Cursor(position, within=self.feed.within), self.subscriber)

    def prepare(self, batch: Batch) -> Prepared:
        """The message of a batch."""
        return prepared(self.name, self.shape, batch)


def prepared(name: str, shape: Shape, batch: Batch) -> Prepared:
    """The payload of a `next` message: the same object for all who get the same batch the same way."""
    how = name, shape.key
    message: Prepared | None = batch.made.get(how)
    if message is None:
        message = batch.made[how] = Prepared(encode_json({"data": {name: shape.complete(as_batch(batch))}}))
    return message
