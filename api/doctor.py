"""`doctor`: everything that rowcast needs, looked at one by one; what fails comes with what mends it.

It changes nothing, except that it starts an embedded Postgres that doesn't run, and stops it again.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.cli_database import database
from api.cli_error import CommandError
from api.cli_listen import bound
from api.demo_children import running_demo
from api.settings import Settings, SettingsError
from api.settings_secrets import secret_key
from db.errors import BadUserInput
from db.preflight import preflight
from db.revision import current, newest
from db.session import connect
from sync.google.named_credentials import CredentialPlaces

_OLDEST_NODE = (20, 19)


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` is None where all is well."""

    what: str
    message: str
    mend: str | None = None


def run(settings: Settings) -> None:
    """Prints each finding; CommandError (exit code 1) where something has to be mended."""
    failed = 0
    for finding in examine(settings):
        failed += finding.mend is not None
        sys.stdout.write(f"{'ok    ' if finding.mend is None else 'FAILED'}  {finding.what}: {finding.message}\n")
        if finding.mend is not None:
            sys.stdout.write(f"        To mend it: {finding.mend}\n")
        sys.stdout.flush()
    if failed:
        raise CommandError(f"{failed} of the above {'has' if failed == 1 else 'have'} to be mended.")


def examine(settings: Settings) -> Iterator[Finding]:
    """The findings, each as soon as it is known."""
    yield Finding("Python", sys.version.split()[0])
    yield _data_folder(settings.data_dir)
    yield _secret_key(settings)
    yield from _ports(settings)
    yield from _database(settings)
    yield from _google(settings)
    yield _node(Path(".venv/bin/node"))


def _data_folder(folder: Path) -> Finding:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data folder", str(folder))
    return Finding("data folder", f"{nearest} can't be written to", "Make it writable, or set ROWCAST_DATA_DIR.")


def _secret_key(settings: Settings) -> Finding:
    if settings.secret_key is None and not (settings.data_dir / "secret-key").exists():
        return Finding("secret key", "made at the first start")
    try:
        secret_key(settings)
    except (SettingsError, OSError) as error:
        return Finding("secret key", str(error), "Restore the file, or set ROWCAST_SECRET_KEY.")
    return Finding("secret key", "there")


def _ports(settings: Settings) -> Iterator[Finding]:
    if running_demo(settings) is not None:
        yield Finding("ports", "in use by the demo, which runs")
        return
    wanted = [
        ("ROWCAST_PORT", settings.host, settings.port),
        ("ROWCAST_SANDBOX_PORT", "127.0.0.1", settings.sandbox_port),
    ]
    for variable, host, port in wanted:
        try:
            bound(host, port, variable).close()
        except CommandError as error:
            yield Finding(f"port {port}", "can't be had", str(error))
        else:
            yield Finding(f"port {port}", "free")


def _database(settings: Settings) -> Iterator[Finding]:
    kind = "embedded Postgres" if settings.database_url is None else "Postgres"
    try:
        with database(settings) as dsn:
            problems = asyncio.run(preflight(dsn))
            if not problems:
                yield Finding(kind, "reachable, new enough, with logical WAL, and the role may what it needs to")
                yield asyncio.run(_migrations(dsn))
            for problem in problems:
                yield Finding(kind, problem.message, problem.mend)
    except CommandError as error:
        yield Finding(kind, "can't be started", str(error))


async def _migrations(dsn: str) -> Finding:
    async with await connect(dsn, "rowcast doctor") as connection:
        revision = await current(connection)
    if revision == newest():
        return Finding("migrations", f"at {revision}, the newest")
    return Finding("migrations", f"at {revision or 'none'}, and {newest()} is the newest", "python -m api migrate")


def _google(settings: Settings) -> Iterator[Finding]:
    accounts = CredentialPlaces(settings.google_credentials, settings.google_credentials_dir).accounts()
    if not accounts:
        yield Finding("Google credentials", "none, so sheets can't be registered (the demo brings its own)")
    for name, read in accounts.items():
        what = f"Google credential {name}"
        try:
            yield Finding(what, f"share your sheets with {read().email}")
        except BadUserInput as error:
            yield Finding(what, "can't be used", str(error))


def _node(installed: Path) -> Finding:
    """Node builds the dashboard; a server whose dashboard is built does without."""
    program = str(installed) if installed.exists() else shutil.which("node")
    if program is None:
        return Finding("Node", "none (`make` brings its own where it builds the dashboard)")
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_NODE:
        return Finding(
            "Node", f"{answer.stdout.strip()} is too old (`make` brings its own where it builds the dashboard)"
        )
    return Finding("Node", answer.stdout.strip())
