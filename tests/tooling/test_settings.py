"""One frozen object; a wrong setting is one message that names its variable; the documentation lists them all."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from api.settings import Settings, SettingsError, load_settings, variable
from api.settings_secrets import secret_key

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("ROWCAST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.sandbox_port) == ("127.0.0.1", 8000, 8010)
    assert settings.data_dir == Path.cwd() / ".rowcast"
    assert settings.base_url == "http://127.0.0.1:8000"
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("ROWCAST_PORT=8001\nROWCAST_HISTORY_DAYS=7\nUNRELATED=1\nROWCAST_LOG_LEVEL=\n")
    monkeypatch.setenv("ROWCAST_PORT", "8002")
    settings = load_settings()
    assert (settings.port, settings.history_days, settings.log_level) == (8002, 7, "info")


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCAST_ALLOWED_HOSTS", "a.example, b.example,")
    monkeypatch.setenv("ROWCAST_ALLOWED_ORIGINS", "https://a.example")
    settings = load_settings()
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.allowed_origins == ("https://a.example",)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ROWCAST_PORT", "abc", "expected a whole number, such as 8000"),
        ("ROWCAST_PORT", "65536", "expected 65,535 at most"),
        ("ROWCAST_PORTT", "8000", "did you mean ROWCAST_PORT?"),
        ("ROWCAST_XYZZY", "1", "docs/configuration.md"),
        ("ROWCAST_HOST", "0.0.0.0", "plain HTTP"),
        ("ROWCAST_HOST", "example.com", "loopback"),
        ("ROWCAST_DATABASE_URL", "nonsense", "postgresql://user:password@host:port/name"),
        ("ROWCAST_BROADCAST_URL", "http://x", "expected memory://"),
        ("ROWCAST_BROADCAST_URL", "kafka://x", "pip install aiokafka"),
        ("ROWCAST_SECRET_KEY", "short", "at least 32 characters"),
        ("ROWCAST_PUBLIC_URL", "example.com", "expected http://host"),
        ("ROWCAST_ALLOWED_ORIGINS", "https://a.example/path", "scheme, host and port only"),
        ("ROWCAST_HISTORY_DAYS", "0", "expected 1 at least"),
        ("ROWCAST_LOG_FORMAT", "xml", "expected 'text' or 'json'"),
    ],
)
def test_a_wrong_setting_is_one_message(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(name)
    assert says in message
    assert "\n" not in message


def test_all_wrong_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCAST_PORT", "x")
    monkeypatch.setenv("ROWCAST_PG_PORT", "y")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["ROWCAST_PORT", "ROWCAST_PG_PORT"]


def test_a_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCAST_DATABASE_URL", "postgresql://user:hunter2@[broken")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCAST_DATABASE_URL", "postgresql://user:hunter2@127.0.0.1/db")
    monkeypatch.setenv("ROWCAST_SECRET_KEY", "hunter2" * 6)
    monkeypatch.setenv("ROWCAST_PREVIOUS_SECRET_KEYS", "hunter2,hunter2")
    assert "hunter2" not in repr(load_settings())


def test_addresses_in_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCAST_HOST", "::1")
    assert load_settings().base_url == "http://[::1]:8000"
    monkeypatch.setenv("ROWCAST_PUBLIC_URL", "https://rows.example.com/")
    assert load_settings().base_url == "https://rows.example.com"


@pytest.mark.parametrize(
    ("public", "google", "hook"),
    [
        (None, None, None),
        ("https://rowcast.example", None, "https://rowcast.example/hooks/drive"),
        ("http://rowcast.example", None, None),
        ("https://127.0.0.1:8000", None, None),
        ("https://localhost", None, None),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8010", "http://127.0.0.1:8000/hooks/drive"),
        (None, "http://127.0.0.1:8010", None),
    ],
)
def test_drive_is_told_only_an_address_that_it_may_reach(
    public: str | None, google: str | None, hook: str | None
) -> None:
    assert Settings(public_url=public, google_api_url=google).drive_hook_url == hook


def test_the_secret_key_is_made_once_and_private() -> None:
    settings = load_settings()
    key = secret_key(settings)
    assert len(key) >= 32
    assert secret_key(settings) == key
    file = settings.data_dir / "secret-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(settings.data_dir.iterdir()) == [file]
    file.write_text("")
    with pytest.raises(SettingsError, match="ROWCAST_SECRET_KEY"):
        secret_key(settings)


def test_a_given_secret_key_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCAST_SECRET_KEY", "k" * 32)
    assert secret_key(load_settings()) == "k" * 32
    assert not Path(".rowcast").exists()


def _default(field: str) -> str:
    default = Settings.model_fields[field].default
    assert default is not PydanticUndefined
    return "" if default in (None, ()) else f"`{default}`"


def test_the_documentation_is_complete_and_true() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `ROWCAST_")]
    assert rows == [
        f"| `{variable(name)}` | {_default(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
