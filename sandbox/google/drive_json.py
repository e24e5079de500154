"""Files, permissions and changes as Drive shows them."""

from datetime import UTC, datetime

from sandbox.drive import SPREADSHEET_TYPE, File, Permission
from sandbox.google.json_value import JsonObject


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def file_json(file: File, email: str, base_url: str) -> JsonObject:
    """Every field that the sandbox knows; Drive's `fields` picks from them."""
    owners = file.owners()
    owned = any(owner.names(email) for owner in owners)
    # Who else has it is shown to those who may share it.
    given: JsonObject = {}
    if file.may_write(email):
        given = {
            "permissions": [permission_json(entry) for entry in file.permissions],
            "permissionIds": [entry.permission_id for entry in file.permissions],
        }
    shared: JsonObject = {} if owned or not file.lists(email) else {"sharedWithMeTime": timestamp(file.created)}
    return (
        shared
        | given
        | {
            "kind": "drive#file",
            "id": file.file_id,
            "name": file.name,
            "mimeType": SPREADSHEET_TYPE,
            "trashed": file.trashed,
            "explicitlyTrashed": file.trashed,
            "parents": list(file.parents),
            "version": str(file.version),
            "webViewLink": f"{base_url}/spreadsheets/d/{file.file_id}/edit?usp=drivesdk",
            "createdTime": timestamp(file.created),
            "modifiedTime": timestamp(file.modified),
            "owners": [
                {
                    "kind": "drive#user",
                    "displayName": owner.who,
                    "emailAddress": owner.who,
                    "permissionId": owner.permission_id,
                    "me": owner.names(email),
                }
                for owner in owners
            ],
            "ownedByMe": owned,
            "shared": len(file.permissions) > 1,
            "capabilities": {"canEdit": file.may_write(email), "canShare": file.may_write(email)},
        }
    )


def permission_json(entry: Permission) -> JsonObject:
    data: JsonObject = {
        "kind": "drive#permission",
        "id": entry.permission_id,
        "type": entry.kind,
        "role": entry.role,
    }
    if entry.kind in ("user", "group"):
        data |= {"emailAddress": entry.who, "displayName": entry.who, "deleted": False, "pendingOwner": False}
    elif entry.kind == "domain":
        data |= {"domain": entry.who, "displayName": entry.who, "allowFileDiscovery": False}
    else:
        data["allowFileDiscovery"] = False
    return data
