"""How operations are executed: as Strawberry has it, except that a subscription keeps nothing of what was sent."""

from typing import Any

from graphql import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class EventExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core has all events of a subscription share one memo of collected fields, whose keys are of one event
    each: it grew by kilobytes an event, for as long as the subscription went on (3.3.2).
    """

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}  # noqa: SLF001 - there is no other way to have one of its own
        return executor
