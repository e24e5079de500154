"""The secret key, which is made where none is set; and how files with secrets are written."""

import contextlib
import os
import secrets
from pathlib import Path

from api.settings import Settings, SettingsError
from db.secrets import Keyring


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


def keyring(settings: Settings) -> Keyring:
    """What the secret key and those before it are for."""
    return Keyring.derive(secret_key(settings), settings.previous_secret_keys)


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
