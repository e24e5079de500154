"""Whether a run is held: it then writes nothing either way, until a person looked at what it would do. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from db.held import HeldDelete
from db.sources import Side, Source
from sync.merge.plan import Rules
from sync.runs.compare import Comparison
from sync.runs.delete_guard import holds, why_held
from sync.runs.deletes import held
from sync.runs.torn_rows import torn_rows, why_torn


@dataclass(frozen=True, slots=True)
class Hold:
    """`deletes` are what the run would delete, for people to confirm."""

    deletes: Sequence[HeldDelete]
    reason: str


def hold_of(source: Source, found: Comparison, rules: Rules, permitted: Collection[tuple[Side, str]]) -> Hold | None:
    """None where the run goes on. `permitted` are the deletes that a person confirmed."""
    if not permitted and any(holds(counts, source.max_delete_share) for counts in found.counts()):
        return Hold(held(found, rules), why_held(*found.counts()))
    # Who let deletes go saw no sort: what was confirmed stays so, until the rows are themselves again.
    if source.managed_key and (torn := torn_rows(found.differences, rules)):
        return Hold([], why_torn(torn))
    return None
