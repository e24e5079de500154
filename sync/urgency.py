"""What goes before what, where not everything can go at once. Pure."""

from enum import IntEnum

from db.runs import RunTrigger


class Urgency(IntEnum):
    """The lower the sooner. NOW: hooks, changes of the database, people, every write-back."""

    NOW = 0
    POLL = 1
    IMPORT = 2


def urgency_of(trigger: RunTrigger, *, first: bool = False) -> Urgency:
    """Of a run. `first`: the source was never read. What a person asks for is urgent even then."""
    if trigger is RunTrigger.MANUAL:
        return Urgency.NOW
    if first or trigger is RunTrigger.START:
        return Urgency.IMPORT
    return Urgency.POLL if trigger is RunTrigger.SCHEDULE else Urgency.NOW
