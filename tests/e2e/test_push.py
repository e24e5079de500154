"""Google Drive's push channels, the whole way: a program's edit, which fires no trigger, arrives long before a poll."""

from pathlib import Path

from sandbox.server import Sandbox
from tests.e2e.customers import Customers, Sheet
from tests.server import ThreadServer, eventually, free_port, server_settings


async def test_an_edit_is_told_by_drive(database: str, sandbox: Sandbox, sheet: Sheet, tmp_path: Path) -> None:
    port = free_port()
    settings = server_settings(database, tmp_path, sandbox, port=port, public_url=f"http://127.0.0.1:{port}")
    server = ThreadServer(settings)
    await server.start()
    customers = Customers(server, sheet, database)
    await customers.register(pollSeconds=86400)
    await server.stop()

    server = ThreadServer(settings)
    await server.start()

    async def opened() -> bool:
        return len(sandbox.do(lambda office: office.channels.open)) == 1

    await eventually(opened)
    line = await sheet.line(8)
    await sheet.write(f"D{line}", [["Oslo"]])

    async def arrived() -> bool:
        return bool(await customers.value(8, "city") == "Oslo")

    await eventually(arrived)
    await server.stop()
