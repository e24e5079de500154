"""What two settings lead to: the secret key, and Google's service account. Neither is ever logged."""

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from api.settings import Settings, SettingsError

_NEEDED = ("client_email", "private_key", "token_uri")


def secret_key(settings: Settings) -> str:
    """The setting, or where it is unset the key in the data folder, made by the first process that asks."""
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data_dir / "secret-key"
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _publish(path, secrets.token_urlsafe(48))
    key = path.read_text().strip()
    if len(key) < 32:
        raise SettingsError(
            f"{path} doesn't hold a key of 32 characters or more: restore it, or set ROWCAST_SECRET_KEY."
        )
    return key


def service_account(settings: Settings) -> Mapping[str, str] | None:
    """Google's service-account document, None where no credentials are set. SettingsError if it isn't one."""
    given = settings.google_credentials
    if given is None:
        return None
    if given.lstrip().startswith("{"):
        return _service_account(given, "ROWCAST_GOOGLE_CREDENTIALS")
    path = Path(given).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ROWCAST_GOOGLE_CREDENTIALS: {path} can't be read: {error}") from error
    return _service_account(text, f"ROWCAST_GOOGLE_CREDENTIALS: {path}")


def write_private(path: Path, text: str) -> None:
    """Replaces a file whole, readable by its owner only."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    unfinished.replace(path)


def _publish(path: Path, text: str) -> None:
    """Gives the file to the first of several processes: a link never replaces, and is there whole or not at all."""
    own = path.with_name(f"{path.name}.{os.getpid()}.own")
    write_private(own, text)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(own)
    own.unlink()


def _service_account(text: str, where: str) -> Mapping[str, str]:
    advice = "expected a service account's JSON key, as Google's console downloads it"
    try:
        document = json.loads(text)
    except ValueError as error:
        # The decoder's own message may quote the key.
        raise SettingsError(f"{where}: not JSON: {advice}") from error
    if not isinstance(document, dict) or document.get("type") != "service_account":
        raise SettingsError(f'{where}: no "type": "service_account": {advice}')
    missing = [name for name in _NEEDED if not isinstance(document.get(name), str)]
    if missing:
        raise SettingsError(f"{where}: lacks {', '.join(missing)}: {advice}")
    return {name: value for name, value in document.items() if isinstance(value, str)}
