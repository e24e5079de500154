"""Fifty editors, a thousand edits, one workbook: how long each takes to the other side, and that none is lost.

`python -m bench.fifty_editors` measures and prints; `make soak` asserts that nothing is lost.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.editors import COLUMNS, EDITORS, ROWS, Cell, Edit, Editors, Hand, account_of
from bench.percentiles import Percentiles
from sandbox.accounts import DEMO_ACCOUNT
from sandbox.drive import File
from sandbox.office import Office
from sandbox.server import Sandbox
from sync.apps_script import CODE, SET_UP
from tests.e2e.customers import REGISTER, Sheet
from tests.postgres import migrated_template, running_server
from tests.sandbox.client import Api
from tests.server import ProcessServer, eventually, server_settings

NAME: Final = "editors"
GOOGLES_QUOTA: Final = {"reads": 60, "writes": 60, "perSeconds": 60, "projectReads": 300, "projectWrites": 300}
_POLL_SECONDS: Final = 5
_DEADLINE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Mode:
    """`think_s`: how long each editor thinks before an edit, on average."""

    quotas: bool
    hooks: bool
    think_s: float = 3.0

    def __str__(self) -> str:
        return f"Google's quotas {'on' if self.quotas else 'off'}, hooks {'on' if self.hooks else 'off'}"


MODES: Final = (Mode(quotas=False, hooks=True), Mode(quotas=True, hooks=True), Mode(quotas=True, hooks=False))


@dataclass(frozen=True, slots=True)
class Report:
    """`arrived`: Unix seconds at which each edit's value was first on the other side, by value. `sheet` and `table`:
    both sides in the end, by cell. `statuses`: how many of rowcast's calls Google answered so. `runs`: their times.
    """

    mode: Mode
    edits: Sequence[Edit]
    arrived: Mapping[str, float]
    sheet: Mapping[Cell, str]
    table: Mapping[Cell, str]
    open_failures: int
    open_conflicts: int
    statuses: Mapping[int, int]
    runs: Percentiles

    def __str__(self) -> str:
        lines = [f"{self.mode} ({sum(self.statuses.values())} calls, of which 429: {self.statuses.get(429, 0)})"]
        for hand, way in ((Hand.PERSON, "typed → table"), (Hand.PROGRAM, "API   → table"), (Hand.SQL, "SQL   → sheet")):
            took = [self.arrived[edit.value] - edit.at for edit in self.edits if edit.hand is hand]
            lines.append(f"  {way} {Percentiles.of(took)}")
        lines.append(f"  runs          {self.runs}")
        return "\n".join(lines)


class _Arrivals:
    """Notes when values first stand in the sheet. Called in the sandbox's thread, for each change of a file."""

    def __init__(self, spreadsheet: str) -> None:
        self._spreadsheet = spreadsheet
        self.at: dict[str, float] = {}
        self.values: dict[Cell, str] = {}

    def changed(self, _old: File, new: File) -> None:
        if new.file_id != self._spreadsheet:
            return
        now, sheet = time.time(), new.spreadsheet.sheets[0]
        for id_ in range(1, ROWS + 1):
            for index, column in enumerate(COLUMNS):
                value = str(sheet.cell(id_, index + 1).value)
                self.values[Cell(id_, column)] = value
                self.at.setdefault(value, now)


async def simulate(dsn: str, folder: Path, mode: Mode) -> Report:
    """One run on a migrated database, with a server and a sandbox of its own."""
    with Sandbox() as sandbox:
        spreadsheet = await asyncio.to_thread(_workbook, sandbox)
        arrivals = _Arrivals(spreadsheet)
        sandbox.do(lambda office: office.drive.listeners.append(arrivals.changed))
        kinds = ("reads", "writes", "project_reads", "project_writes")
        unlimited: dict[str, Any] = {}
        if not mode.quotas:
            unlimited = {f"google_{kind}_per_minute": 1_000_000 for kind in kinds}
        server = ProcessServer(server_settings(dsn, folder, sandbox, **unlimited))
        await server.start()
        try:
            await _register(server, sandbox, spreadsheet, hooks=mode.hooks)
            await eventually(lambda: _rows(dsn))
            if mode.quotas:
                await Sheet(sandbox).control("POST", "quota", GOOGLES_QUOTA)
            sandbox.do(lambda office: office.recorder.clear())
            edits = await Editors(sandbox, spreadsheet, NAME, dsn, random.Random(50)).edit(mode.think_s)  # noqa: S311
            await eventually(lambda: _settled(dsn, arrivals, edits), _DEADLINE_S)
            table = await _table(dsn)
            committed = await _committed(dsn)
            runs = await _run_times(dsn)
            failures, conflicts = [await _open(dsn, kind) for kind in ("failures", "conflicts")]
        finally:
            await server.stop()
        arrived = {edit.value: (arrivals.at if edit.hand is Hand.SQL else committed)[edit.value] for edit in edits}
        sheet, statuses = dict(arrivals.values), sandbox.do(_statuses)
    return Report(mode, edits, arrived, sheet, table, failures, conflicts, statuses, runs)


