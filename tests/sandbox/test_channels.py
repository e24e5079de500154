"""Drive's push channels: watched, told, renewed, stopped, expired; as Google documents them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo import SPREADSHEET_ID
from sandbox.faults import PersonEdit
from sandbox.server import Sandbox
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.client import Api, refusal
from tests.sandbox.receiver import Receiver, receiving


class Watch:
    """Channels that are told to a receiver."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        self._api = api
        self._receiver = receiver

    async def drive(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        response = await asyncio.to_thread(self._api.drive, method, path, body, **query)
        assert response.ok, response.text
        return response.json() if response.content else None

    def channel(self, name: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "type": "web_hook", "address": self._receiver.url, "token": f"token of {name}", **more}

    async def file(self, name: str, file_id: str = SPREADSHEET_ID, **more: Any) -> Any:
        return await self.drive("POST", f"files/{file_id}/watch", self.channel(name, **more))

    async def changes(self, name: str, **more: Any) -> Any:
        token = (await self.drive("GET", "changes/startPageToken"))["startPageToken"]
        return await self.drive("POST", "changes/watch", self.channel(name, **more), pageToken=token)

    async def write(self, value: str) -> None:
        await asyncio.to_thread(self._api.write, SPREADSHEET_ID, "products!B2", [[value]])

    async def next(self) -> dict[str, str]:
        """The headers of the next message, without their prefix."""
        headers, body = await asyncio.wait_for(self._receiver.calls.get(), 30)
        assert body == b""
        return {name.removeprefix("x-goog-"): value for name, value in headers.items() if name.startswith("x-goog-")}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def watch(api: Api, receiver: Receiver) -> Watch:
    return Watch(api, receiver)


async def test_a_files_channel_says_sync_first_and_then_each_kind_of_change(watch: Watch) -> None:
    opened = await watch.file("a")
    assert opened["kind"] == "api#channel"
    sync = await watch.next()
    assert sync.pop("channel-expiration")
    assert sync == {
        "channel-id": "a",
        "channel-token": "token of a",
        "resource-id": opened["resourceId"],
        "resource-uri": f"https://www.googleapis.com/drive/v3/files/{SPREADSHEET_ID}?alt=json",
        "resource-state": "sync",
        "message-number": "1",
    }
    said = []
    number = 1
    for act in (
        watch.write("x"),
        watch.drive("PATCH", f"files/{SPREADSHEET_ID}", {"trashed": True}),
        watch.drive("PATCH", f"files/{SPREADSHEET_ID}", {"trashed": False}),
        watch.drive("PATCH", f"files/{SPREADSHEET_ID}", {"name": "Renamed"}),
        watch.drive(
            "POST", f"files/{SPREADSHEET_ID}/permissions", {"type": "user", "role": "reader", "emailAddress": "a@b.c"}
        ),
    ):
        await act
        message = await watch.next()
        assert int(message["message-number"]) > number
        number = int(message["message-number"])
        said.append((message["resource-state"], message.get("changed")))
    assert said == [
        ("update", "content"),
        ("trash", None),
        ("untrash", None),
        ("update", "properties"),
        ("update", "permissions"),
    ]


async def test_a_changes_channel_serves_every_file_of_the_account_and_no_others(
    watch: Watch, sandbox: Sandbox, receiver: Receiver
) -> None:
    opened = await watch.changes("all")
    assert (await watch.next())["resource-state"] == "sync"
    other = Api(sandbox, "other@example.com")
    file = await asyncio.to_thread(other.drive, "POST", "files", {"name": "Not shared"})
    file_id = file.json()["id"]
    await asyncio.to_thread(other.write, file_id, "A1", [["x"]])
    await watch.write("x")
    message = await watch.next()
    assert (message["resource-state"], message["resource-id"]) == ("change", opened["resourceId"])
    assert "changed" not in message
    made = await watch.drive("POST", "files", {"name": "Mine"})
    await watch.next()
    await watch.drive("DELETE", f"files/{made['id']}")
    await watch.next()
    assert receiver.calls.empty()
    other.close()


async def test_a_stopped_channel_is_silent(watch: Watch, receiver: Receiver, api: Api) -> None:
    first, second = await watch.changes("first"), await watch.changes("second")
    assert first["resourceId"] == second["resourceId"]
    for _ in range(2):
        await watch.next()
    stop = {"id": "first", "resourceId": first["resourceId"]}
    await watch.drive("POST", "channels/stop", stop)
    await watch.write("x")
    assert (await watch.next())["channel-id"] == "second"
    assert receiver.calls.empty()
    for wrong in (stop, {"id": "second", "resourceId": "other"}):
        assert "not found for project" in refusal(await asyncio.to_thread(api.drive, "POST", "channels/stop", wrong))[2]


async def test_what_comes_while_an_address_is_called_is_told_once(watch: Watch, receiver: Receiver) -> None:
    receiver.gate.clear()
    await watch.changes("all")
    await watch.next()
    for value in "abcdefgh":
        await watch.write(value)
    receiver.gate.set()
    assert (await watch.next())["resource-state"] == "change"
    await watch.file("file")
    assert (await watch.next())["channel-id"] == "file"
    assert receiver.calls.empty()


async def test_a_busy_address_is_called_again_and_one_that_refuses_is_not(watch: Watch, receiver: Receiver) -> None:
    receiver.statuses[:] = [503, 202, 404]
    await watch.changes("all")
    for _ in range(2):
        assert (await watch.next())["message-number"] == "1"
    await watch.write("refused")
    first = await watch.next()
    await watch.write("told")
    assert int((await watch.next())["message-number"]) > int(first["message-number"])
    assert receiver.calls.empty()


async def test_channels_expire_and_outlive_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    path = tmp_path / "sandbox.sqlite"
    async with CheckedSandbox(path, clock=lambda: now) as sandbox:
        watch = Watch(Api(sandbox), receiver)
        wished = int((now + timedelta(minutes=90)).timestamp() * 1000)
        expirations = {
            "default": (await watch.changes("default"))["expiration"],
            "wished": (await watch.changes("wished", expiration=str(wished)))["expiration"],
            "file": (await watch.file("file", expiration=str(wished * 2)))["expiration"],
            "week": (await watch.changes("week", expiration=str(wished * 2)))["expiration"],
        }
        assert {name: datetime.fromtimestamp(int(ms) / 1000, UTC) - now for name, ms in expirations.items()} == {
            "default": timedelta(hours=1),
            "wished": timedelta(minutes=90),
            "file": timedelta(days=1),
            "week": timedelta(days=7),
        }
        synced = [await watch.next() for _ in expirations]
        assert parsedate_to_datetime(
            next(message for message in synced if message["channel-id"] == "default")["channel-expiration"]
        ) == now + timedelta(hours=1)
        watch._api.close()
    now += timedelta(hours=2)
    async with CheckedSandbox(path, clock=lambda: now) as sandbox:
        edit = PersonEdit(SPREADSHEET_ID, "products", "B2", (("x",),))
        await asyncio.to_thread(sandbox.do, lambda office: office.person.cells.edit(edit))
        assert {(await watch.next())["channel-id"] for _ in range(2)} == {"file", "week"}
        assert sandbox.do(lambda office: set(office.channels.open)) == {"file", "week"}
        assert receiver.calls.empty()


async def test_channels_are_checked(watch: Watch, api: Api) -> None:
    def refused(
        body: dict[str, Any], path: str = f"files/{SPREADSHEET_ID}/watch", **query: Any
    ) -> tuple[Any, str, str]:
        response = api.drive("POST", path, body, **query)
        return response.status_code, response.json()["error"]["errors"][0]["reason"], refusal(response)[2]

    good = watch.channel("good")
    assert refused({**good, "type": "email"})[1:] == ("channelUnknown", "Unknown channel type: email")
    assert refused({**good, "id": ""})[0] == 400
    assert refused({**good, "id": "x" * 65})[0] == 400
    assert refused({**good, "address": "https://example.com/hook"})[1] == "push.webhookUrlUnauthorized"
    assert refused(good, "files/none/watch")[0] == 404
    assert refused(good, "changes/watch") == (400, "required", "Required parameter: pageToken")
    assert refused(good, "changes/watch", pageToken="x")[0] == 400
    await watch.file("good")
    assert refused(good)[1:] == ("channelIdNotUnique", "Channel id good not unique")
