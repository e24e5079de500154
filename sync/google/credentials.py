"""A service account's key, from the file that Google hands out or its text. Checked here, before anybody calls."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from db.errors import BadUserInput

_NEEDED: Final = ("client_email", "private_key", "token_uri")
_HOW: Final = (
    "Set ROWCAST_GOOGLE_CREDENTIALS to the JSON key of a service account (Google Cloud console, IAM, Service accounts,"
    " Keys, Add key, JSON), as a file's path or as the text itself."
)


_RESTART: Final = "set ROWCAST_GOOGLE_CREDENTIALS to it and start again"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """`info` is the parsed key file, in Google's format; never shown, for it holds the private key.

    `key` is that private key, loaded: to load one takes 60 ms, for it is checked. `mend` says where a new key goes.
    `project`: accounts of one share its quota.
    """

    email: str
    project: str
    info: Mapping[str, str] = field(repr=False)
    key: RSAPrivateKey = field(repr=False, compare=False)
    mend: str = _RESTART

    @classmethod
    def load(cls, setting: str) -> "ServiceAccount":
        """Of a path, or of the JSON itself. BadUserInput says what is wrong with it."""
        return cls.parse(setting) if is_json(setting) else cls.read(Path(setting).expanduser())

    @classmethod
    def read(cls, path: Path) -> "ServiceAccount":
        """Of a key file. BadUserInput says what is wrong with it."""
        try:
            account = cls.parse(path.read_text(encoding="utf-8"))
        except BadUserInput as error:
            raise BadUserInput(f"{path}: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadUserInput(f"{path}: The Google credentials can't be read: {error}. {_HOW}") from error
        return replace(account, mend=f"put it in the place of {path}: it is read again by itself")

    @classmethod
    def parse(cls, text: str) -> "ServiceAccount":
        """Of the key file's text. BadUserInput says what is wrong with it."""
        try:
            info = json.loads(text)
        except ValueError as error:
            raise BadUserInput(f"The Google credentials are no JSON. {_HOW}") from error
        if not isinstance(info, dict) or info.get("type") != "service_account":
            raise BadUserInput(f"The Google credentials are not those of a service account. {_HOW}")
        missing = [name for name in _NEEDED if not isinstance(info.get(name), str)]
        if missing:
            raise BadUserInput(f"The Google credentials lack {', '.join(missing)}. {_HOW}")
        try:
            key = load_pem_private_key(info["private_key"].encode(), password=None)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BadUserInput(f"The private key in the Google credentials can't be read. {_HOW}") from error
        if not isinstance(key, RSAPrivateKey):
            raise BadUserInput(f"The private key in the Google credentials is not an RSA key. {_HOW}")
        email, project = info["client_email"], info.get("project_id")
        return cls(email, project if isinstance(project, str) else email, info, key)


def is_json(setting: str) -> bool:
    """Whether the setting is the key itself rather than a file's path."""
    return setting.lstrip().startswith("{")
