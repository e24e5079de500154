"""What was acknowledged outlives the process: after a stop, after kill -9, and after a failed edit."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.demo import SPREADSHEET_ID
from sandbox.office import Office
from sandbox.server import serve
from tests.loopback import LOOPBACK
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.client import Api

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
from pathlib import Path
from sandbox.office import Office
from sandbox.server import serve
asyncio.run(serve("127.0.0.1", 0, Path(sys.argv[1]), lambda url: print(url, flush=True)))
"""

FILTER = {
    "range": {"sheetId": 0, "endRowIndex": 6, "endColumnIndex": 3},
    "filterSpecs": [
        {"columnIndex": 0, "filterCriteria": {"hiddenValues": ["last"]}},
        {"columnIndex": 1, "filterCriteria": {"condition": {"type": "BLANK"}}},
    ],
}


def test_everything_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "sandbox.sqlite"
    with CheckedSandbox(path) as sandbox:
        api = Api(sandbox)
        info = sandbox.service_account_info()
        file_id = api.sheets("POST", "", {"properties": {"title": "Kept"}}).json()["spreadsheetId"]
        api.write(file_id, "A1", [["x", 1.5, True, "=B1*2", "50%"], [], ["last"]], "USER_ENTERED")
        span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}
        metadata = {"metadataKey": "k", "location": {"dimensionRange": span}, "visibility": "PROJECT"}
        api.batch(
            file_id,
            {"createDeveloperMetadata": {"developerMetadata": metadata}},
            {"insertDimension": {"range": {**span, "startIndex": 0, "endIndex": 1}}},
            {
                "updateDimensionProperties": {
                    "range": span,
                    "properties": {"hiddenByUser": True},
                    "fields": "hiddenByUser",
                }
            },
            {
                "updateDimensionProperties": {
                    "range": {**span, "dimension": "COLUMNS"},
                    "properties": {"pixelSize": 7},
                    "fields": "*",
                }
            },
            {"mergeCells": {"range": {"sheetId": 0, "startRowIndex": 7, "endRowIndex": 9}}},
            {"addSheet": {"properties": {"title": "Second", "tabColorStyle": {"themeColor": "ACCENT1"}}}},
            {
                "addProtectedRange": {
                    "protectedRange": {"range": {"sheetId": 0, "startRowIndex": 9}, "editors": {"users": ["a"]}}
                }
            },
            {
                "addProtectedRange": {
                    "protectedRange": {"range": {"sheetId": 0}, "unprotectedRanges": [{"endRowIndex": 3}]}
                }
            },
            {"addNamedRange": {"namedRange": {"name": "Name", "range": {"endRowIndex": 2}}}},
            {"addDimensionGroup": {"range": {**span, "startIndex": 3, "endIndex": 5}}},
            {"setBasicFilter": {"filter": {**FILTER, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}}},
            {"addFilterView": {"filter": {**FILTER, "title": "View"}}},
            {"updateCells": {"start": {"rowIndex": 5}, "rows": [{"values": [{"note": "n"}]}], "fields": "note"}},
        )
        api.drive("DELETE", f"files/{api.drive('POST', 'files', {'name': 'Gone'}).json()['id']}")
        httpx.put(f"{sandbox.url}/_sandbox/feeds/f", content=b"{}", **LOOPBACK)
        before = everything(api, file_id)
        token = api.drive("GET", "changes/startPageToken").json()
        api.close()
    with CheckedSandbox(path) as sandbox:
        assert sandbox.service_account_info()["private_key"] == info["private_key"]
        api = Api(sandbox)
        assert everything(api, file_id) == before
        assert api.drive("GET", "changes/startPageToken").json() == token
        assert httpx.get(f"{sandbox.url}/_sandbox/feeds/f", **LOOPBACK).content == b"{}"
        second = before["sheets"][1]["properties"]["sheetId"]
        assert api.batch(file_id, {"deleteSheet": {"sheetId": second}}).ok
        api.close()
    with CheckedSandbox(path) as sandbox:
        api = Api(sandbox)
        assert len(everything(api, file_id)["sheets"]) == 1
        api.close()


