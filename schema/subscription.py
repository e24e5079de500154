"""The subscriptions: which there are. What each does is in its own module."""

from collections.abc import AsyncGenerator

import strawberry

from schema.change_types import ChangeBatch
from schema.changes import changes
from schema.system import events
from schema.system_types import Event


@strawberry.type(description="What can be followed.")
class Subscription:
    changes: AsyncGenerator[ChangeBatch, None] = strawberry.subscription(
        resolver=changes,
        description=(
            "The rows that match `where`, kept current. With `snapshot` the matching rows come first, in chunks; then "
            "a batch with upToDate, then every later commit, with no gap and no repeat between them. With `after` it "
            "resumes behind a cursor; with both it resumes where it can, else sends reset and a new snapshot. An "
            "UPDATE that makes a row enter the filter arrives as INSERT with moved, one that makes it leave as DELETE "
            "with moved, one that changes the key as both. `operations` is applied after that."
        ),
    )
    events: AsyncGenerator[Event, None] = strawberry.subscription(
        resolver=events, description="What the system itself does: runs, conflicts, failures, states."
    )
