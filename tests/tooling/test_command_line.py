"""`python -m api`, as typed: what it does, and the one message and exit code where it can't."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.__main__ import main
from db.secrets import Keyring
from tests.loopback import LOOPBACK
from tests.ports import free_port, taken_port
from tests.postgres import embedded_folder

CHECKOUT = Path(__file__).parents[2]
DEADLINE_S = 60


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with embedded_folder() as folder:
        yield folder.parent


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWCAST_")}
    return {**kept, **settings}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments],
        cwd=CHECKOUT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "api", *arguments],
        cwd=CHECKOUT,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "command", [[], ["demo"], ["serve"], ["migrate"], ["sandbox"], ["doctor"], ["psql"], ["rotate-secrets"], ["schema"]]
)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: python -m api", *command]))


def test_an_unknown_command_is_refused() -> None:
    answer = run("deploy")
    assert answer.returncode == 2
    assert "invalid choice: 'deploy'" in answer.stderr


@pytest.mark.parametrize(
    "command", ["demo", "serve", "migrate", "sandbox", "doctor", "psql", "rotate-secrets", "schema"]
)
def test_a_wrong_setting_ends_every_command(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWCAST_PORT", "eighty")
    assert main([command]) == 2
    error = capsys.readouterr().err
    assert error == "ROWCAST_PORT: expected a whole number, such as 8000\n"


def test_migrate_then_psql_on_a_database_given_by_url(empty_database: str) -> None:
    assert run("migrate", ROWCAST_DATABASE_URL=empty_database).returncode == 0
    assert run("migrate", ROWCAST_DATABASE_URL=empty_database).returncode == 0
    answer = run("psql", "-c", "SELECT to_regclass('rowcast.changes')", ROWCAST_DATABASE_URL=empty_database)
    assert answer.returncode == 0
    assert "rowcast.changes" in answer.stdout


def test_psql_passes_its_exit_code_on(database: str) -> None:
    answer = run("psql", "-c", "SELECT nonsense", ROWCAST_DATABASE_URL=database)
    assert answer.returncode == 1
    assert 'column "nonsense" does not exist' in answer.stderr


def test_psql_starts_the_embedded_server_and_stops_it(data_dir: Path) -> None:
    settings = {"ROWCAST_DATA_DIR": str(data_dir), "ROWCAST_PG_PORT": str(free_port())}
    assert run("psql", "-c", "CREATE TABLE kept (n int)", **settings).returncode == 0
    answer = run("psql", "-c", "SELECT count(*) FROM kept", **settings)
    assert answer.returncode == 0
    assert not (data_dir / "postgres" / "cluster" / "postmaster.pid").exists()


def test_the_embedded_servers_port_is_named_where_it_is_taken(data_dir: Path) -> None:
    with taken_port() as port:
        answer = run("migrate", ROWCAST_DATA_DIR=str(data_dir), ROWCAST_PG_PORT=port)
    assert answer.returncode == 1
    assert answer.stderr == f"Port {port} is in use by another program: set ROWCAST_PG_PORT to a free one.\n"


@pytest.mark.parametrize(("command", "variable"), [("serve", "ROWCAST_PORT"), ("sandbox", "ROWCAST_SANDBOX_PORT")])
def test_a_taken_port_is_named(command: str, variable: str, database: str, data_dir: Path) -> None:
    with taken_port() as port:
        answer = run(command, **{"ROWCAST_DATABASE_URL": database, "ROWCAST_DATA_DIR": str(data_dir), variable: port})
    assert answer.returncode == 1
    assert answer.stderr == f"Port {port} is in use by another program: set {variable} to a free one.\n"


def test_rotate_secrets_says_what_it_did_and_which_key_it_lacks(database: str) -> None:
    old, new = "old" * 20, "new" * 20
    with psycopg.connect(database) as connection:
        ciphertext = Keyring.derive(old).encrypt("secret")
        connection.execute("INSERT INTO rowcast.secrets (name, ciphertext) VALUES ('hook:1', %s)", (ciphertext,))
    settings = {"ROWCAST_DATABASE_URL": database, "ROWCAST_SECRET_KEY": new}
    refused = run("rotate-secrets", **settings)
    assert (refused.returncode, "ROWCAST_PREVIOUS_SECRET_KEYS" in refused.stderr) == (1, True)
    rotated = run("rotate-secrets", **settings, ROWCAST_PREVIOUS_SECRET_KEYS=old)
    assert (rotated.returncode, rotated.stdout[:1]) == (0, "1")
    assert run("rotate-secrets", **settings).returncode == 0


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_an_unreachable_postgres_is_one_message(command: str, data_dir: Path) -> None:
    answer = run(
        command,
        ROWCAST_DATABASE_URL="postgresql://user:hunter2@127.0.0.1:1/shop",
        ROWCAST_PORT=str(free_port()),
        ROWCAST_DATA_DIR=str(data_dir),
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("Postgres at 127.0.0.1:1/shop can't be reached: ")
    assert "Traceback" not in answer.stderr
    assert "hunter2" not in answer.stderr


def test_serve_asks_for_the_migration_of_a_database_of_the_users(empty_database: str) -> None:
    answer = run("serve", ROWCAST_DATABASE_URL=empty_database, ROWCAST_PORT=str(free_port()))
    assert answer.returncode == 1
    assert "run `python -m api migrate`" in answer.stderr


def test_serve_looks_at_the_credentials_first(database: str) -> None:
    answer = run("serve", ROWCAST_DATABASE_URL=database, ROWCAST_GOOGLE_CREDENTIALS="/nowhere/account.json")
    assert answer.returncode == 2
    assert answer.stderr.startswith("ROWCAST_GOOGLE_CREDENTIALS: ")


def test_doctor_is_content_with_a_migrated_database(database: str, data_dir: Path) -> None:
    answer = run(
        "doctor",
        ROWCAST_DATABASE_URL=database,
        ROWCAST_DATA_DIR=str(data_dir),
        ROWCAST_PORT=str(free_port()),
        ROWCAST_SANDBOX_PORT=str(free_port()),
    )
    assert answer.returncode == 0, answer.stdout
    assert "FAILED" not in answer.stdout
    assert "migrations: at " in answer.stdout


def test_doctor_says_what_mends_what_is_missing(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "account.json").write_text("{}")
    with taken_port() as port:
        answer = run(
            "doctor",
            ROWCAST_DATABASE_URL=empty_database,
            ROWCAST_DATA_DIR=str(tmp_path / "file" / "data"),
            ROWCAST_PORT=port,
            ROWCAST_SANDBOX_PORT=str(free_port()),
            ROWCAST_GOOGLE_CREDENTIALS=str(tmp_path / "account.json"),
        )
    assert answer.returncode == 1
    failed = [line.split()[1] for line in answer.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == ["data", "port", "migrations:", "Google"]
    assert answer.stdout.count("To mend it:") == len(failed)
    assert answer.stderr == "4 of the above have to be mended.\n"


def test_doctor_shows_the_preflights_problems(data_dir: Path) -> None:
    answer = run(
        "doctor",
        ROWCAST_DATABASE_URL=make_conninfo(host="127.0.0.1", port=1, dbname="shop"),
        ROWCAST_DATA_DIR=str(data_dir),
        ROWCAST_PORT=str(free_port()),
        ROWCAST_SANDBOX_PORT=str(free_port()),
    )
    assert answer.returncode == 1
    assert "FAILED  Postgres: Postgres at 127.0.0.1:1/shop can't be reached" in answer.stdout
    assert answer.stderr == "1 of the above has to be mended.\n"


def test_doctor_says_that_the_embedded_server_has_no_port(data_dir: Path) -> None:
    with taken_port() as port:
        answer = run(
            "doctor",
            ROWCAST_DATA_DIR=str(data_dir),
            ROWCAST_PG_PORT=port,
            ROWCAST_PORT=str(free_port()),
            ROWCAST_SANDBOX_PORT=str(free_port()),
            ROWCAST_SECRET_KEY="k" * 32,
        )
    assert answer.returncode == 1
    assert f"FAILED  embedded Postgres: can't be started\n        To mend it: Port {port} is in use" in answer.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_serves_until_it_is_told_to_stop(data_dir: Path, number: signal.Signals) -> None:
    port = free_port()
    with running("sandbox", ROWCAST_DATA_DIR=str(data_dir), ROWCAST_SANDBOX_PORT=str(port)) as process:
        await_answer(f"http://127.0.0.1:{port}/", process)
        process.send_signal(number)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, output
    assert output == f"The sandbox listens at http://127.0.0.1:{port}\n"
    assert (data_dir / "sandbox.db").exists()


def await_answer(url: str, process: subprocess.Popen[str]) -> httpx.Response:
    until = time.monotonic() + DEADLINE_S
    while True:
        assert process.poll() is None, process.communicate()[0]
        try:
            answer = httpx.get(url, **LOOPBACK)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.is_success:
            return answer
        assert time.monotonic() < until, f"{url} did not answer"


def test_a_psql_session_is_the_plain_role(database: str) -> None:
    answer = run("psql", "-c", "SELECT current_setting('is_superuser')", ROWCAST_DATABASE_URL=database)
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT current_setting('is_superuser')").fetchone()
    assert row is not None
    assert str(row[0]) in answer.stdout