def _workbook(sandbox: Sandbox) -> str:
    """Its id: a hundred rows, with a value in each cell."""
    for number in range(EDITORS[Hand.PROGRAM]):
        sandbox.service_account_info(account_of(number))
    spreadsheet = sandbox.workbook_id(NAME)
    api = Api(sandbox)
    lines = [["id", *COLUMNS], *([id_, *(f"{column} {id_}" for column in COLUMNS)] for id_ in range(1, ROWS + 1))]
    api.write(spreadsheet, "Sheet1!A1", lines)
    api.close()
    return spreadsheet


async def _register(server: ProcessServer, sandbox: Sandbox, spreadsheet: str, *, hooks: bool) -> None:
    sheet = {"spreadsheet": spreadsheet}
    given = {"name": NAME, "sheet": sheet, "key": ["id"], "pollSeconds": _POLL_SECONDS}
    await server.graphql(REGISTER, {"input": given})
    if hooks:
        rotate = f'mutation {{ rotateHookSecret(name: "{NAME}") {{ url secret }} }}'
        hook = (await server.graphql(rotate))["rotateHookSecret"]
        script = {"spreadsheet": spreadsheet, "script": CODE.read_text(encoding="utf-8"), "function": SET_UP}
        await Sheet(sandbox).control("POST", "scripts", {**script, "answers": [hook["url"], hook["secret"]]})


async def _rows(dsn: str) -> bool:
    return len(await _table(dsn)) == ROWS * len(COLUMNS)


async def _settled(dsn: str, arrivals: _Arrivals, edits: Sequence[Edit]) -> bool:
    """Whether both sides are equal, and show what was edited last."""
    table = await _table(dsn)
    return table == arrivals.values and all(table[edit.cell] == edit.value for edit in edits)


async def _query(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def _table(dsn: str) -> dict[Cell, str]:
    rows = await _query(dsn, f"SELECT id, {', '.join(COLUMNS)} FROM {NAME}")  # noqa: S608 - names of ours
    return {Cell(id_, column): value for id_, *values in rows for column, value in zip(COLUMNS, values, strict=True)}


async def _committed(dsn: str) -> dict[str, float]:
    """When each value was first committed, by the log."""
    rows = await _query(
        dsn,
        f"""SELECT cell.value, min(extract(epoch FROM committed_at))::float8
            FROM rowcast.changes, json_each_text(after) AS cell
            WHERE relation = 'public.{NAME}' AND after IS NOT NULL GROUP BY cell.value""",  # noqa: S608 - names of ours
    )
    return dict(rows)


async def _run_times(dsn: str) -> Percentiles:
    rows = await _query(
        dsn, "SELECT extract(epoch FROM finished_at - started_at)::float8 FROM rowcast.runs WHERE state <> 'UNCHANGED'"
    )
    return Percentiles.of([seconds for (seconds,) in rows if seconds is not None])


async def _open(dsn: str, kind: str) -> int:
    rows = await _query(dsn, f"SELECT count(*) FROM rowcast.{kind} WHERE state = 'OPEN'")  # noqa: S608 - names of ours
    return int(rows[0][0])


def _statuses(office: Office) -> dict[int, int]:
    found: dict[int, int] = {}
    for call in office.recorder.calls:
        if call.account == DEMO_ACCOUNT and call.path != "/token" and call.status is not None:
            found[call.status] = found.get(call.status, 0) + 1
    return found


async def _measure() -> None:
    with running_server(None) as server, migrated_template(server) as template:
        for mode in MODES:
            dsn = server.create(template=template)
            with tempfile.TemporaryDirectory() as folder:
                report = await simulate(dsn, Path(folder), mode)
            server.drop(dsn)
            print(report, flush=True)


if __name__ == "__main__":
    asyncio.run(_measure())
