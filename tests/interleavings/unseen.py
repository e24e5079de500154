"""What nobody can know of: edits in the moment between a look of ours and the write that followed it."""

from collections.abc import Iterable
from datetime import datetime

from sandbox.recorder import RecordedCall


class Entries:
    """When each value was entered, by the sandbox's clock, which stamps the calls too."""

    def __init__(self) -> None:
        self._at: dict[str, datetime] = {}

    def enter(self, values: Iterable[str], at: datetime) -> None:
        self._at.update(dict.fromkeys(values, at))

    def is_unseen(self, value: str, calls: Iterable[RecordedCall]) -> bool:
        """Whether the first of these calls after the entry wrote, without having looked, or one wrote later that was
        under way then. A write counts though its answer was lost: it may have been carried out."""
        at = self._at.get(value)
        if at is None:
            return False
        calls = list(calls)
        if any(call.came < at <= call.at and call.method != "GET" for call in calls):
            return True
        after = next(
            (call for call in calls if call.at >= at and (call.method != "GET" or call.status is not None)), None
        )
        return after is not None and after.method != "GET"
