"""The deletes that the guard holds back, and what people let go of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from db.changes import WireRow
from db.errors import Conflict, NotFound
from db.notify import wake
from db.paging import Page, page_of
from db.runs import Run, RunTrigger, get_run
from db.session import Connection
from db.sources import Side
from db.wire import quoted

# A key text's numbers are ordered as numbers: 9 before 10.
_PAGE: Final = """
    WITH held AS (
        SELECT side, key, row, (
            SELECT jsonb_agg(
                CASE WHEN one ~ '^-?[0-9]{1,100}([.][0-9]{1,100})?$' THEN to_jsonb(one::numeric) ELSE to_jsonb(one) END
                ORDER BY number
            ) FROM jsonb_array_elements_text(key::jsonb) WITH ORDINALITY AS _ (one, number)
        ) AS place
        FROM rowcast.held_deletes WHERE run_id = %(run)s
    )
    SELECT side, key, row FROM held
    WHERE %(side)s::text IS NULL
       OR (side, place, key) > (SELECT side, place, key FROM held WHERE side = %(side)s AND key = %(key)s)
    ORDER BY side, place, key LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class HeldDelete:
    """A row that a run would delete from `side`: its key text, and its wire values there."""

    side: Side
    key: str
    row: WireRow


async def held_deletes(
    connection: Connection, run_id: int, *, first: int, after: tuple[Side, str] | None = None
) -> Page[HeldDelete]:
    """What the run would delete, by side and key; `after` is the side and key text of the last one seen."""
    side, key = after if after is not None else (None, None)
    cursor = await connection.execute(_PAGE, {"run": run_id, "side": side, "key": key, "limit": first + 1})
    rows = await cursor.fetchall()
    total = await (
        await connection.execute("SELECT count(*) FROM rowcast.held_deletes WHERE run_id = %s", (run_id,))
    ).fetchone()
    assert total is not None
    return page_of([HeldDelete(Side(side), key, row) for side, key, row in rows], first, total[0])


def no_run(id_: str) -> str:
    """What is said of a run's id that no run has."""
    return (
        f"There is no run {quoted(id_)}: runs(source:) lists them, and a held source's heldRun is the one to confirm."
    )


async def confirm_deletes(connection: Connection, run_id: int) -> Run:
    """Let exactly the deletes go that the held run showed, and wake the source. Conflict if it holds nothing now."""
    run = await get_run(connection, run_id)
    if run is None:
        raise NotFound(no_run(str(run_id)))
    holds = await (
        await connection.execute(
            "SELECT FROM rowcast.sync_state WHERE source_id = %s AND held_run = %s FOR UPDATE", (run.source_id, run_id)
        )
    ).fetchone()
    if holds is None:
        raise Conflict(f"Run {run_id} holds no deletes any more: look at the source's heldRun.")
    await connection.execute("UPDATE rowcast.held_deletes SET confirmed = true WHERE run_id = %s", (run_id,))
    await wake(connection, run.source_id, RunTrigger.MANUAL)
    return run


async def permitted(connection: Connection, source_id: UUID) -> frozenset[tuple[Side, str]]:
    """The sides and key texts that were let go of the source's held run; empty where none was confirmed."""
    rows = await (
        await connection.execute(
            """SELECT h.side, h.key FROM rowcast.sync_state s JOIN rowcast.held_deletes h ON h.run_id = s.held_run
               WHERE s.source_id = %s AND h.confirmed""",
            (source_id,),
        )
    ).fetchall()
    return frozenset((Side(side), key) for side, key in rows)


async def hold(connection: Connection, source_id: UUID, run_id: int, deletes: Sequence[HeldDelete]) -> None:
    """Store what the run would delete, in place of what an earlier one held.

    Nothing changes where that shows just these, or was confirmed while the run went on: the next one carries it out.
    """
    row = await (
        await connection.execute(
            # What is held waits for a person: no second look that an earlier run asked for is due any more.
            "UPDATE rowcast.sync_state SET retry_at = NULL WHERE source_id = %s RETURNING held_run",
            (source_id,),
        )
    ).fetchone()
    if row is not None and row[0] is not None and await _stands(connection, row[0], deletes):
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO rowcast.held_deletes (run_id, side, key, row) VALUES (%s, %s, %s, %s)",
            [(run_id, held.side, held.key, Jsonb(held.row)) for held in deletes],
        )
    await connection.execute("UPDATE rowcast.sync_state SET held_run = %s WHERE source_id = %s", (run_id, source_id))


async def _stands(connection: Connection, run_id: int, deletes: Sequence[HeldDelete]) -> bool:
    cursor = await connection.execute(
        "SELECT side, key, confirmed FROM rowcast.held_deletes WHERE run_id = %s", (run_id,)
    )
    rows = await cursor.fetchall()
    confirmed = any(confirmed for _, _, confirmed in rows)
    return confirmed or {(held.side, held.key) for held in deletes} == {(Side(side), key) for side, key, _ in rows}
