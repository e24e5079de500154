"""A sheet of a million cells and a feed of 100 MB, each imported and edited within 600 MB of memory."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.office import Office
from sandbox.server import Sandbox
from sandbox.workbook import writing
from tests.loopback import LOOPBACK
from tests.server import ProcessServer, eventually, server_settings

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

LIMIT_MB = 600
ROWS, COLUMNS = 100_000, 10
RECORDS = 1_000_000
_PATIENCE_S = 1200


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
async def server(database: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ProcessServer]:
    allowed = sandbox.url.removeprefix("http://")
    made = ProcessServer(server_settings(database, tmp_path, sandbox, feed_allow=allowed))
    await made.start()
    yield made
    await made.kill()


def _peak_mb(server: ProcessServer) -> float:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


async def _imported(server: ProcessServer, name: str, rows: int) -> bool:
    source = (await server.graphql("query ($n: String!) { source(name: $n) { rowCount stateReason } }", {"n": name}))[
        "source"
    ]
    assert source["stateReason"] is None, source
    return bool(int(source["rowCount"]) == rows)


async def _sync(server: ProcessServer, name: str) -> None:
    run = (await server.graphql("mutation ($n: String!) { syncSource(name: $n) { state message } }", {"n": name}))[
        "syncSource"
    ]
    # The run for what the import committed may begin first, and find that nothing is to be done.
    assert run["state"] in ("SUCCEEDED", "UNCHANGED"), run


@pytest.mark.parametrize("key", ['key: ["id"],', ""])
async def test_a_sheet_of_a_million_cells(server: ProcessServer, sandbox: Sandbox, key: str) -> None:
    """With a key of its own, and with ids of ours."""
    book = sandbox.workbook_id("Large")
    header = ("id", *(f"c{place}" for place in range(1, COLUMNS)))
    lines = [(str(row), *(f"v{row} {place}" for place in range(1, COLUMNS))) for row in range(ROWS)]

    def fill(office: Office) -> None:
        with office.drive.edit(book) as draft:
            sheet = draft.sheet(0)
            sheet.resize(ROWS + 1, COLUMNS)
            writing.write_block(sheet, 0, 0, [header, *lines], user_entered=True)

    sandbox.do(fill)
    register = f"""mutation ($book: String!) {{ registerSource(input: {{name: "large", {key} pollSeconds: 3600,
        sheet: {{spreadsheet: $book}}}}) {{ name }} }}"""
    await server.graphql(register, {"book": book})
    await eventually(lambda: _imported(server, "large", ROWS), _PATIENCE_S)
    await _sync(server, "large")
    print(f"\na sheet of {ROWS * COLUMNS:,} cells: {_peak_mb(server):.0f} MB at most")
    assert _peak_mb(server) < LIMIT_MB


def _json(record: int) -> str:
    note = "x" * 56
    return f'{{"id": {record}, "name": "record {record}", "note": "{note}"}}'


def _xml(record: int) -> str:
    note = "x" * 36
    return f'<record id="{record}"><name>record {record}</name><note>{note}</note></record>'


@pytest.mark.parametrize(
    ("kind", "records", "head", "between", "tail", "line"),
    [
        ("json", "@", "[", ",\n", "]", _json),
        ("xml", "/records/record", "<records>", "\n", "</records>", _xml),
    ],
)
async def test_a_feed_of_a_hundred_megabytes(
    server: ProcessServer,
    sandbox: Sandbox,
    kind: str,
    records: str,
    head: str,
    between: str,
    tail: str,
    line: Callable[[int], str],
) -> None:
    document = head + between.join(map(line, range(RECORDS))) + tail
    assert len(document) > 100_000_000
    async with httpx.AsyncClient(base_url=sandbox.url, **LOOPBACK, timeout=600) as http:
        await http.put("/_sandbox/feeds/large", content=document, headers={"content-type": f"application/{kind}"})
    del document
    register = """mutation ($url: String!, $records: String!, $format: FeedFormat!) { registerSource(input: {
        name: "large", key: ["id"], pollSeconds: 3600, direction: FROM_SOURCE,
        feed: {url: $url, records: $records, format: $format}}) { name } }"""
    url = f"{sandbox.url}/feeds/large"
    await server.graphql(register, {"url": url, "records": records, "format": kind.upper()}, _PATIENCE_S)
    await eventually(lambda: _imported(server, "large", RECORDS), _PATIENCE_S)
    print(f"\na feed of 100 MB of {kind}, {RECORDS:,} records: {_peak_mb(server):.0f} MB at most")
    assert _peak_mb(server) < LIMIT_MB
