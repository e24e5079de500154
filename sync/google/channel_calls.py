"""The calls to Drive that open and stop a push channel on all changes of an account.

One channel serves every file of the account, for as long as a week: the least of calls, and what `changes.list` then
says is which files. Source: https://developers.google.com/workspace/drive/api/guides/push
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gspread.exceptions import APIError
from gspread.http_client import HTTPClient, ParamsType

from db.drive_channels import DriveChannel
from db.errors import SourceUnreachable

_DRIVE: Final = "https://www.googleapis.com/drive/v3"
_REFUSED: Final = frozenset({400, 401, 403, 404})
_SHARED: Final[ParamsType] = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


class ChannelRefused(SourceUnreachable):
    """Google doesn't open it, and says why: repeating at once gives the same answer, and there is no channel."""


@dataclass(frozen=True, slots=True)
class Opened:
    """`resource_id` is what it takes to stop the channel; `expires_at` may be sooner than was asked for."""

    resource_id: str
    expires_at: datetime


def open_channel(client: HTTPClient, channel: DriveChannel, token: str, page_token: str) -> Opened:
    """Ask for it, once. ChannelRefused."""
    body: dict[str, Any] = {
        "id": str(channel.id),
        "type": "web_hook",
        "address": channel.address,
        "token": token,
        "expiration": str(round(channel.expires_at.timestamp() * 1000)),
    }
    parameters: ParamsType = {**_SHARED, "pageToken": page_token}
    try:
        answer = client.request("post", f"{_DRIVE}/changes/watch", params=parameters, json=body).json()
    except APIError as error:
        if error.response.status_code not in _REFUSED:
            raise
        # What these say of a spreadsheet is not what they say here.
        raise ChannelRefused(f"Google answered {error.response.status_code}: {error.error.get('message')}") from error
    expiration = answer.get("expiration")
    try:
        expires_at = channel.expires_at if expiration is None else datetime.fromtimestamp(int(expiration) / 1000, UTC)
        return Opened(answer["resourceId"], expires_at)
    except (KeyError, ValueError) as error:
        raise ChannelRefused(f"Google's answer is no channel: {error!r} is wrong in it.") from error


def stop_channel(client: HTTPClient, channel: DriveChannel) -> None:
    """End it; one that Google doesn't know any more is ended already."""
    try:
        client.request(
            "post", f"{_DRIVE}/channels/stop", json={"id": str(channel.id), "resourceId": channel.resource_id}
        )
    except APIError as error:
        if error.response.status_code != 404:
            raise