def test_a_reset_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite"
    with CheckedSandbox() as fresh:
        expected = contents(Api(fresh))
    with CheckedSandbox(path) as sandbox:
        api = Api(sandbox)
        info = sandbox.service_account_info()
        api.write(SPREADSHEET_ID, "products!B2:C3", [["changed", 7], ["too", "=1+1"]], "USER_ENTERED")
        rows = {"sheetId": 0, "dimension": "ROWS"}
        api.batch(
            SPREADSHEET_ID,
            {"deleteDimension": {"range": {**rows, "startIndex": 3, "endIndex": 5}}},
            {"insertDimension": {"range": {**rows, "startIndex": 1, "endIndex": 2}}},
            {"addSheet": {"properties": {"title": "Another"}}},
            {"deleteSheet": {"sheetId": 1}},
        )
        assert contents(api) != expected
        sandbox.do(Office.reset)
        assert contents(api) == expected
    with CheckedSandbox(path) as sandbox:
        assert sandbox.service_account_info()["private_key"] == info["private_key"]
        assert contents(Api(sandbox)) == expected


def contents(api: Api) -> Any:
    """What the demo's workbook holds."""
    return api.sheets("GET", f"/{SPREADSHEET_ID}", includeGridData="true").json()["sheets"]


def everything(api: Api, file_id: str) -> Any:
    shown = api.sheets("GET", f"/{file_id}", includeGridData="true").json()
    shown.pop("spreadsheetUrl")
    shown["version"] = api.drive("GET", f"files/{file_id}", fields="version,modifiedTime,permissions").json()
    return shown


async def test_no_acknowledged_edit_is_lost_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite"
    number = 0
    for _ in range(2):
        process, url = await start(path)
        async with httpx.AsyncClient(base_url=url, **LOOPBACK, timeout=30) as client:
            for _ in range(25):
                number += 1
                assert (await client.post("/_sandbox/edit", json=edit(number))).status_code == 200
            # One more is on its way when the process dies: it is there as a whole or not at all.
            last = asyncio.create_task(client.post("/_sandbox/edit", json=edit(number + 1)))
            process.kill()
            await asyncio.gather(last, return_exceptions=True)
            await process.wait()
        with CheckedSandbox(path) as sandbox:
            api = Api(sandbox)
            found = await asyncio.to_thread(api.read, SPREADSHEET_ID, "products!A30:B30")
            api.close()
        assert found in ([[number, number]], [[number + 1, number + 1]])
        number = found[0][0]


def edit(number: int) -> dict[str, Any]:
    return {"spreadsheet": SPREADSHEET_ID, "worksheet": "products", "range": "A30", "values": [[number, number]]}


async def start(path: Path) -> tuple[asyncio.subprocess.Process, str]:
    """The sandbox as a process of its own, and its URL once it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return process, (await process.stdout.readline()).decode().strip()


async def test_serve_stops_on_a_signal_with_a_page_open(tmp_path: Path) -> None:
    process, url = await start(tmp_path / "sandbox.sqlite")
    events = f"{url}/spreadsheets/d/{SPREADSHEET_ID}/events"
    async with httpx.AsyncClient(**LOOPBACK, timeout=30) as client, client.stream("GET", events) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                process.terminate()
    async with asyncio.timeout(30):
        assert await process.wait() in (0, -signal.SIGTERM)


async def test_serve_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    listening: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(serve("127.0.0.1", 0, tmp_path / "x.sqlite", listening.put_nowait))
    url = await asyncio.wait_for(listening.get(), 30)
    async with httpx.AsyncClient(**LOOPBACK) as client:
        assert (await client.get(url)).status_code == 200
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_busy_port_is_an_error_at_once(tmp_path: Path) -> None:
    with CheckedSandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await serve("127.0.0.1", port, tmp_path / "x.sqlite")
