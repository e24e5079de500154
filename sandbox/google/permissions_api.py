"""Drive v3's permissions: who may read, write and own a file."""

from dataclasses import replace

from starlette.routing import Route

from sandbox.drive import Drive, File, Permission, permission
from sandbox.google.auth import Gate
from sandbox.google.drive_call import DriveCall, drive_route
from sandbox.google.drive_files import insufficient, writable
from sandbox.google.drive_json import permission_json
from sandbox.google.errors import PermissionDenied, invalid_parameter, not_found
from sandbox.google.json_value import Json, JsonObject

_KINDS = ("user", "group", "domain", "anyone")
_ROLES = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")


class PermissionsApi:
    """`/drive/v3/files/{file}/permissions`, for those who may write the file."""

    def __init__(self, drive: Drive, gate: Gate) -> None:
        self._drive = drive
        self._gate = gate

    def routes(self) -> list[Route]:
        every, one = "/drive/v3/files/{file}/permissions", "/drive/v3/files/{file}/permissions/{permission}"
        return [
            drive_route(self._gate, "GET", every, self._list),
            drive_route(self._gate, "POST", every, self._create),
            drive_route(self._gate, "GET", one, self._get),
            drive_route(self._gate, "PATCH", one, self._update),
            drive_route(self._gate, "DELETE", one, self._delete),
        ]

    def _list(self, call: DriveCall) -> JsonObject:
        shown: list[Json] = [permission_json(entry) for entry in writable(self._drive, call).permissions]
        return {"kind": "drive#permissionList", "permissions": shown}

    def _get(self, call: DriveCall) -> JsonObject:
        return permission_json(_entry(writable(self._drive, call), call))

    def _create(self, call: DriveCall) -> JsonObject:
        file = writable(self._drive, call)
        for name in ("type", "role"):
            if name not in call.body:
                message = f"The permission {name} field is required."
                raise invalid_parameter(f"permission.{name}", message, "required", "other")
        kind = call.body.choice("type", _KINDS, "")
        role = call.body.choice("role", _ROLES, "")
        who = call.body.text("domain" if kind == "domain" else "emailAddress")
        if kind != "anyone" and not who:
            raise invalid_parameter(
                "permission.emailAddress",
                "The specified emailAddress is invalid or not applicable for the given permission type.",
                kind="other",
            )
        entry = permission(kind, role, "" if kind == "anyone" else who)
        return self._put(call, file, entry)

    def _update(self, call: DriveCall) -> JsonObject:
        file = writable(self._drive, call)
        entry = _entry(file, call)
        return self._put(call, file, replace(entry, role=call.body.choice("role", _ROLES, entry.role)))

    def _delete(self, call: DriveCall) -> None:
        file = writable(self._drive, call)
        entry = _entry(file, call)
        if entry.role == "owner":
            raise insufficient()
        self._drive.touch(replace(file, permissions=_without(file, entry)))

    def _put(self, call: DriveCall, file: File, entry: Permission) -> JsonObject:
        """Gives the permission in place of what its subject had. A file keeps an owner, whom only an owner replaces."""
        owners = file.owners()
        owned = entry.permission_id in {owner.permission_id for owner in owners}
        if entry.role != "owner":
            if owned:
                raise insufficient()
            self._drive.touch(replace(file, permissions=(*_without(file, entry), entry)))
        elif not owned:
            if call.query.get("transferOwnership", "").lower() != "true":
                raise _must_transfer()
            if not any(owner.names(call.email) for owner in owners):
                raise insufficient()
            former = tuple(replace(p, role="writer") if p in owners else p for p in _without(file, entry))
            self._drive.touch(replace(file, permissions=(*former, entry)))
        return permission_json(entry)


def _must_transfer() -> PermissionDenied:
    error = PermissionDenied("The transferOwnership parameter must be enabled when the permission role is 'owner'.")
    error.location = ("transferOwnership", "parameter")
    return error


def _entry(file: File, call: DriveCall) -> Permission:
    number = call.path["permission"]
    for entry in file.permissions:
        if entry.permission_id == number:
            return entry
    raise not_found("permissionId", f"Permission not found: {number}.")


def _without(file: File, gone: Permission) -> tuple[Permission, ...]:
    return tuple(entry for entry in file.permissions if entry.permission_id != gone.permission_id)
