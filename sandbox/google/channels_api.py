"""Drive v3's push channels: files.watch, changes.watch, channels.stop."""

from starlette.routing import Route

from sandbox.channels import CHANGES, Channel, Channels
from sandbox.drive import Drive
from sandbox.google.auth import Gate
from sandbox.google.drive_call import DriveCall, drive_route
from sandbox.google.drive_files import readable
from sandbox.google.errors import ApiError, BadRequest, EntityNotFound, invalid_parameter, required_parameter
from sandbox.google.json_value import JsonObject
from sandbox.loopback import leaves_loopback

_TYPES = ("web_hook", "webhook")
_LONGEST_ID = 64
_LONGEST_TOKEN = 256
_LAST_EXPIRATION = 253_402_300_799_000  # the end of year 9999


class ChannelsApi:
    """Routes that come before those of DriveApi."""

    def __init__(self, drive: Drive, gate: Gate, channels: Channels) -> None:
        self._drive = drive
        self._gate = gate
        self._channels = channels

    def routes(self) -> list[Route]:
        return [
            drive_route(self._gate, "POST", "/drive/v3/files/{file}/watch", self._watch_file),
            drive_route(self._gate, "POST", "/drive/v3/changes/watch", self._watch_changes),
            drive_route(self._gate, "POST", "/drive/v3/channels/stop", self._stop),
        ]

    def _watch_file(self, call: DriveCall) -> JsonObject:
        file = readable(self._drive, call)
        return self._open(call, file.file_id, f"https://www.googleapis.com/drive/v3/files/{file.file_id}?alt=json")

    def _watch_changes(self, call: DriveCall) -> JsonObject:
        token = call.query.get("pageToken")
        if token is None:
            raise required_parameter("pageToken")
        if not token.isdecimal():
            raise invalid_parameter("pageToken", "Invalid Value")
        uri = f"https://www.googleapis.com/drive/v3/changes?alt=json&pageToken={token}"
        return self._open(call, CHANGES, uri)

    def _open(self, call: DriveCall, watched: str, uri: str) -> JsonObject:
        body = call.body
        body.only(
            "id", "token", "address", "type", "expiration", "payload", "params", "kind", "resourceId", "resourceUri"
        )
        name, token, address = body.text("id"), body.text("token"), body.text("address")
        if not 1 <= len(name) <= _LONGEST_ID or len(token) > _LONGEST_TOKEN:
            raise _refused("required", f"The channel needs an id of 1 to {_LONGEST_ID} characters.")
        if body.text("type") not in _TYPES:
            raise _refused("channelUnknown", f"Unknown channel type: {body.text('type')}")
        # Google wants https, and a domain that is known to be the caller's.
        reason = leaves_loopback(address)
        if reason is not None:
            raise _refused("push.webhookUrlUnauthorized", f"Unauthorized WebHook callback channel: {address}. {reason}")
        if name in self._channels.open:
            raise _refused("channelIdNotUnique", f"Channel id {name} not unique")
        expiration = body.whole("expiration")
        if not 0 <= expiration <= _LAST_EXPIRATION:
            raise _refused("invalid", f"Invalid value for: {expiration} is no time in milliseconds.")
        channel = self._channels.watch(Channel(name, token, address, call.email, watched, uri, expiration))
        answer: JsonObject = {
            "kind": "api#channel",
            "id": name,
            "resourceId": channel.resource_id,
            "resourceUri": uri,
            "expiration": str(channel.expiration),
        }
        if token:
            answer["token"] = token
        return answer

    def _stop(self, call: DriveCall) -> None:
        name = call.body.text("id")
        channel = self._channels.open.get(name)
        if channel is None or (channel.account, channel.resource_id) != (call.email, call.body.text("resourceId")):
            raise EntityNotFound(f"Channel '{name}' not found for project '0'")
        self._channels.stop(name)


def _refused(reason: str, message: str) -> ApiError:
    error = BadRequest(message)
    error.reason = reason
    return error
