"""Writing the change log: the leader's appends, its idle advance, and the beginning of a new epoch.

A commit is appended whole, in one transaction that holds the leader's term, together with how far the log then goes.
Besides it only `db.log_append_small` writes `rowcast.log_entries` and `rowcast.log_state`; retention
(`db.log.drop_history`) raises the floor.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta

from psycopg import AsyncCopy, AsyncCursor, sql
from psycopg.rows import TupleRow

from db.changes import Cause, Transaction
from db.events import EventKind, insert_event
from db.lease import Term
from db.log import LogState, log_state
from db.log_format import CAUSES, code_of, images
from db.log_names import LogNames, names_known
from db.logged_tables import give_all_names
from db.position import Position
from db.session import Connection

_COPY = """COPY rowcast.log_entries (epoch, lsn, xid, committed_at, day, cause, actor, index, relation, layout,
    operation, key, old_key, image, replaced) FROM STDIN"""


def utc_today() -> date:
    """The day whose partition takes an append."""
    return datetime.now(UTC).date()


class Append:
    """An open append: give it slices of commits, each commit to its last slice."""

    def __init__(self, cursor: AsyncCursor[TupleRow], copying: AsyncExitStack, names: LogNames, day: date) -> None:
        """`copying` is closed by the caller, and COPY with it."""
        self._cursor = cursor
        self._copying = copying
        self._names = names
        self._day = day
        self._copy: AsyncCopy | None = None
        self.first: int | None = None
        self.head: Position | None = None
        self.relations: set[str] = set()
        self.late_origins: dict[int, tuple[int, Cause, str | None]] = {}
        self._causes: dict[int, tuple[Cause, str | None]] = {}
        self.changes = 0

    async def write(self, transaction: Transaction) -> None:
        """COPY a slice; nothing of it is visible before the append is committed."""
        origin = transaction.cause, transaction.actor
        lsn = transaction.position.lsn
        self.first = lsn if self.first is None else self.first
        if self._causes.setdefault(lsn, origin) != origin:
            # The origin stood behind the first slices in the WAL: the whole commit gets it.
            self.late_origins[lsn] = (transaction.changes[0].position.epoch, *origin)
        relations = {change.relation for change in transaction.changes}
        try:
            lines = self._lines(transaction)
        except KeyError:
            stored = map(images, transaction.changes)
            await self._store_names(relations, {columns for columns, _, _ in stored if columns is not None})
            lines = self._lines(transaction)
        if self._copy is None:
            self._copy = await self._copying.enter_async_context(self._cursor.copy(_COPY))
        await self._copy.write("".join(lines).encode())
        self.relations |= relations
        self.changes += len(transaction.changes)
        self.head = transaction.position

    async def _store_names(self, relations: set[str], layouts: set[tuple[str, ...]]) -> None:
        """Of what the log has no number for yet. Nothing else goes on while COPY does."""
        await self._copying.aclose()
        self._copy = None
        await self._names.store(self._cursor, relations, layouts)

    def _lines(self, transaction: Transaction) -> list[str]:
        """Made here: psycopg would look up how each value of each row is printed. KeyError where a name is new."""
        relations, layouts = self._names.relations, self._names.layouts
        at = transaction.position
        times = f"{transaction.committed_at.isoformat()}\t{self._day}"
        origin = f"{CAUSES[transaction.cause]}\t{_text(transaction.actor or '')}"
        commit = f"{at.epoch}\t{at.lsn}\t{transaction.xid}\t{times}\t{origin}"
        lines = []
        for change in transaction.changes:
            columns, image, replaced = images(change)
            layout = _NULL if columns is None else layouts[columns]
            key = _NULL if change.key is None else _text(change.key)
            old_key = _text(change.old_key) if change.old_key else ""
            # JSON has no control characters.
            images_ = f"{image}\t{replaced}".replace("\\", "\\\\")
            lines.append(
                f"{commit}\t{change.position.index}\t{relations[change.relation]}\t{layout}\t{code_of(change)}\t{key}\t"
                f"{old_key}\t{images_}\n"
            )
        return lines


@asynccontextmanager
async def appending(
    connection: Connection, term: Term, decoded_to: Callable[[], int], day: date
) -> AsyncIterator[Append]:
    """One append as one transaction: committed with `decoded_to()` when the block ends, undone when it raises.

    It is visible, and may be published, once the block was left. Durable it is a little later: the slot must not be
    confirmed before the server has flushed it.
    """
    async with names_known(connection) as names, connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        await term.fence(connection)
        async with connection.cursor() as cursor:
            async with AsyncExitStack() as copying:
                append = Append(cursor, copying, names, day)
                yield append
            for lsn, (epoch, cause, actor) in append.late_origins.items():
                await cursor.execute(
                    "UPDATE rowcast.log_entries SET cause = %s, actor = %s WHERE epoch = %s AND lsn = %s",
                    (CAUSES[cause], actor or "", epoch, lsn),
                )
            head = append.head
            assert head is not None
            await cursor.execute(
                """UPDATE rowcast.log_state SET head_lsn = %s, head_index = %s, decoded_to = greatest(decoded_to, %s),
                       term = %s, updated_at = clock_timestamp() WHERE epoch = %s AND head_lsn < %s""",
                (head.lsn, head.index, decoded_to(), term.number, head.epoch, append.first),
            )
            if cursor.rowcount != 1:
                raise RuntimeError(
                    f"The log's head is not before {append.first}: two writers, or a commit given twice."
                )


async def advance(connection: Connection, term: Term, decoded_to: int, *, beat: bool) -> None:
    """Store how far an idle log goes; with `beat` write the heartbeat that moves a quiet database on."""
    async with connection.transaction():
        await term.fence(connection)
        await connection.execute(
            """UPDATE rowcast.log_state SET decoded_to = greatest(decoded_to, %s), term = %s,
                   updated_at = clock_timestamp()""",
            (decoded_to, term.number),
        )
        if beat:
            await heartbeat(connection)


async def heartbeat(connection: Connection) -> None:
    """Write a commit that the log knows and that is no change: what was written before it gets flushed and decoded."""
    await connection.execute("SELECT pg_logical_emit_message(true, 'rowcast', '')")


async def set_publications(connection: Connection, term: Term, names: Sequence[str]) -> None:
    """Store what the stream serves from now on."""
    async with connection.transaction():
        await term.fence(connection)
        await connection.execute("UPDATE rowcast.log_state SET publications = %s", (list(names),))


async def begin_epoch(
    connection: Connection,
    term: Term,
    *,
    system_id: str,
    timeline: int,
    slot: str,
    start: int,
    publications: Sequence[str],
    reason: str,
) -> LogState:
    """Begin the log anew at the LSN `start`: cursors of before are expired. Leaves a gap marker and an event.

    Epochs follow the clock, so that two restores of the same backup don't begin the same epoch.
    """
    async with connection.transaction():
        await term.fence(connection)
        cursor = await connection.execute(
            """SELECT greatest(coalesce((SELECT max(epoch) FROM rowcast.epochs), 0) + 1,
                   extract(epoch FROM clock_timestamp() - timestamptz '2020-01-01')::integer)"""
        )
        row = await cursor.fetchone()
        assert row is not None
        epoch = row[0]
        await connection.execute(
            "INSERT INTO rowcast.epochs (epoch, lsn, reason) VALUES (%s, %s, %s)", (epoch, start, reason)
        )
        await connection.execute(
            """INSERT INTO rowcast.log_state (epoch, system_id, timeline, slot, term, head_lsn, head_index, decoded_to,
                   floor_lsn, publications)
               VALUES (%(epoch)s, %(system_id)s, %(timeline)s, %(slot)s, %(term)s, %(start)s - 1, 0, %(start)s,
                   %(start)s, %(publications)s)
               ON CONFLICT (one) DO UPDATE SET epoch = EXCLUDED.epoch, system_id = EXCLUDED.system_id,
                   timeline = EXCLUDED.timeline, slot = EXCLUDED.slot, term = EXCLUDED.term,
                   head_lsn = EXCLUDED.head_lsn, head_index = EXCLUDED.head_index, decoded_to = EXCLUDED.decoded_to,
                   floor_lsn = EXCLUDED.floor_lsn, publications = EXCLUDED.publications,
                   updated_at = clock_timestamp()""",
            {
                "epoch": epoch,
                "system_id": system_id,
                "timeline": timeline,
                "slot": slot,
                "term": term.number,
                "start": start,
                "publications": list(publications),
            },
        )
        await give_all_names(connection, publications)
        await insert_event(
            connection, EventKind.SYSTEM, None, f"The change log begins a new epoch: {reason}", {"epoch": epoch}
        )
        state = await log_state(connection)
    assert state is not None
    return state


async def ensure_partitions(connection: Connection, today: date) -> None:
    """Make the partitions of today and tomorrow where they are missing, without stopping readers or the append."""
    for day in (today, today + timedelta(days=1)):
        table = f"log_entries_{day:%Y%m%d}"
        async with connection.transaction():
            # One maker at a time. An attached table, unlike one created as partition, takes no exclusive lock.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('rowcast.log_entries'))")
            cursor = await connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"rowcast.{table}",))
            if await cursor.fetchone() == (True,):
                continue
            name = sql.Identifier("rowcast", table)
            like = sql.SQL("CREATE TABLE {} (LIKE rowcast.log_entries INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
            await connection.execute(like.format(name))
            await connection.execute(
                sql.SQL("ALTER TABLE rowcast.log_entries ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    name, sql.Literal(day), sql.Literal(day + timedelta(days=1))
                )
            )


_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"


def _text(value: str) -> str:
    """As COPY's text format has it."""
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPED)
